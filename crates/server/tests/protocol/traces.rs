//! Traces as an OpenTelemetry collector receives them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chinwag_http::{TraceOptions, TraceParents};
use chinwag_testkit::app::{Options, SERVICE_KEY, TestApp};
use chinwag_testkit::collector::{CollectedSpan, Collector};
use chinwag_testkit::setup::{group, send, text};
use chinwag_testkit::wait::Wait;
use chinwag_testkit::webhook::{ClosedReceiver, Reply};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The prefix of every text in these tests that must not appear in a span.
const MARK: &str = "quokka";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Sends every span to a collector at once.
fn traced(options: &mut Options, url: &str) {
    let url = TraceOptions::parse_url(url).expect("an address");
    let (gather, pause) = (Duration::from_millis(20), Duration::from_millis(20));
    options.http.trace = Some(TraceOptions { ratio: 1.0, gather, pause, ..TraceOptions::new(url) });
}

/// The only span with this name and parent.
#[track_caller]
fn one<'a>(spans: &'a [CollectedSpan], name: &str, parent: &str) -> &'a CollectedSpan {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name && span.parent == parent).collect();
    assert_eq!(found.len(), 1, "{name} below {parent:?}: {spans:#?}");
    found[0]
}

#[tokio::test]
async fn requests_and_events_have_spans_with_their_jobs() {
    let collector = Collector::start().await;
    let mut app = TestApp::with(|options| traced(options, &collector.url())).await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let group = group(&service, &["ann"]).await;
    let mut socket = ann.ws().await;
    socket.ask("message.text", json!({ "group": group, "body": "hello" })).await;
    socket.ask("status.update", json!({ "status": "afk" })).await;
    socket.send(json!({ "type": "group.update", "data": { "id": "none", "name": "new" } })).await;
    socket.until("error.data").await;
    send(&ann, &group, "hello").await;
    ann.get("messages/00000000-0000-7000-8000-000000000000/").await.ok(404);
    socket.close().await;
    app.stop().await;
    let spans = collector.spans();

    let event = one(&spans, "message.text", "");
    let job = one(&spans, "store.send", &event.id);
    assert_eq!((&job.trace, event.kind, job.kind), (&event.trace, 2, 1));
    assert!(event.times.0 <= job.times.0 && job.times.1 <= event.times.1, "{event:?} {job:?}");
    let begun = job.moments.iter().find(|(name, _)| name == "begun").expect("it began");
    assert!((job.times.0..=job.times.1).contains(&begun.1), "{job:?}");
    let refused = one(&spans, "group.update", "");
    assert_eq!((refused.attributes["chinwag.code"].as_str(), refused.has_failed), ("400", false));

    let request = one(&spans, "POST /api/v1/messages", "");
    assert_eq!(one(&spans, "store.send", &request.id).trace, request.trace);
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/api/v1/messages"),
        ("http.response.status_code", "201"),
    ] {
        assert_eq!(request.attributes[key], value);
    }
    let missed = one(&spans, "GET /api/v1/messages/{id}", "");
    let is_refused =
        |span: &&CollectedSpan| span.attributes.get("chinwag.code").is_some_and(|code| code == "404");
    let refused: Vec<_> = spans.iter().filter(is_refused).map(|span| (&*span.name, &span.parent)).collect();
    assert_eq!(refused, [("store.read", &missed.id)]);
    let handshake = one(&spans, "GET /chat", "");
    assert_eq!(handshake.attributes["http.response.status_code"], "101");
    let roots: Vec<_> = spans.iter().filter(|span| span.parent.is_empty()).collect();
    let traces: BTreeSet<_> = roots.iter().map(|span| &span.trace).collect();
    assert_eq!(traces.len(), roots.len(), "each begins a trace of its own");
    assert!(
        spans.iter().all(|span| span.times.0 <= span.times.1 && span.times.0 > 1_600_000_000_000_000_000)
    );
}

#[tokio::test]
async fn spans_hold_nothing_that_a_caller_sends() {
    let collector = Collector::start().await;
    let mut app = TestApp::with(|options| traced(options, &collector.url())).await;
    let (service, nobody) = (app.service(), app.nobody());
    let mark = |what: &str| format!("{MARK}-{what}");
    let ann = nobody.sign_up(&mark("ann"), &mark("password-0123456789")).await;
    let group = group(&service, &[ann.name()]).await;
    let mut socket = ann.ws().await;
    socket.ask("message.text", json!({ "group": group, "body": mark("body") })).await;
    socket.send(json!({ "type": mark("type"), "data": {}, "ref": mark("ref") })).await;
    socket.until("error.type").await;
    send(&ann, &group, mark("body")).await;
    let code = text(&ann.post(&format!("groups/{group}/invites/"), json!({})).await.ok(201)["code"]);
    nobody.get(&format!("invites/{code}/")).await;
    nobody.get(&format!("invites/{}/", mark("code"))).await;
    let ticket = text(&ann.post("tickets/", json!({ "for": "files" })).await.ok(201)["ticket"]);
    nobody.get(&format!("files/{}/?ticket={ticket}", mark("file"))).await;
    nobody.post(&format!("{}/hooks/{}/", app.url(), mark("hook")), json!({ "text": mark("text") })).await;
    nobody.get(&format!("users/?q={}", mark("query"))).await;
    nobody.bearing(&mark("bearer-0123456789")).get("users/").await.ok(401);
    nobody.post("sessions/", json!({ "name": mark("ann"), "password": mark("wrong") })).await.ok(401);
    let odd = Method::from_bytes(mark("method").to_uppercase().as_bytes()).expect("a method");
    let request = nobody.request(odd, "users/").header("user-agent", mark("agent"));
    nobody.send(request.header("traceparent", mark("parent")).header("cookie", mark("cookie"))).await;
    assert!(nobody.try_ws(&format!("/chat/?token={}", mark("token")), &[]).await.is_err());
    socket.close().await;
    app.stop().await;
    assert!(collector.spans().len() > 20, "{:#?}", collector.spans());
    for request in collector.receiver().received() {
        let body = String::from_utf8(request.body.to_vec()).expect("text");
        for secret in [MARK, &MARK.to_uppercase(), SERVICE_KEY, ann.token(), &code, &ticket, &group] {
            assert!(!body.contains(secret), "{secret} is in {body}");
        }
    }
}

