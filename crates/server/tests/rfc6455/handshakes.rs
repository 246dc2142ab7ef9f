//! Before the WebSocket: requests that never end, arrive byte by byte, or are too long.

use std::time::Duration;

use chinwag_testkit::app::{SERVICE_KEY, TestApp};
use chinwag_testkit::wait::{WAIT_TIMEOUT, Wait};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, timeout};

use crate::case::event_frame;
use crate::peer::{FIN, PING, Peer, Sent, frame};

/// The server's maximum number of connections.
const PLACES: usize = 12;
const HEADER_TIMEOUT: Duration = Duration::from_secs(2);

const HALF: &str = "GET /chat/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgr";
const REQUEST: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn connect(app: &TestApp) -> TcpStream {
    let stream = TcpStream::connect(app.url().trim_start_matches("http://")).await.expect("it listens");
    stream.set_nodelay(true).expect("the connection takes options");
    stream
}

/// Everything that the server sends until it closes. A reset counts as a close.
async fn rest(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let read = timeout(WAIT_TIMEOUT, stream.read_to_end(&mut said)).await;
    let _ = read.expect("the server closes");
    String::from_utf8(said).expect("the server's answers are text")
}

/// Sends a request and reads the status of the answer on an open connection; `None` if the server closes it.
async fn status(stream: &mut TcpStream, request: &[u8]) -> Option<u16> {
    // The server may close before it has read everything; its answer must still be read.
    let _ = timeout(WAIT_TIMEOUT, stream.write_all(request)).await.expect("the server reads on, or closes");
    let mut said = Vec::new();
    while !said.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = timeout(WAIT_TIMEOUT, stream.read_buf(&mut said)).await.expect("the server answers");
        if read.unwrap_or(0) == 0 {
            return None;
        }
    }
    let said = String::from_utf8_lossy(&said);
    Some(said.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{said}")))
}

/// Leaves a request unfinished until the server closes; every third connection drips bytes.
async fn linger(mut stream: TcpStream, number: usize) -> String {
    let (head, drips) = match number % 3 {
        0 => ("", false),
        1 => (HALF, false),
        _ => ("GET /", true),
    };
    stream.write_all(head.as_bytes()).await.expect("the server reads");
    if !drips {
        return rest(&mut stream).await;
    }
    let (mut reader, mut writer) = stream.split();
    let mut said = String::new();
    let dripping = async {
        let mut tick = interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            if writer.write_all(b"x").await.is_err() {
                // The reader reports the close.
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = dripping => {}
        read = timeout(WAIT_TIMEOUT, reader.read_to_string(&mut said)) => {
            let _ = read.expect("the server closes who drips");
        }
    }
    said
}

#[tokio::test]
async fn unfinished_handshakes_are_closed_and_free_their_slots() {
    let app = TestApp::with(|options| {
        options.http.header_timeout = HEADER_TIMEOUT;
        options.http.connections = PLACES;
    })
    .await;
    let mut shown = false;
    for _ in 0..5 {
        let begun = Instant::now();
        let mut lingering = Vec::new();
        for number in 0..PLACES {
            let stream = connect(&app).await;
            lingering.push(tokio::spawn(linger(stream, number)));
        }
        let one_more = status(&mut connect(&app).await, REQUEST.as_bytes()).await;
        // On a very busy machine the first ones may be closed already; then this shows nothing.
        if begun.elapsed() < HEADER_TIMEOUT {
            assert_eq!(one_more, None, "there is room for one more: nothing is held");
            shown = true;
        }
        for task in lingering {
            let said = task.await.expect("it is closed");
            assert!(said.is_empty() || said.starts_with("HTTP/1.1 408 "), "{said}");
        }
        assert!(begun.elapsed() < HEADER_TIMEOUT + WAIT_TIMEOUT);
        if shown {
            break;
        }
    }
    assert!(shown, "the machine is too busy for this");
    let wait = Wait::begin();
    while !all_answered(&app).await {
        wait.step(|| "not every place is free again").await;
    }
    assert_eq!(app.hub().counts().sockets, 0);
}

/// Whether the maximum number of connections are all served at once.
async fn all_answered(app: &TestApp) -> bool {
    let mut held = Vec::new();
    for _ in 0..PLACES {
        let mut stream = connect(app).await;
        if status(&mut stream, REQUEST.as_bytes()).await.is_none_or(|status| status >= 300) {
            return false;
        }
        held.push(stream);
    }
    true
}

#[tokio::test]
async fn frames_right_behind_the_request_are_read() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let early = [frame(FIN | PING, b"early"), event_frame("early")].concat();
    for cut in [early.len(), 3] {
        let mut peer = Peer::connect(&ann, "early frames", &early[..cut]).await;
        peer.write(&early[cut..]).await;
        let (mut pong, mut answer) = (false, false);
        while !(pong && answer) {
            match peer.next().await {
                Sent::Pong(payload) => pong = payload == b"early",
                Sent::Frame(frame) => answer |= frame["ref"] == "early",
                ended => panic!("cut at {cut}: {ended:?}"),
            }
        }
    }
}

fn post(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /api/v1/users/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {SERVICE_KEY}\r\n\
         Content-Type: application/json\r\n{headers}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_there() {
    const LIMIT: usize = 16 * 1024;
    let app = TestApp::with(|options| options.http.max_body = LIMIT).await;
    let blank = vec![b' '; LIMIT + 1];
    let chunk = [b"7FFFFFFF\r\n", &blank[..]].concat();
    let many: Vec<u8> = (0..=LIMIT / 64).flat_map(|_| [b"40\r\n", &blank[..64], b"\r\n"].concat()).collect();
    let cases: [(&str, Vec<u8>, u16); 6] = [
        ("its length is too much", post(&format!("Content-Length: {}", LIMIT + 1), b""), 413),
        ("its length is a terabyte", post("Content-Length: 1099511627776", b"{"), 413),
        (
            "one chunk of two gigabytes, of which the limit and a byte come",
            post("Transfer-Encoding: chunked", &chunk),
            413,
        ),
        ("many chunks without an end", post("Transfer-Encoding: chunked", &many), 413),
        ("all of it comes", post(&format!("Content-Length: {}", LIMIT + 1), &blank), 413),
        ("it is at the limit, and blank", post(&format!("Content-Length: {LIMIT}"), &blank[..LIMIT]), 400),
    ];
    for (name, request, expected) in cases {
        assert_eq!(status(&mut connect(&app).await, &request).await, Some(expected), "{name}");
    }
}

#[tokio::test]
async fn endless_bodies_and_overlong_heads_are_refused() {
    let app = TestApp::with(|options| options.http.body_timeout = Duration::from_secs(1)).await;
    let slow = post("Content-Length: 100", b"{\"name\":");
    assert_eq!(status(&mut connect(&app).await, &slow).await, Some(408));
    let long = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: {}", "x".repeat(100_000));
    assert_eq!(status(&mut connect(&app).await, long.as_bytes()).await, Some(431));
    let many = "A: b\r\n".repeat(200);
    let many = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{many}\r\n");
    assert_eq!(status(&mut connect(&app).await, many.as_bytes()).await, Some(431));
}
