//! Redis as a server: its URL, its connections, and the check of its requirements.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::cluster::{ClusterClientBuilder, TlsMode};
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo,
    Pipeline, ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError, RedisResult, TlsCertificates,
    Value, cmd,
};
use tokio::time::timeout;

use super::limits::Bucket;
use super::{ConnectError, RedisOptions};

/// Timeout for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Timeout for an answer, after which the server counts as unreachable.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// The oldest supported major version, the first with sharded publication.
const MIN_VERSION: u32 = 7;
const FORMS: &str = "redis://[user[:password]@]host[:port], rediss://… over TLS, \
     redis+sentinel://host[:port][,host[:port]…]/master or redis+cluster://host[:port][,host[:port]…]";

/// The kind of deployment that the URL describes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Topology {
    Single,
    /// Sentinels, with the name under which they know the master.
    Sentinel(String),
    Cluster,
}

/// A parsed URL.
#[derive(Clone)]
pub(super) struct RedisServer {
    kind: Topology,
    tls: bool,
    user: Option<String>,
    password: Option<String>,
    hosts: Vec<(String, u16)>,
    authority: Option<Vec<u8>>,
}

/// A connection to Redis.
#[derive(Clone)]
pub(super) enum RedisConnection {
    Single(MultiplexedConnection),
    /// To all nodes of a cluster, with sharded publication.
    Cluster(ClusterConnection),
}

/// The handler of messages that the server pushes.
pub(super) type PushHandler = std::sync::Arc<dyn Fn(PushInfo) + Send + Sync>;

impl RedisServer {
    pub(super) fn parse(options: &RedisOptions) -> Result<Self, ConnectError> {
        let refused = |why: &str| ConnectError::Unfit(format!("the URL of Redis {why}: give {FORMS}"));
        let (scheme, rest) = options.url.split_once("://").ok_or_else(|| refused("has no scheme"))?;
        let (base, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        let tls = match base {
            "redis" => false,
            "rediss" => true,
            _ => return Err(refused("has a scheme that is not known")),
        };
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (Some(credentials), rest),
            None => (None, rest),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let kind = match (kind, path) {
            ("", "" | "0") => Topology::Single,
            ("cluster", "") => Topology::Cluster,
            ("sentinel", name) if !name.is_empty() => Topology::Sentinel(name.to_owned()),
            ("sentinel", _) => return Err(refused("names no master after the sentinels")),
            ("" | "cluster", _) => return Err(refused("has something after its hosts")),
            _ => return Err(refused("has a scheme that is not known")),
        };
        let port = if matches!(kind, Topology::Sentinel(_)) { 26379 } else { 6379 };
        let hosts: Option<Vec<_>> = hosts.split(',').map(|host| host_of(host, port)).collect();
        let hosts = hosts.ok_or_else(|| refused("has an invalid host or port"))?;
        if kind == Topology::Single && hosts.len() > 1 {
            return Err(refused("names several hosts"));
        }
        let (user, password) = match credentials {
            None => (None, None),
            Some(text) => {
                let (user, password) = text.split_once(':').map_or((text, None), |(u, p)| (u, Some(p)));
                let decode = |text: &str| decoded(text).ok_or_else(|| refused("has a bad escape"));
                (Some(decode(user)?).filter(|user| !user.is_empty()), password.map(decode).transpose()?)
            }
        };
        Ok(Self { kind, tls, user, password, hosts, authority: options.authority.clone() })
    }

    /// The address, without secrets.
    pub(super) fn place(&self) -> String {
        let hosts: Vec<_> = self.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        let hosts = hosts.join(",");
        match &self.kind {
            Topology::Single => hosts,
            Topology::Sentinel(master) => format!("the master {master} of the sentinels {hosts}"),
            Topology::Cluster => format!("the cluster {hosts}"),
        }
    }

    /// Connects, and checks that the server meets the requirements. Push messages go to `on_push`.
    pub(super) async fn connect(
        &self,
        on_push: PushHandler,
    ) -> Result<(RedisConnection, String), ConnectError> {
        // Keep a provider that was installed before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let whole = timeout(CONNECT_TIMEOUT * 2, self.connect_fit(on_push)).await;
        whole.unwrap_or_else(|_| Err(self.away("it does not answer")))
    }

    async fn connect_fit(&self, on_push: PushHandler) -> Result<(RedisConnection, String), ConnectError> {
        let mut connection = match &self.kind {
            Topology::Single => {
                let (host, port) = &self.hosts[0];
                let info = self.info(host, *port, true).map_err(|error| self.why(&error))?;
                RedisConnection::Single(
                    self.single(info, Some(on_push)).await.map_err(|error| self.why(&error))?,
                )
            }
            Topology::Sentinel(master) => {
                let (host, port) = self.master(master).await?;
                let info = self.info(&host, port, true).map_err(|error| self.why(&error))?;
                RedisConnection::Single(
                    self.single(info, Some(on_push)).await.map_err(|error| self.why(&error))?,
                )
            }
            Topology::Cluster => {
                RedisConnection::Cluster(self.cluster(on_push).await.map_err(|error| self.why(&error))?)
            }
        };
        let version = self.version(&mut connection).await?;
        if !connection.is_master().await.map_err(|error| self.why(&error))? {
            let place = self.place();
            return Err(ConnectError::Unfit(format!(
                "Redis at {place} is a replica: give its master, or use redis+sentinel://"
            )));
        }
        Ok((connection, version))
    }

    async fn version(&self, connection: &mut RedisConnection) -> Result<String, ConnectError> {
        let answer =
            connection.ask(cmd("INFO").arg("server").take()).await.map_err(|error| self.why(&error))?;
        let text = text_of(&answer).unwrap_or_default();
        let field = |name| text.lines().find_map(|line| line.strip_prefix(name));
        let version = field("redis_version:").unwrap_or("unknown").trim().to_owned();
        let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
        if major < MIN_VERSION {
            let place = self.place();
            return Err(ConnectError::Unfit(format!(
                "Redis at {place} is version {version}: Redis 7.0 or later, or Valkey, is needed"
            )));
        }
        Ok(field("valkey_version:").map_or(version.clone(), |valkey| format!("Valkey {}", valkey.trim())))
    }

    fn info(&self, host: &str, port: u16, whole: bool) -> RedisResult<ConnectionInfo> {
        let host = host.to_owned();
        let address = if self.tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        let mut settings =
            RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
        if whole && let Some(user) = &self.user {
            settings = settings.set_username(user);
        }
        if whole && let Some(password) = &self.password {
            settings = settings.set_password(password);
        }
        Ok(address.into_connection_info()?.set_redis_settings(settings))
    }

    async fn single(
        &self,
        info: ConnectionInfo,
        on_push: Option<PushHandler>,
    ) -> RedisResult<MultiplexedConnection> {
        let client = if self.tls {
            Client::build_with_tls(
                info,
                TlsCertificates { client_tls: None, root_cert: self.authority.clone() },
            )?
        } else {
            Client::open(info)?
        };
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT));
        if let Some(on_push) = on_push {
            config = config.set_push_sender(sender(on_push));
        }
        client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Asks all sentinels at once for the master, since some may be silent. They are asked without
    /// credentials, which belong to the master.
    async fn master(&self, name: &str) -> Result<(String, u16), ConnectError> {
        let asked = self.hosts.iter().map(|(host, port)| self.master_at(host, *port, name));
        let mut asked: FuturesUnordered<_> = asked.collect();
        let mut why = None;
        while let Some(answer) = asked.next().await {
            match answer {
                // A sentinel that is away may know the master.
                Err(refusal) if why.is_none() || refusal.is_away() => why = Some(refusal),
                Err(_) => {}
                master => return master,
            }
        }
        Err(why.unwrap_or_else(|| self.away("no sentinel answers")))
    }

