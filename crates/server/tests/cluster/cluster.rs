//! Nodes of the real program on a temporary PostgreSQL and Redis. Each node reaches them through its own
//! proxies, which a test can cut.

use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use chinwag_testkit::client::Client;
use chinwag_testkit::postgres::Database;
use chinwag_testkit::process::{Output, Program, Running, keep_limits};
use chinwag_testkit::proxy::Proxy;
use chinwag_testkit::redis::Redis;
use chinwag_testkit::setup::{crowd, group};
use chinwag_testkit::trial::{
    Ledger, Reader, Reading, RunEnd, Transport, Verdict, WAIT_TIMEOUT, Writer, history,
};
use chinwag_testkit::wait::Wait;
use tokio::time::Instant;

/// Settings of every node.
pub(crate) const KEY: &str = "the-service-key-of-a-cluster-0123456789";
pub(crate) const SECRET: &str = "the-secret-of-a-cluster-of-tests-0123456789";

/// Environment variables of every node of a test.
type Settings = &'static [(&'static str, &'static str)];

/// Nodes with their shared servers.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    pub(crate) redis: Redis,
    pub(crate) database: Database,
}

/// The users of one group.
pub(crate) struct Crowd {
    pub(crate) group: String,
    /// The users who will write.
    pub(crate) writers: Vec<Client>,
    pub(crate) reading: Vec<Reading>,
}

/// A node with the proxies of its links.
pub(crate) struct Node {
    pub(crate) program: Program,
    pub(crate) postgres: Proxy,
    pub(crate) redis: Proxy,
    listen: String,
    variables: Vec<(&'static str, String)>,
    running: Option<Running>,
    /// Whether its rate limits stay in force.
    keeps_limits: bool,
}

/// Writers in progress on all nodes.
pub(crate) struct Flow {
    pub(crate) ledger: Arc<Ledger>,
    tasks: Vec<tokio::task::JoinHandle<(Writer, Vec<RunEnd>)>>,
}

impl Cluster {
    /// A cluster of `count` ready nodes.
    pub(crate) async fn of(count: usize) -> Self {
        Self::with(count, &[]).await
    }

    /// Like [`Self::of`], with additional settings.
    pub(crate) async fn with(count: usize, settings: Settings) -> Self {
        Self::on(Database::new(), count, settings).await
    }

    /// Like [`Self::with`], on an existing database.
    pub(crate) async fn on(database: Database, count: usize, settings: Settings) -> Self {
        let mut cluster = Self { nodes: Vec::new(), redis: Redis::start(), database };
        for number in 0..count {
            let mut node = cluster.node(settings).await;
            if number % 2 == 1 {
                node.become_build(crate::older());
            }
            node.start();
            cluster.nodes.push(node);
        }
        cluster
    }

    /// Adds a node, which is not started yet.
    pub(crate) async fn node(&self, settings: Settings) -> Node {
        let postgres = Proxy::to(self.database.server()).await;
        let redis = Proxy::to(self.redis.address()).await;
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        // The name of its database sessions contains its port.
        let url = format!("{}&application_name=node-{port}", self.database.url_by(postgres.address()));
        let mut variables = vec![
            ("CHINWAG_DATABASE", url),
            ("CHINWAG_REDIS", format!("redis://{}", redis.address())),
            ("CHINWAG_CLUSTER_SECRET", SECRET.to_owned()),
            ("CHINWAG_SERVICE_KEY", KEY.to_owned()),
        ];
        variables.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let program = Program::new(crate::binary());
        let listen = format!("127.0.0.1:{port}");
        Node { program, postgres, redis, listen, variables, running: None, keeps_limits: false }
    }

    /// The URLs of all nodes.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Node::url).collect()
    }

    /// The URLs of all nodes in order, beginning with the node `first`.
    pub(crate) fn urls_from(&self, first: usize) -> Vec<String> {
        let mut urls = self.urls();
        let count = urls.len();
        urls.rotate_left(first % count);
        urls
    }

