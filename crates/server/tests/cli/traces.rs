//! Traces of the real program: `chinwag check` asks the collector, and the last spans are sent at shutdown.

use chinwag_testkit::collector::{CollectedSpan, Collector};
use chinwag_testkit::process::{Program, Running, finish};
use chinwag_testkit::webhook::{ClosedReceiver, Reply};
use serde_json::Value;

use crate::program;

/// A server that samples every trace.
fn serve(program: &Program, url: &str) -> Running {
    program.serve_with(|command| {
        command.env("CHINWAG_TRACES__OTLP", url).env("CHINWAG_TRACES__RATIO", "1");
        command.env("CHINWAG_LOG__FORMAT", "json").env("CHINWAG_LOG__LEVEL", "debug");
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn last_spans_are_sent_at_the_end() {
    let (program, collector) = (program(), Collector::start().await);
    let running = serve(&program, &collector.url());
    let service = program.service(&running);
    service.get("users/").await.ok(200);
    let output = running.stop();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let spans = collector.spans();
    let is_list = |span: &&CollectedSpan| span.name == "GET /api/v1/users";
    let span = spans.iter().find(is_list).unwrap_or_else(|| panic!("{spans:#?}"));
    let entries = output.stderr.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let with_trace = |entry: &Value| entry["span"]["trace"] == span.trace.as_str();
    assert!(entries.into_iter().any(|entry| with_trace(&entry)), "the log has the id: {}", output.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_collector_does_not_keep_the_server() {
    let (program, collector) = (program(), Collector::answering(|_| Reply::Held).await);
    let running = serve(&program, &collector.url());
    program.service(&running).get("users/").await.ok(200);
    let output = running.stop();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("the last spans were not sent in time"), "{}", output.stderr);
    assert!(output.stderr.contains("\"message\":\"ended\""), "{}", output.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_asks_the_collector() {
    let check = |url: &str| {
        let program = program();
        let mut command = program.command(&["check", "--listen", "127.0.0.1:0"]);
        command.env("CHINWAG_TRACES__OTLP", url);
        finish(command, "")
    };
    let collector = Collector::answering(|request| match request.path.as_str() {
        "/v1/traces" => Reply::Status(200),
        _ => Reply::Status(404),
    });
    let collector = collector.await;
    let output = check(&collector.url());
    let shown = format!("ok       the collector of traces {}\n", collector.url());
    assert!(output.code == Some(0) && output.stdout.contains(&shown), "{}", output.stdout);
    let closed = ClosedReceiver::reserve();
    let secret = closed.url().replace("http://", "http://ann:a-secret@");
    for (url, why) in [
        (format!("{}/v2/traces", collector.receiver().url()), "takes no traces: the answer is 404"),
        (format!("{secret}/v1/traces?key=a-secret"), "takes no traces: "),
        (
            "127.0.0.1:4318".to_owned(),
            "problem  traces.otlp must be an http:// or https:// address with a path",
        ),
        (
            collector.receiver().url().to_owned(),
            "problem  traces.otlp must be an http:// or https:// address",
        ),
    ] {
        let output = check(&url);
        assert!(output.code == Some(1) && output.stdout.contains(why), "{url}: {}", output.stdout);
        assert!(!output.stdout.contains("a-secret"), "{}", output.stdout);
    }
}
