//! Attackers without credentials on one address who send incomplete requests, keep a validator busy and guess
//! passwords. Requests from other addresses are still answered.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::process::{Running, keep_limits};
use chinwag_testkit::trial::{WAIT_TIMEOUT, report, times};
use chinwag_testkit::wait::until;
use chinwag_testkit::ws::Ws;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::program;

/// The maximum of concurrent requests, and the tenth of it that one address may hold.
const REQUESTS: usize = 100;
const SHARE: usize = 10;
/// Incomplete requests of each kind in one round; more than `REQUESTS`.
const HALVES: usize = 150;
/// Guesses in one round; more than one address may make in a minute.
const GUESSES: usize = 80;
const PASSWORD: &str = "correct horse battery";

/// The host's validator. It accepts one session, and never answers for any other.
struct Validator {
    url: String,
    asked: Arc<AtomicUsize>,
    /// Validations in progress, now and at most.
    waiting: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Validator {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("it listens"));
        let [asked, waiting, most] = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
        let counts = (asked.clone(), waiting.clone(), most.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, counts.clone()));
            }
        });
        Self { url, asked, waiting, most }
    }

    /// Waits until no validation is in progress.
    async fn is_idle(&self) {
        let waiting = || self.waiting.load(Ordering::SeqCst);
        until("the end of the questions of those who have gone", || waiting() == 0).await;
    }
}

/// Answers for carl's session at once; for any other, waits until the server disconnects.
async fn answer(
    mut stream: TcpStream,
    (asked, waiting, most): (Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<AtomicUsize>),
) {
    let (mut head, mut read) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut read).await {
        head.extend_from_slice(&read[..count]);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        head.clear();
        if text.contains("sessionid=carl") {
            let body = r#"{"username": "carl"}"#;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
            continue;
        }
        asked.fetch_add(1, Ordering::SeqCst);
        most.fetch_max(waiting.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        while stream.read(&mut read).await.is_ok_and(|count| count > 0) {}
        waiting.fetch_sub(1, Ordering::SeqCst);
        return;
    }
}

/// A local address for a kind of attack and a round.
fn address(kind: u8, round: usize) -> IpAddr {
    let round = u16::try_from(round + 1).expect("few rounds").to_be_bytes();
    IpAddr::from([127, kind, round[0], round[1]])
}

/// Opens a connection from an address and sends this text.
async fn open_connection(to: &str, from: IpAddr, head: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(from, 0)).expect("an address of this machine");
    let mut stream = socket.connect(to.parse().expect("an address")).await.expect("it listens");
    let text = format!("{head}\r\nhost: {to}\r\n\r\n");
    stream.write_all(text.as_bytes()).await.expect("it is sent");
    stream
}

/// Reads the status of the answer; returns it with the connection.
async fn status(mut stream: TcpStream) -> (String, TcpStream) {
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    (String::from_utf8_lossy(&answer[9..]).into_owned(), stream)
}

/// Incomplete requests from one address: the address's share waits, and the others are refused.
struct Halves {
    waiting: JoinSet<(String, TcpStream)>,
    refused: usize,
}

impl Halves {
    async fn send(to: &str, from: IpAddr, head: &str, refusals: usize) -> Self {
        let mut waiting = JoinSet::new();
        for stream in join_all((0..HALVES).map(|_| open_connection(to, from, head))).await {
            waiting.spawn(status(stream));
        }
        let mut refused = 0;
        while refused < refusals {
            let next = timeout(WAIT_TIMEOUT, waiting.join_next()).await;
            let next = next.unwrap_or_else(|_| panic!("{refused} are refused, not {refusals}"));
            let (status, _) = next.expect("there are as many").expect("an answer");
            // A validation that times out gives 503, and frees the address's share for another.
            assert!(status == "429" || status == "503", "{status}");
            refused += usize::from(status == "429");
        }
        Self { waiting, refused }
    }
}

/// The users whom the attack must not disturb.
struct Others {
    bob: Client,
    bobs: Ws,
    nobody: Client,
    group: String,
    slowest: Duration,
    answered: usize,
}

impl Others {
    async fn of(running: &Running, service: &Client) -> Self {
        let nobody = Client::new(running.url(), None, "nobody");
        let account = json!({ "name": "ann", "password": PASSWORD });
        nobody.from(address(1, 0)).post("accounts/", account).await.ok(201);
        service.user("carl").await;
        let bob = service.user("bob").await;
        let group = chinwag_testkit::setup::group(service, &["bob", "ann"]).await;
        let bobs = bob.ws().await;
        Self { bob, bobs, nobody, group, slowest: Duration::ZERO, answered: 0 }
    }