    /// Creates the users `name0`, `name1` and so on.
    pub(crate) async fn users(&self, name: &str, count: usize) -> Vec<Client> {
        crowd(&self.nodes[0].service(), name, count).await
    }

    /// Creates a group of writers and readers. The readers begin at the nodes in turn.
    pub(crate) async fn crowd(&self, writers: usize, readers: usize) -> Crowd {
        let (writers, readers) = (self.users("writer", writers).await, self.users("reader", readers).await);
        let names: Vec<&str> = writers.iter().chain(&readers).map(Client::name).collect();
        let group = group(&self.nodes[0].service(), &names).await;
        let mut reading = Vec::new();
        for (number, reader) in readers.iter().enumerate() {
            reading.push(Reader::new(reader, &group).follow(&self.urls_from(number)).await);
        }
        Crowd { group, writers, reading }
    }

    /// Lets users write to a group without pauses, alternating between the transports, each starting at the
    /// next node.
    pub(crate) fn flood(&self, users: &[Client], group: &str) -> Flow {
        self.paced(users, group, Duration::ZERO)
    }

    /// Like [`Self::flood`], with a pause after each answer.
    pub(crate) fn paced(&self, users: &[Client], group: &str, pace: Duration) -> Flow {
        let transports = [Transport::WebSocket, Transport::WebSocket, Transport::Rest, Transport::Rest];
        write(users, group, pace, |number| (transports[number % 4], self.urls_from(number)))
    }

    /// Without pauses; `how` returns each user's transport, and the nodes in order of preference.
    pub(crate) fn flow(
        users: &[Client],
        group: &str,
        how: impl Fn(usize) -> (Transport, Vec<String>),
    ) -> Flow {
        write(users, group, Duration::ZERO, how)
    }

    /// Every number of a group's log in ascending order, read from the database.
    pub(crate) fn numbers(&self, group: &str) -> Vec<i64> {
        let sql = format!(
            "SELECT seq FROM chinwag.messages WHERE group_id = '{group}' UNION ALL
            SELECT seq FROM chinwag.log_entries WHERE group_id = '{group}' ORDER BY seq"
        );
        self.database.ask(&sql).iter().map(|row| row[0].parse().expect("a number")).collect()
    }

    /// The last number of a group's log.
    pub(crate) fn head(&self, group: &str) -> i64 {
        self.numbers(group).last().copied().expect("it has begun")
    }

    /// The number of a group's last change other than a message.
    pub(crate) fn last_change(&self, group: &str) -> i64 {
        let sql = format!("SELECT max(seq) FROM chinwag.log_entries WHERE group_id = '{group}'");
        self.database.ask(&sql)[0][0].parse().expect("a number")
    }

    /// Ends a flow, and compares the acknowledgements of its writers and the events of its readers with the
    /// database.
    pub(crate) async fn settle(
        &self,
        flow: Flow,
        readers: Vec<Reading>,
        group: &str,
    ) -> (Verdict, Vec<RunEnd>, Vec<Reader>) {
        let ledger = flow.ledger.clone();
        let ends = flow.end().await;
        let numbers = self.numbers(group);
        let count = i64::try_from(numbers.len()).expect("a count");
        assert_eq!(numbers, (1..=count).collect::<Vec<_>>(), "each number once, and no gap");
        let history = history(&self.nodes[0].service(), group).await;
        let mut read = Vec::new();
        for reading in readers {
            reading.reaches(count, WAIT_TIMEOUT).await;
            let reader = reading.stop().await;
            reader.assert_whole(&history);
            read.push(reader);
        }
        (ledger.compare(&history), ends, read)
    }
}

impl Flow {
    /// Pauses the writers whenever one of these readers is far behind, so that no reader misses more events
    /// than a resume sends, even on a busy machine.
    pub(crate) fn waiting_for(self, readers: &[Reading]) -> Self {
        self.ledger.wait_for(readers);
        self
    }

