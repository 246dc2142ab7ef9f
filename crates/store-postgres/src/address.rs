//! The address of the database, and the configuration of its links.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chinwag_core::name::NameCase;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::open::{OpenError, Options};
use crate::tls::{self, Trust};

/// After a failed attempt to connect, all further ones fail immediately for this time.
const PAUSE: Duration = Duration::from_millis(250);
/// A host that did not answer in time is tried after the others for this time.
const SILENCE_PENALTY: Duration = Duration::from_secs(30);

/// A parsed database address, with the state of its hosts.
pub(crate) struct Target {
    config: Config,
    hosts: Vec<HostTarget>,
    pub(crate) tls: MakeRustlsConnect,
    /// Statement timeout on the server.
    pub(crate) statement: Duration,
    pub(crate) lock: Duration,
    /// Timeout for connecting to one host.
    pub(crate) connect: Duration,
    /// How the names of users compare, once that was read from the database.
    pub(crate) name_case: NameCase,
    away: Mutex<Option<Instant>>,
    timeline: Mutex<Option<String>>,
}

/// One host of an address.
pub(crate) struct HostTarget {
    pub(crate) config: Config,
    silent: Mutex<Option<Instant>>,
}

impl HostTarget {
    /// Records that the host did not answer in time.
    pub(crate) fn note_silence(&self) {
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn was_silent(&self) -> bool {
        let silent = *self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.is_some_and(|since| since.elapsed() < SILENCE_PENALTY)
    }
}

impl Target {
    /// Parses an address.
    pub(crate) fn parse(url: &str, options: &Options) -> Result<Self, OpenError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(OpenError::Address("does not begin with postgres://".into()));
        }
        let (rest, mode, root) = ssl_parameters(url);
        let mut config: Config = rest.parse().map_err(|why| OpenError::Address(reason(&why)))?;
        let default = if is_near(&config) { "prefer" } else { "verify-full" };
        let mode = mode.as_deref().unwrap_or(default);
        let (mode, trust) = security(mode, root.as_deref()).map_err(OpenError::Address)?;
        if config.get_user().is_none() {
            return Err(OpenError::Address("names no user".into()));
        }
        if config.get_hosts().is_empty() {
            return Err(OpenError::Address("names no host".into()));
        }
        if config.get_application_name().is_none() {
            config.application_name("chinwag");
        }
        config.ssl_mode(mode).keepalives_idle(Duration::from_secs(60));
        Ok(Self {
            hosts: hosts(&config).map_err(OpenError::Address)?,
            config,
            tls: tls::connector(&trust).map_err(OpenError::Address)?,
            statement: options.statement,
            lock: options.lock,
            connect: options.connect,
            name_case: NameCase::default(),
            away: Mutex::new(None),
            timeline: Mutex::new(None),
        })
    }

    /// The hosts in the order in which to try them.
    pub(crate) fn hosts(&self) -> Vec<&HostTarget> {
        let mut hosts: Vec<_> = self.hosts.iter().collect();
        hosts.sort_by_cached_key(|host| host.was_silent());
        hosts
    }

    /// Hosts and ports, for messages.
    pub(crate) fn at(&self) -> String {
        let ports = self.config.get_ports();
        let host = |(number, host): (usize, &Host)| {
            let port = ports.get(number).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(path) => path.display().to_string(),
            }
        };
        self.config.get_hosts().iter().enumerate().map(host).collect::<Vec<_>>().join(",")
    }

    /// The user's name, for messages.
    pub(crate) fn user(&self) -> String {
        self.config.get_user().unwrap_or_default().to_owned()
    }

    /// The database's name, for messages.
    pub(crate) fn database(&self) -> String {
        self.config.get_dbname().or(self.config.get_user()).unwrap_or_default().to_owned()
    }

    /// Whether an attempt to connect has just failed.
    pub(crate) fn is_away(&self) -> bool {
        let away = *self.away.lock().unwrap_or_else(PoisonError::into_inner);
        away.is_some_and(|since| since.elapsed() < PAUSE)
    }

    /// Records whether an attempt to connect has failed.
    pub(crate) fn note(&self, is_away: bool) {
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = is_away.then(Instant::now);
    }

    /// Records the timeline of the server of a new link, and warns if it differs from the previous one.
    pub(crate) fn note_timeline(&self, found: Option<&String>) {
        let Some(found) = found else { return };
        let mut known = self.timeline.lock().unwrap_or_else(PoisonError::into_inner);
        if known.replace(found.clone()).is_some_and(|known| known != *found) {
            tracing::warn!(
                "a standby has taken over at {}: if it may lack acknowledged messages, stop every node and run \
                 chinwag history --renew",
                self.at()
            );
        }
    }
}

