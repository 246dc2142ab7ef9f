//! Shutdown: in good order at the first signal, immediately at the second.

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use chinwag_testkit::wait::Wait;

use crate::program;

#[tokio::test]
async fn sigterm_sends_sockets_away_with_1012_and_exits_with_0() {
    let program = program();
    let running = program.serve();
    let mut ann = program.service(&running).user("ann").await.ws().await;
    running.terminate();
    assert_eq!(ann.close_code().await, Some(1012));
    let output = running.wait();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(!program.data().join("control.sock").exists());
    assert!(!program.data().join("chinwag.db-wal").exists(), "the store was closed in good order");
}

#[tokio::test]
async fn sigint_does_the_same() {
    let running = program().serve();
    running.interrupt();
    assert_eq!(running.wait().code, Some(0));
}

#[tokio::test]
async fn many_sockets_are_sent_away_one_after_the_other() {
    let program = program();
    let running = program.serve_with(|command| {
        command.env("CHINWAG_SHUTDOWN__DRAIN", "2s");
    });
    let ann = program.service(&running).user("ann").await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(ann.ws().await);
    }
    running.terminate();
    let begun = Instant::now();
    let mut ends = Vec::new();
    for socket in &mut sockets {
        assert_eq!(socket.close_code().await, Some(1012));
        ends.push(begun.elapsed());
    }
    assert!(*ends.iter().max().unwrap() > Duration::from_secs(1), "{ends:?}");
    assert_eq!(running.wait().code, Some(0));
}

#[tokio::test]
async fn draining_server_is_not_ready_but_still_serves() {
    let program = program();
    let running = program.serve_with(|command| {
        command.env("CHINWAG_SHUTDOWN__NOTICE", "10m");
    });
    let service = program.service(&running);
    service.get("/readyz").await.ok(200);
    running.terminate();
    let wait = Wait::begin();
    while service.get("/readyz").await.status != 503 {
        wait.step(|| "it says that it is ready").await;
    }
    service.get("users/").await.ok(200);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let program = program();
    let running = program.serve_with(|command| {
        command.env("CHINWAG_SHUTDOWN__NOTICE", "10m");
    });
    running.terminate();
    let service = program.service(&running);
    while service.get("/readyz").await.status != 503 {}
    running.terminate();
    // It does not wait for the rest of the drain.
    assert_eq!(running.wait().code, Some(1));
}

#[tokio::test]
async fn second_signal_ends_the_wait_for_the_last_spans() {
    // It accepts connections and never answers.
    let collector = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = collector.local_addr().expect("an address");
    let program = program();
    let running = program.serve_with(|command| {
        command.env("CHINWAG_TRACES__OTLP", format!("http://{address}/v1/traces"));
        command.env("CHINWAG_TRACES__RATIO", "1");
    });
    program.service(&running).get("users/").await.ok(200);
    running.terminate();
    let (wait, address) = (Wait::begin(), running.url().trim_start_matches("http://"));
    while TcpStream::connect(address).is_ok() {
        wait.step(|| "it still takes connections").await;
    }
    running.terminate();
    assert_eq!(running.wait().code, Some(1));
}
