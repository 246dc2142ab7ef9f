//! `chinwag health`, as used by the health check of a container.

use std::net::TcpListener;

use chinwag_testkit::process::Running;
use chinwag_testkit::wait::Wait;

use crate::program;

#[tokio::test]
async fn health_says_whether_the_server_answers() {
    let program = program();
    let running = program.serve();
    let address = running.url().strip_prefix("http://").expect("http").to_owned();
    // The command reaches a server on the wildcard address by loopback.
    let all = address.replace("127.0.0.1", "0.0.0.0");
    for listen in [&address, &all] {
        for args in [&["health", "--listen", listen][..], &["health", "--ready", "--listen", listen]] {
            let output = program.run(args);
            assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{args:?}");
        }
    }
    assert_eq!(running.stop().code, Some(0));
    let output = program.run(&["health", "--listen", &address]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains(&format!("no answer from the server at {address}")), "{}", output.stderr);
}

#[tokio::test]
async fn health_says_why_a_server_is_not_ready() {
    let program = program();
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
    let address = free.to_string();
    let mut serve = program.command(&["serve", "--listen", &address]);
    // No test machine has a tebibyte of free space.
    serve.env("CHINWAG_STORE__MIN_FREE", "1099511627776");
    let running = Running::launch(serve);
    let wait = Wait::begin();
    while program.run(&["health", "--listen", &address]).code != Some(0) {
        wait.step(|| running.stderr()).await;
    }
    let output = program.run(&["health", "--ready", "--listen", &address]);
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.contains("/readyz answers 503") && output.stderr.contains("disk"),
        "{}",
        output.stderr
    );
}