/// Gives each host a configuration of its own, and thereby a timeout of its own. The client library would try
/// all hosts within one attempt, which a silent host delays.
fn hosts(whole: &Config) -> Result<Vec<HostTarget>, String> {
    let (hosts, addresses, ports) = (whole.get_hosts(), whole.get_hostaddrs(), whole.get_ports());
    let count = hosts.len();
    if ports.len() > 1 && ports.len() != count {
        return Err("has a different number of ports than hosts".into());
    }
    if !addresses.is_empty() && addresses.len() != count {
        return Err("has a different number of hostaddr than hosts".into());
    }
    let target = |(number, host): (usize, &Host)| {
        let mut config = without_hosts(whole);
        match host {
            Host::Tcp(name) => config.host(name),
            Host::Unix(path) => config.host_path(path),
        };
        if let Some(address) = addresses.get(number) {
            config.hostaddr(*address);
        }
        if let Some(port) = ports.get(number).or(ports.first()) {
            config.port(*port);
        }
        HostTarget { config, silent: Mutex::new(None) }
    };
    Ok(hosts.iter().enumerate().map(target).collect())
}

/// The same configuration without hosts.
fn without_hosts(whole: &Config) -> Config {
    let mut config = Config::new();
    config
        .ssl_mode(whole.get_ssl_mode())
        .ssl_negotiation(whole.get_ssl_negotiation())
        .channel_binding(whole.get_channel_binding())
        .target_session_attrs(whole.get_target_session_attrs())
        .load_balance_hosts(whole.get_load_balance_hosts())
        .keepalives(whole.get_keepalives())
        .keepalives_idle(whole.get_keepalives_idle());
    if let Some(user) = whole.get_user() {
        config.user(user);
    }
    if let Some(password) = whole.get_password() {
        config.password(password);
    }
    if let Some(name) = whole.get_dbname() {
        config.dbname(name);
    }
    if let Some(options) = whole.get_options() {
        config.options(options);
    }
    if let Some(name) = whole.get_application_name() {
        config.application_name(name);
    }
    if let Some(timeout) = whole.get_tcp_user_timeout() {
        config.tcp_user_timeout(*timeout);
    }
    if let Some(interval) = whole.get_keepalives_interval() {
        config.keepalives_interval(interval);
    }
    if let Some(retries) = whole.get_keepalives_retries() {
        config.keepalives_retries(retries);
    }
    config
}

/// Splits off the parameters for TLS, because the client library knows only some of their values.
fn ssl_parameters(url: &str) -> (String, Option<String>, Option<String>) {
    let Some((base, query)) = url.split_once('?') else { return (url.into(), None, None) };
    let (mut rest, mut mode, mut root) = (Vec::new(), None, None);
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value.to_owned()),
            Some(("sslrootcert", value)) => root = Some(decoded(value)),
            _ => rest.push(pair),
        }
    }
    let rest = if rest.is_empty() { base.into() } else { format!("{base}?{}", rest.join("&")) };
    (rest, mode, root)
}

