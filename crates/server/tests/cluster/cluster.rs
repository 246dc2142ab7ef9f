//! Nodes of the real program that share a throwaway PostgreSQL and Redis, each over links of its own
//! that can be cut.

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
    Ledger, PATIENCE, Reader, Reading, RunEnd, Transport, Verdict, Writer, history,
};
use chinwag_testkit::wait::Wait;
use tokio::time::Instant;

/// The settings of every node.
pub(crate) const KEY: &str = "the-service-key-of-a-cluster-0123456789";
pub(crate) const SECRET: &str = "the-secret-of-a-cluster-of-tests-0123456789";

/// A test's variables in the environment of every node.
type Settings = &'static [(&'static str, &'static str)];

/// Nodes and what they share.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    pub(crate) redis: Redis,
    pub(crate) database: Database,
}

/// The users of one group.
pub(crate) struct Crowd {
    pub(crate) group: String,
    /// The users who are to write.
    pub(crate) writers: Vec<Client>,
    pub(crate) reading: Vec<Reading>,
}

/// One node, and its links.
pub(crate) struct Node {
    pub(crate) program: Program,
    pub(crate) postgres: Proxy,
    pub(crate) redis: Proxy,
    listen: String,
    variables: Vec<(&'static str, String)>,
    running: Option<Running>,
    /// Whether its limits on how often anything may be done are not lifted.
    keeps_limits: bool,
}

/// Writers at work on all nodes.
pub(crate) struct Flow {
    pub(crate) ledger: Arc<Ledger>,
    tasks: Vec<tokio::task::JoinHandle<(Writer, Vec<RunEnd>)>>,
}

impl Cluster {
    /// So many nodes, ready.
    pub(crate) async fn of(count: usize) -> Self {
        Self::with(count, &[]).await
    }

    /// The same, with more settings.
    pub(crate) async fn with(count: usize, settings: Settings) -> Self {
        Self::on(Database::new(), count, settings).await
    }

    /// The same on this database.
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

    /// One more node, which does not run yet.
    pub(crate) async fn node(&self, settings: Settings) -> Node {
        let postgres = Proxy::to(self.database.server()).await;
        let redis = Proxy::to(self.redis.address()).await;
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        // Its sessions bear its port.
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

    /// Every node's address.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Node::url).collect()
    }

    /// The same, in turn from one of them.
    pub(crate) fn urls_from(&self, first: usize) -> Vec<String> {
        let mut urls = self.urls();
        let count = urls.len();
        urls.rotate_left(first % count);
        urls
    }

    /// Makes users `name0`, `name1` and so on.
    pub(crate) async fn users(&self, name: &str, count: usize) -> Vec<Client> {
        crowd(&self.nodes[0].service(), name, count).await
    }

    /// A group of users who are to write, and of readers, who begin at the nodes in turn.
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

    /// Has users write to a group as fast as they are answered, over one transport and the other in turn,
    /// each beginning at the next node.
    pub(crate) fn flood(&self, users: &[Client], group: &str) -> Flow {
        self.paced(users, group, Duration::ZERO)
    }

    /// The same, each waiting so long after an answer.
    pub(crate) fn paced(&self, users: &[Client], group: &str, pace: Duration) -> Flow {
        let transports = [Transport::WebSocket, Transport::WebSocket, Transport::Rest, Transport::Rest];
        write(users, group, pace, |number| (transports[number % 4], self.urls_from(number)))
    }

    /// The same without a wait, as `how` says of each: the transport, and the nodes in turn.
    pub(crate) fn flow(
        users: &[Client],
        group: &str,
        how: impl Fn(usize) -> (Transport, Vec<String>),
    ) -> Flow {
        write(users, group, Duration::ZERO, how)
    }

    /// Every number of a group's log, in ascending order, from the database itself.
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

    /// The number of a group's last change that is no message.
    pub(crate) fn last_change(&self, group: &str) -> i64 {
        let sql = format!("SELECT max(seq) FROM chinwag.log_entries WHERE group_id = '{group}'");
        self.database.ask(&sql)[0][0].parse().expect("a number")
    }

    /// Ends a flow, and compares what its writers were told, and what readers hold, with what is
    /// there.
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
            reading.reaches(count, PATIENCE).await;
            let reader = reading.stop().await;
            reader.assert_whole(&history);
            read.push(reader);
        }
        (ledger.compare(&history), ends, read)
    }
}

impl Flow {
    /// Its writers wait whenever one of these readers is far behind, so that none misses more than a resume
    /// brings, however busy the machine is.
    pub(crate) fn waiting_for(self, readers: &[Reading]) -> Self {
        self.ledger.wait_for(readers);
        self
    }

    /// Lets every writer come to its end, when all it has sent is answered.
    pub(crate) async fn end(self) -> Vec<RunEnd> {
        self.ledger.close();
        let mut ends = Vec::new();
        for task in self.tasks {
            let ended = tokio::time::timeout(PATIENCE, task).await.expect("the writers are answered");
            ends.extend(ended.expect("a writer has found nothing amiss").1);
        }
        ends
    }
}

impl Node {
    /// Starts it, and waits until it is ready.
    pub(crate) fn start(&mut self) {
        assert!(self.running.is_none(), "it runs");
        self.running = Some(Running::start(self.command(&["serve", "--listen", &self.listen])));
    }

    /// Sets a variable of its environment, from its next start on.
    pub(crate) fn set(&mut self, name: &'static str, value: String) {
        self.variables.push((name, value));
    }

    /// Is another build from its next start on.
    pub(crate) fn become_build(&mut self, binary: String) {
        // An older build may not know the settings.
        self.keeps_limits = std::env::var("OLDER").is_ok_and(|older| older == binary);
        self.program = Program::new(binary);
    }

    /// A command of the program, with the node's own settings.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.program.command(args);
        if self.keeps_limits {
            keep_limits(&mut command);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// A client with the service key.
    pub(crate) fn service(&self) -> Client {
        Client::new(&self.url(), Some(KEY), "service")
    }

    /// The same caller at this node.
    pub(crate) fn as_user(&self, user: &Client) -> Client {
        Client::new(&self.url(), Some(user.token()), user.name())
    }

    /// A client of nobody.
    pub(crate) fn nobody(&self) -> Client {
        Client::new(&self.url(), None, "nobody")
    }

    /// The name of its sessions in the database.
    pub(crate) fn session(&self) -> String {
        let (_, port) = self.listen.rsplit_once(':').expect("a port");
        format!("node-{port}")
    }

    /// The process.
    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().expect("it runs")
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        assert_eq!(self.running.take().expect("it runs").kill(), Some(9), "it was alive, and died of this");
    }

    /// Waits for the end that it was asked for.
    pub(crate) fn wait(&mut self) -> Output {
        self.running.take().expect("it runs").wait()
    }

    /// One of its figures.
    pub(crate) async fn figure(&self, name: &str) -> f64 {
        self.nobody().figure(name).await
    }

    /// Waits until `/readyz` answers this: nothing, or why not.
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

/// Has users write to a group, each waiting so long after an answer, as `how` says of each: the transport,
/// and the nodes in turn.
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
        tokio::spawn(writer.roam(urls.into()))
    };
    let tasks = users.iter().enumerate().map(start).collect();
    Flow { ledger, tasks }
}