    /// Asks one sentinel.
    async fn master_at(&self, host: &str, port: u16, name: &str) -> Result<(String, u16), ConnectError> {
        let asked = async {
            let mut sentinel = self.single(self.info(host, port, false)?, None).await?;
            let mut ask = cmd("SENTINEL");
            ask.arg("get-master-addr-by-name").arg(name);
            ask.query_async::<Option<(String, u16)>>(&mut sentinel).await
        };
        match asked.await {
            Ok(Some(master)) => Ok(master),
            Ok(None) => Err(ConnectError::Unfit(format!(
                "the sentinel {host}:{port} knows no master {name}: give the name that \
                 `sentinel monitor` has in its configuration"
            ))),
            Err(error) => Err(self.away(&format!("the sentinel {host}:{port} says: {error}"))),
        }
    }

    async fn cluster(&self, on_push: PushHandler) -> RedisResult<ClusterConnection> {
        let hosts: RedisResult<Vec<_>> =
            self.hosts.iter().map(|(host, port)| self.info(host, *port, true)).collect();
        let mut builder = ClusterClientBuilder::new(hosts?)
            .use_protocol(ProtocolVersion::RESP3)
            .connection_timeout(CONNECT_TIMEOUT)
            .response_timeout(ANSWER_TIMEOUT)
            .push_sender(sender(on_push));
        if let Some(user) = &self.user {
            builder = builder.username(user);
        }
        if let Some(password) = &self.password {
            builder = builder.password(password);
        }
        if self.tls {
            builder = builder
                .tls(TlsMode::Secure)
                .certs(TlsCertificates { client_tls: None, root_cert: self.authority.clone() });
        }
        builder.build()?.get_async_connection().await
    }

    fn away(&self, why: &str) -> ConnectError {
        let place = self.place();
        ConnectError::Away(format!(
            "Redis at {place} is not reachable ({why}): start it, or correct its address"
        ))
    }