#[tokio::test]
async fn traceparent_counts_where_the_operator_allows_it() {
    let collector = Collector::start().await;
    let (yes, no) = (format!("00-{TRACE}-{PARENT}-01"), format!("00-{TRACE}-{PARENT}-00"));
    for (parents, has_proxy, ratio, header, expected) in [
        (TraceParents::None, true, 0.0, &yes, None),
        (TraceParents::Proxies, false, 0.0, &yes, None),
        (TraceParents::Proxies, true, 0.0, &yes, Some(PARENT)),
        (TraceParents::All, false, 0.0, &yes, Some(PARENT)),
        (TraceParents::All, false, 1.0, &no, None),
        (TraceParents::None, false, 1.0, &no, Some("")),
    ] {
        let before = collector.spans().len();
        let mut app = TestApp::with(|options| {
            traced(options, &collector.url());
            let trace = options.http.trace.take().expect("it was set");
            options.http.trace = Some(TraceOptions { parents, ratio, ..trace });
            if has_proxy {
                options.http.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
            }
        })
        .await;
        let request = app.nobody().request(Method::GET, "server/").header("traceparent", header);
        assert_eq!(app.nobody().send(request).await.status, 200);
        app.stop().await;
        let spans = &collector.spans()[before..];
        let found = spans.iter().find(|span| span.name == "GET /api/v1/server");
        let what = format!("{parents:?} {has_proxy} {ratio} {header}: {spans:?}");
        assert_eq!(found.map(|span| span.parent.as_str()), expected, "{what}");
        let is_theirs = found.is_some_and(|span| span.trace == TRACE);
        assert_eq!(is_theirs, expected == Some(PARENT), "{what}");
    }
}

#[tokio::test]
async fn collector_that_asks_for_a_pause_is_left_alone() {
    let asked = AtomicUsize::new(0);
    let collector = Collector::answering(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::Later(1),
        1 => Reply::Status(503),
        _ => Reply::Status(200),
    });
    let collector = collector.await;
    let app = TestApp::with(|options| traced(options, &collector.url())).await;
    app.user("ann").await;
    collector.receiver().count(1).await;
    let begun = Instant::now();
    let received = collector.receiver().count(3).await;
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    assert_eq!(received[0].body, received[1].body, "the same spans are sent again");
    assert_eq!(received[0].body, received[2].body, "and again");
}

#[tokio::test]
async fn unreachable_collector_loses_spans_but_no_requests() {
    let closed = ClosedReceiver::reserve();
    let mut app = TestApp::with(|options| traced(options, &format!("{}/v1/traces", closed.url()))).await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let group = group(&service, &["ann"]).await;
    let wait = Wait::begin();
    while !app.nobody().get("/metrics").await.text.contains("chinwag_trace_spans_total{result=\"failed\"}") {
        send(&ann, &group, "hello").await;
        wait.step(|| "no span has failed".to_owned()).await;
    }
    app.stop().await;
}

#[tokio::test]
async fn endless_answer_of_the_collector_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/v1/traces", listener.local_addr().expect("it listens"));
    let endless = tokio::spawn(async move {
        let mut answers = Vec::new();
        for _ in 0..2 {
            let (stream, _) = listener.accept().await.expect("a connection");
            answers.push(tokio::spawn(answer_without_end(stream)));
        }
        answers.swap_remove(0).await.expect("it ends")
    });
    let app = TestApp::with(|options| traced(options, &url)).await;
    let wait = Wait::begin();
    while !endless.is_finished() {
        app.nobody().get("server/").await.ok(200);
        wait.step(|| "the second batch did not come".to_owned()).await;
    }
    let chunks = endless.await.expect("two came");
    assert!(chunks < 64 * 1024, "{chunks} KiB were read, or wait in the buffers of the connection");
}

/// Sends chunks until the peer stops reading; returns their number.
async fn answer_without_end(mut stream: TcpStream) -> usize {
    let mut head = [0; 1024];
    assert!(stream.read(&mut head).await.expect("it is there") > 0, "a request comes");
    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.expect("it reads");
    let chunk = [b"400\r\n", &[b' '; 1024][..], b"\r\n"].concat();
    let mut chunks = 0;
    while stream.write_all(&chunk).await.is_ok() {
        chunks += 1;
    }
    chunks
}