/// Whether every host is this machine, so that no network is involved.
fn is_near(config: &Config) -> bool {
    let name_is_near = |name: &str| {
        name.eq_ignore_ascii_case("localhost")
            || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    };
    let addresses = config.get_hostaddrs();
    if !addresses.is_empty() {
        return addresses.iter().all(IpAddr::is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => name_is_near(name),
        Host::Unix(_) => true,
    })
}

fn security(mode: &str, root: Option<&str>) -> Result<(SslMode, Trust), String> {
    let trust =
        |otherwise| root.filter(|path| *path != "system").map_or(otherwise, |path| Trust::File(path.into()));
    Ok(match mode {
        "disable" => (SslMode::Disable, Trust::Anybody),
        "prefer" => (SslMode::Prefer, trust(Trust::Anybody)),
        "require" => (SslMode::Require, trust(Trust::Anybody)),
        "verify-full" => (SslMode::Require, trust(Trust::Machine)),
        other => {
            return Err(format!(
                "has the sslmode {other}, which is none of disable, prefer, require and verify-full"
            ));
        }
    })
}

/// Percent-decodes a text.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%');
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The library's reason, without its prefix.
fn reason(why: &tokio_postgres::Error) -> String {
    let source = std::error::Error::source(why).map_or_else(|| why.to_string(), ToString::to_string);
    format!("cannot be read ({source})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_addresses_are_refused_without_their_password() {
        for (url, why) in [
            ("", "does not begin with postgres://"),
            ("mysql://a:secret@h/d", "does not begin with postgres://"),
            ("postgres://a:secret@h:port/d", "cannot be read"),
            ("postgres://a:secret@h/d?sslmode=maybe", "has the sslmode maybe"),
            (
                "postgres://a:secret@h/d?sslmode=verify-full&sslrootcert=%2Fno%2Fsuch",
                "/no/such, which cannot be used",
            ),
            ("postgres://a:secret@h/d?color=red", "cannot be read"),
            (
                "postgres://a:secret@h/d?hostaddr=10.0.0.1,10.0.0.2",
                "has a different number of hostaddr than hosts",
            ),
            ("postgres://h/d", "names no user"),
            ("postgres://a:secret@/d", "names no host"),
        ] {
            let refused = Target::parse(url, &Options::default()).err().expect(url).to_string();
            assert!(refused.contains(why), "{url}: {refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
    }

    #[test]
    fn an_address_says_how_safe_the_link_must_be() {
        let root = Some("/ca.pem");
        assert_eq!(security("prefer", None), Ok((SslMode::Prefer, Trust::Anybody)));
        assert_eq!(security("disable", root), Ok((SslMode::Disable, Trust::Anybody)));
        assert_eq!(security("require", None), Ok((SslMode::Require, Trust::Anybody)));
        assert_eq!(security("require", root), Ok((SslMode::Require, Trust::File("/ca.pem".into()))));
        assert_eq!(security("verify-full", None), Ok((SslMode::Require, Trust::Machine)));
        assert_eq!(security("verify-full", root), Ok((SslMode::Require, Trust::File("/ca.pem".into()))));
    }

    #[test]
    fn certificate_is_verified_unless_the_server_is_this_machine() {
        let mode = |rest: &str| {
            let target = Target::parse(&format!("postgres://ann@{rest}"), &Options::default()).expect(rest);
            target.config.get_ssl_mode()
        };
        for near in [
            "localhost/d",
            "127.0.0.1/d",
            "127.9.9.9:1/d",
            "[::1]/d",
            "%2Frun%2Fpostgresql/d",
            "localhost,[::1]/d",
        ] {
            assert_eq!(mode(near), SslMode::Prefer, "{near}");
        }
        for far in
            ["db/d", "10.0.0.1/d", "localhost,db/d", "localhost.example/d", "localhost/d?hostaddr=10.0.0.1"]
        {
            assert_eq!(mode(far), SslMode::Require, "{far}");
            let written = format!("{far}{}sslmode=disable", if far.contains('?') { '&' } else { '?' });
            assert_eq!(mode(&written), SslMode::Disable);
        }
    }
}