    /// A server error, phrased for the operator who starts the node.
    pub(super) fn why(&self, error: &RedisError) -> ConnectError {
        let place = self.place();
        let said = error.detail().unwrap_or("no details");
        ConnectError::Unfit(match error.code() {
            Some("WRONGPASS" | "NOAUTH") => {
                format!("Redis at {place} refuses the user or password in its URL: correct it there")
            }
            Some("NOPERM") => format!(
                "Redis at {place} does not let its user do what is needed ({said}): grant \
                 +subscribe +unsubscribe +publish +ssubscribe +sunsubscribe +spublish +ping +role +info \
                 and the channels &chinwag:*"
            ),
            _ if error.kind() == ErrorKind::AuthenticationFailed => {
                format!("Redis at {place} refuses the user or password in its URL: correct it there")
            }
            _ if error.kind() == ErrorKind::RESP3NotSupported => {
                format!("Redis at {place} is too old: Redis 7.0 or later, or Valkey, is needed")
            }
            _ => return self.away(&error.to_string()),
        })
    }
}

fn sender(on_push: PushHandler) -> impl AsyncPushSender {
    move |info: PushInfo| {
        on_push(info);
        Ok::<(), ()>(())
    }
}

fn host_of(text: &str, port: u16) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            let port = if rest.is_empty() { port } else { rest.strip_prefix(':')?.parse().ok()? };
            (host, port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (text, port),
        },
    };
    let good = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || "/?#".contains(c));
    good.then(|| (host.to_owned(), port))
}

/// Percent-decodes a text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.clone()),
        // A cluster returns one answer per node.
        Value::Map(entries) => entries.first().and_then(|(_, value)| text_of(value)),
        _ => None,
    }
}

impl RedisConnection {
    async fn ask(&mut self, command: Cmd) -> RedisResult<Value> {
        match self {
            Self::Single(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }

    /// Whether all clients receive what is published here. A cluster ensures that itself.
    pub(super) async fn is_master(&mut self) -> RedisResult<bool> {
        match self {
            Self::Single(connection) => match cmd("ROLE").query_async(connection).await? {
                Value::Array(values) => Ok(values.first().and_then(text_of).as_deref() == Some("master")),
                _ => Ok(false),
            },
            Self::Cluster(connection) => {
                cmd("PING").query_async::<Value>(connection).await?;
                Ok(true)
            }
        }
    }

    pub(super) async fn subscribe(&mut self, names: &[String]) -> RedisResult<()> {
        match self {
            Self::Single(connection) => connection.subscribe(names).await,
            Self::Cluster(connection) => {
                // Each channel belongs to a shard of its own.
                for name in names {
                    connection.ssubscribe(name).await?;
                }
                Ok(())
            }
        }
    }

    pub(super) async fn unsubscribe(&mut self, names: &[String]) -> RedisResult<()> {
        match self {
            Self::Single(connection) => connection.unsubscribe(names).await,
            Self::Cluster(connection) => {
                for name in names {
                    connection.sunsubscribe(name).await?;
                }
                Ok(())
            }
        }
    }

    /// Runs a script that adds to buckets. Returns the time until each bucket is empty.
    pub(super) async fn count(&mut self, script: &str, buckets: &[Bucket]) -> RedisResult<Vec<u64>> {
        let asked = |buckets: &[Bucket]| {
            let mut asked = cmd("EVAL");
            asked.arg(script).arg(buckets.len());
            for bucket in buckets {
                asked.arg(&bucket.key);
            }
            for bucket in buckets {
                asked.arg(bucket.taken).arg(bucket.most);
            }
            asked
        };
        match self {
            Self::Single(connection) => asked(buckets).query_async(connection).await,
            Self::Cluster(connection) => {
                // Each key belongs to a shard of its own.
                let each = buckets.chunks(1).map(|one| {
                    let (mut connection, asked) = (connection.clone(), asked(one));
                    async move { asked.query_async::<Vec<u64>>(&mut connection).await }
                });
                Ok(futures_util::future::try_join_all(each).await?.concat())
            }
        }
    }

    /// Publishes a batch in one round trip.
    pub(super) async fn publish(&mut self, batch: &[(String, bytes::Bytes)]) -> RedisResult<()> {
        match self {
            Self::Single(connection) => {
                let mut pipeline = Pipeline::with_capacity(batch.len());
                for (name, payload) in batch {
                    pipeline.cmd("PUBLISH").arg(name).arg(&payload[..]).ignore();
                }
                pipeline.query_async(connection).await
            }
            Self::Cluster(connection) => {
                let said = batch.iter().map(|(name, payload)| {
                    let mut connection = connection.clone();
                    async move {
                        let mut say = cmd("SPUBLISH");
                        say.arg(name).arg(&payload[..]);
                        say.query_async::<()>(&mut connection).await
                    }
                });
                futures_util::future::try_join_all(said).await.map(|_| ())
            }
        }
    }
}