    async fn answer(&mut self, what: &str, answer: impl Future<Output = Answer>, status: u16) -> Value {
        let begun = Instant::now();
        let answer = timeout(WAIT_TIMEOUT, answer).await.unwrap_or_else(|_| panic!("{what} is not answered"));
        assert_eq!(answer.status, status, "{what}: {}", answer.text);
        self.slowest = self.slowest.max(begun.elapsed());
        self.answered += 1;
        answer.json
    }

    /// Makes each kind of request once during the attack from `attacker`.
    async fn make_every_request(&mut self, round: usize, attacker: IpAddr) {
        let (bob, nobody) = (self.bob.clone(), self.nobody.clone());
        self.answer("a list", bob.get("groups/"), 200).await;
        self.answer("a neighbour's list", bob.from(attacker).get("groups/"), 200).await;
        let message = json!({ "group": self.group, "body": format!("message {round}") });
        let sent = self.answer("a message", bob.post("messages/", message), 201).await;
        let received = timeout(WAIT_TIMEOUT, self.bobs.until("message.text")).await.expect("it is delivered");
        assert_eq!(received["data"], sent);
        let by_cookie = nobody.request(reqwest::Method::GET, "groups/").header("cookie", "sessionid=carl");
        self.answer("the host's user", nobody.send(by_cookie), 200).await;
        // The real owner of the guessed name signs in from a new address.
        let password = json!({ "name": "ann", "password": PASSWORD });
        let owner = nobody.from(address(2, round));
        self.answer("a sign-in", owner.post("sessions/", password), 201).await;
        let account = json!({ "name": format!("new{round}"), "password": PASSWORD });
        let newcomer = nobody.from(address(3, round));
        self.answer("a sign-up", newcomer.post("accounts/", account), 201).await;
        self.answer("readiness", nobody.get("/readyz"), 200).await;
    }
}

/// Guesses passwords of an existing name and of names that do not exist.
async fn guess(nobody: &Client, from: IpAddr) -> usize {
    let nobody = nobody.from(from);
    let guesses = (0..GUESSES).map(|number| {
        let name = if number % 2 == 0 { "ann".to_owned() } else { format!("guess{number}") };
        let guess = json!({ "name": name, "password": "a guess, and wrong" });
        async { nobody.post("sessions/", guess).await.status }
    });
    let statuses = join_all(guesses).await;
    assert!(statuses.iter().all(|status| [401, 429, 503].contains(status)), "{statuses:?}");
    statuses.iter().filter(|status| **status == 429).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_of_one_address_leave_others_requests_answered() {
    let rounds = times(2, 60);
    let validator = Validator::start().await;
    let program = program();
    let running = program.serve_with(|command| {
        keep_limits(command);
        command.env("CHINWAG_AUTH__SIGNUP", "true").env("CHINWAG_AUTH__VALIDATE_URL", &validator.url);
        command.env("CHINWAG_HTTP__REQUESTS", REQUESTS.to_string());
        // The server holds an incomplete request for the whole trial.
        command.env("CHINWAG_HTTP__BODY_TIMEOUT", "10m").env("CHINWAG_LOG__LEVEL", "error");
    });
    let service = program.service(&running);
    let mut others = Others::of(&running, &service).await;
    let to = running.url().strip_prefix("http://").expect("the address is http://…").to_owned();
    let body = "POST /api/v1/sessions/ HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 1000";
    let cookie = "GET /api/v1/groups/ HTTP/1.1\r\ncookie: sessionid=stranger";
    let (mut guesses, mut halves) = (0, 0);
    for round in 0..rounds {
        let attacker = address(9, round);
        let mut bodies = Halves::send(&to, attacker, body, HALVES - SHARE).await;
        let asked = validator.asked.load(Ordering::SeqCst);
        let questions = Halves::send(&to, attacker, cookie, HALVES / 2).await;
        let is_asked = || validator.asked.load(Ordering::SeqCst) > asked;
        until("a question to the validator, which never answers", is_asked).await;
        let nobody = others.nobody.clone();
        let (refused, ()) =
            tokio::join!(guess(&nobody, attacker), others.make_every_request(round, attacker));
        assert!(refused > 0, "there are more guesses than an address has");
        assert_eq!(bodies.waiting.len(), SHARE);
        assert!(bodies.waiting.try_join_next().is_none(), "the rest still send");
        guesses += refused;
        let refused = bodies.refused + questions.refused;
        drop((bodies, questions));
        validator.is_idle().await;
        halves += refused;
    }
    let most = validator.most.load(Ordering::SeqCst);
    assert!(most <= 2 * SHARE, "one address has {most} questions at a time");
    report(
        "strangers",
        format!("{rounds} addresses"),
        format!(
            "{halves} half requests and {guesses} guesses refused; {} requests of others answered, the slowest within {:.2?}",
            others.answered, others.slowest
        ),
    );
}