    /// Ends every writer after all its messages are answered.
    pub(crate) async fn end(self) -> Vec<RunEnd> {
        self.ledger.close();
        let mut ends = Vec::new();
        for task in self.tasks {
            let ended = tokio::time::timeout(WAIT_TIMEOUT, task).await.expect("the writers are answered");
            ends.extend(ended.expect("a writer has found nothing amiss").1);
        }
        ends
    }
}

impl Node {
    /// Starts the node and waits until it is ready.
    pub(crate) fn start(&mut self) {
        assert!(self.running.is_none(), "it runs");
        self.running = Some(Running::start(self.command(&["serve", "--listen", &self.listen])));
    }

    /// Sets an environment variable for the next start.
    pub(crate) fn set(&mut self, name: &'static str, value: String) {
        self.variables.push((name, value));
    }

    /// Replaces the program for the next start.
    pub(crate) fn become_build(&mut self, binary: String) {
        // An older build may not know the settings that lift the limits.
        self.keeps_limits = std::env::var("OLDER").is_ok_and(|older| older == binary);
        self.program = Program::new(binary);
    }

    /// A command of the program with this node's settings.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.program.command(args);
        if self.keeps_limits {
            keep_limits(&mut command);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The node's URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// A client with the service key.
    pub(crate) fn service(&self) -> Client {
        Client::new(&self.url(), Some(KEY), "service")
    }

    /// The same user as a client of this node.
    pub(crate) fn as_user(&self, user: &Client) -> Client {
        Client::new(&self.url(), Some(user.token()), user.name())
    }

    /// A client without credentials.
    pub(crate) fn nobody(&self) -> Client {
        Client::new(&self.url(), None, "nobody")
    }

    /// The name of this node's database sessions.
    pub(crate) fn session(&self) -> String {
        let (_, port) = self.listen.rsplit_once(':').expect("a port");
        format!("node-{port}")
    }

    /// The running process.
    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().expect("it runs")
    }

    /// Kills the node.
    pub(crate) fn kill(&mut self) {
        assert_eq!(self.running.take().expect("it runs").kill(), Some(9), "it was alive, and died of this");
    }

    /// Waits until the node, which was asked to stop, has exited.
    pub(crate) fn wait(&mut self) -> Output {
        self.running.take().expect("it runs").wait()
    }

    /// The value of one of its metrics.
    pub(crate) async fn figure(&self, name: &str) -> f64 {
        self.nobody().figure(name).await
    }

    /// Waits until `/readyz` reports this reason, or with `None` that the node is ready. Returns how long that
    /// took.
    pub(crate) async fn is_ready_but_for(&self, why: Option<&str>, within: Duration) -> Duration {
        let (begun, wait) = (Instant::now(), Wait::within(within));
        loop {
            let answer = self.nobody().get("/readyz").await;
            let found = (answer.status != 200).then(|| answer.json["why"].as_str().unwrap_or("?").to_owned());
            if found.as_deref() == why {
                return begun.elapsed();
            }
            wait.step(|| format!("{found:?}, not {why:?}")).await;
        }
    }
}

/// Lets users write to a group with a pause after each answer; `how` returns each user's transport, and the
/// nodes in order of preference.
pub(crate) fn write(
    users: &[Client],
    group: &str,
    pace: Duration,
    how: impl Fn(usize) -> (Transport, Vec<String>),
) -> Flow {
    let ledger = Arc::new(Ledger::new());
    let start = |(number, user)| {
        let (transport, urls) = how(number);
        let writer = Writer::new(transport, user, group, ledger.clone()).paced(pace);
        tokio::spawn(writer.write_to_each(urls.into()))
    };
    let tasks = users.iter().enumerate().map(start).collect();
    Flow { ledger, tasks }
}
