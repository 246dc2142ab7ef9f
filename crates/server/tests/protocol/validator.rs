//! Validators are asked again while sockets are open.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chinwag_testkit::app::TestApp;
use chinwag_testkit::wait::{WAIT_TIMEOUT, Wait};
use chinwag_testkit::ws::Ws;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

/// A validator with a scripted answer, and the number of times that it gave it.
pub(crate) struct Host {
    answer: Arc<Mutex<(&'static str, usize)>>,
    /// The credentials of the last request.
    last: Arc<Mutex<Vec<String>>>,
    pub(crate) url: String,
}

impl Host {
    /// Starts a validator that answers with a status, or with this quoted name; `silent` never answers.
    pub(crate) async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("it listens"));
        let answer = Arc::new(Mutex::new((answer, 0)));
        let last: Arc<Mutex<Vec<String>>> = Arc::default();
        let (told, shown) = (answer.clone(), Arc::clone(&last));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (told, shown) = (told.clone(), shown.clone());
                tokio::spawn(async move {
                    let mut read = [0; 4096];
                    while let Ok(count @ 1..) = stream.read(&mut read).await {
                        *shown.lock().expect("nobody panics") = credentials(&read[..count]);
                        let answer = {
                            let mut told = told.lock().expect("nobody panics");
                            told.1 += 1;
                            told.0
                        };
                        if answer == "silent" {
                            continue;
                        }
                        let (status, body) = match answer.parse::<u16>() {
                            Ok(status) => (status, String::new()),
                            Err(_) => (200, format!("{{\"username\": {answer}}}")),
                        };
                        let length = body.len();
                        let text = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n\r\n{body}");
                        if stream.write_all(text.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { answer, last, url }
    }

    /// The credentials of the last request.
    fn last(&self) -> Vec<String> {
        self.last.lock().expect("nobody panics").clone()
    }

    pub(crate) fn say(&self, answer: &'static str) {
        *self.answer.lock().expect("nobody panics") = (answer, 0);
    }

    /// The number of requests since the answer was set.
    pub(crate) fn asked(&self) -> usize {
        self.answer.lock().expect("nobody panics").1
    }

    pub(crate) async fn was_asked(&self, times: usize) {
        let wait = Wait::begin();
        while self.asked() < times {
            wait.step(|| format!("asked {} times, not {times}", self.asked())).await;
        }
    }
}

/// The header lines of a request that contain credentials.
fn credentials(request: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(request);
    let is_credential = |line: &&str| line.starts_with("authorization:") || line.starts_with("cookie:");
    text.lines().filter(is_credential).map(str::to_owned).collect()
}

async fn app(host: &Host, grace: Duration) -> TestApp {
    let app = TestApp::with(|options| {
        options.http.validate_url = Some(host.url.clone());
        options.http.validate_every = Duration::from_millis(100);
        options.http.validate_grace = grace;
    })
    .await;
    app.user("ann").await;
    app.user("bob").await;
    app
}

async fn open(app: &TestApp, cookie: &str) -> Ws {
    app.nobody().try_ws("/chat/", &[("cookie", cookie)]).await.expect("the validator vouches")
}

#[tokio::test]
async fn validator_that_refuses_or_renames_closes_sockets() {
    let host = Host::start("\"ann\"").await;
    let app = app(&host, Duration::from_secs(600)).await;
    for ending in ["401", "403", "\"bob\"", "\"nobody\""] {
        host.say("\"ann\"");
        let mut sockets = [open(&app, "a=1").await, open(&app, "a=1").await, open(&app, "a=1").await];
        host.say("\"ann\"");
        host.was_asked(3).await;
        host.say("500");
        host.was_asked(3).await;
        host.say(ending);
        for socket in &mut sockets {
            assert_eq!(socket.close_code_within(WAIT_TIMEOUT).await, Some(4001), "{ending}");
        }
        assert_eq!(host.asked(), 1, "once for all sockets of one credential: {ending}");
    }
}

#[tokio::test]
async fn validator_vouches_for_the_token_of_a_subprotocol() {
    let host = Host::start("\"ann\"").await;
    let app = app(&host, Duration::from_secs(600)).await;
    let offered = [("sec-websocket-protocol", "chinwag, bearer.opaque"), ("cookie", "a=1")];
    let mut socket = app.nobody().try_ws("/chat/", &offered).await.expect("the validator vouches");
    assert_eq!(host.last(), ["authorization: Bearer opaque"], "the cookie may be another page's");
    host.say("\"ann\"");
    host.was_asked(1).await;
    assert_eq!(host.last(), ["authorization: Bearer opaque"]);
    host.say("401");
    assert_eq!(socket.close_code_within(WAIT_TIMEOUT).await, Some(4001));
    assert_eq!(app.nobody().try_ws("/chat/", &offered).await.err().map(|refused| refused.status), Some(401));
}

#[tokio::test]
async fn validator_without_an_answer_refuses_nobody_for_good() {
    let host = Host::start("500").await;
    let app = app(&host, Duration::from_secs(600)).await;
    for odd in ["500", "302", "[1]"] {
        host.say(odd);
        let answer = app.nobody().bearing("opaque").get("groups/").await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "2"), "{odd}");
        let refused = app.nobody().try_ws("/chat/", &[("cookie", "a=1")]).await.expect_err("no answer");
        assert_eq!(refused.status, 503, "{odd}");
    }
    host.say("403");
    app.nobody().bearing("opaque").get("groups/").await.ok(401);
}

#[tokio::test]
async fn silent_validator_closes_sockets_after_its_grace() {
    let host = Host::start("\"ann\"").await;
    let app = app(&host, Duration::from_millis(600)).await;
    let begun = Instant::now();
    let (mut one, mut other) = (open(&app, "a=1").await, open(&app, "a=2").await);
    host.say("503");
    assert_eq!(one.close_code_within(WAIT_TIMEOUT).await, Some(4001));
    assert_eq!(other.close_code_within(WAIT_TIMEOUT).await, Some(4001));
    assert!(begun.elapsed() >= Duration::from_millis(600), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn validator_vouches_for_names_to_the_byte() {
    let host = Host::start("\"ann\"").await;
    let app = TestApp::with(|options| {
        options.http.validate_url = Some(host.url.clone());
        options.http.validate_creates = true;
    })
    .await;
    app.user("ann").await;
    app.user("gone").await;
    app.service().delete("users/gone/").await.ok(200);
    app.nobody().sign_up("own", "correct horse battery").await;
    let cases = [
        ("\"ann\"", true),
        ("\"ANN\"", false),
        ("\"\u{ff41}nn\"", false),
        ("\"own\"", false),
        ("\"gone\"", false),
        ("\"admin\"", false),
        ("\"..\"", false),
        ("\"zoe\u{308}\"", false),
        ("\"zo\u{eb}\"", true),
        ("\"auth0|5f7c\"", true),
    ];
    for (number, (answer, is_good)) in cases.into_iter().enumerate() {
        host.say(answer);
        // The server caches answers by credential, so use a new one.
        let cookie = format!("a={number}");
        let request = app.nobody().request(reqwest::Method::GET, "groups/").header("cookie", &cookie);
        let status = app.nobody().send(request).await.status;
        assert_eq!(status, if is_good { 200 } else { 401 }, "{answer}");
        let socket = app.nobody().try_ws("/chat/", &[("cookie", &cookie)]).await;
        assert_eq!(socket.is_ok(), is_good, "{answer}");
    }
}
