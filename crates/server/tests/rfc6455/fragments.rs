//! Class 5: fragmented messages.

use crate::case::{Case, case, event_frame, long_event, run};
use crate::peer::{BINARY, CLOSE, FIN, MORE, PING, PONG, TEXT, close, frame};

const NEXT: u8 = 0x0;

/// An event `whole` in text fragments, with frames between them.
fn fragments(count: usize, between: &[u8]) -> Vec<Vec<u8>> {
    let event = long_event("whole", 128);
    let pieces: Vec<_> = event.as_bytes().chunks(event.len().div_ceil(count)).collect();
    let mut frames = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        let opcode = if number == 0 { TEXT } else { NEXT };
        let fin = if number + 1 == pieces.len() { FIN } else { MORE };
        frames.push(frame(fin | opcode, piece));
        if fin == MORE && !between.is_empty() {
            frames.push(between.to_vec());
        }
    }
    frames
}

/// A name, the frames, and an optional answer before the error.
type Fault<'a> = (&'a str, Vec<Vec<u8>>, Option<&'a str>);

fn written(case: Case, frames: impl IntoIterator<Item = Vec<u8>>) -> Case {
    frames.into_iter().fold(case, Case::write)
}

#[tokio::test]
async fn control_frames_may_stand_between_fragments() {
    let ping = frame(FIN | PING, b"between");
    let pong = frame(FIN | PONG, b"unasked");
    let binary = [frame(BINARY, b"b"), ping.clone(), frame(NEXT, b""), frame(FIN | NEXT, b"c")];
    let empty = [frame(TEXT, b""), frame(NEXT, b""), frame(FIN | NEXT, event_text().as_bytes())];
    let mut cases = Vec::new();
    cases.extend(written(case("5.3-5.5 two fragments").answered("whole"), fragments(2, b"")).thrice());
    cases.extend(written(case("5 a fragment a byte").answered("whole"), fragments(128, b"")).thrice());
    let pinged = case("5.6-5.8 a ping between").answered("whole").ponged("between");
    cases.extend(written(pinged, fragments(2, &ping)).thrice());
    let ponged = case("5 a pong between").answered("whole");
    cases.extend(written(ponged, fragments(2, &pong)).thrice());
    let binary_case = case("5 a binary one").answered("not binary ones").ponged("between");
    cases.extend(written(binary_case, binary).thrice());
    cases.extend(written(case("5 empty fragments").answered("inner"), empty).thrice());
    let mut five = case("5.19 five fragments, with pings that are answered meanwhile").answered("whole");
    for (number, bytes) in fragments(5, b"").into_iter().enumerate() {
        five = five.write(bytes);
        if matches!(number, 1 | 3) {
            five = five.write(ping.clone()).ponged("between");
        }
    }
    cases.extend(five.thrice());
    let two = fragments(3, b"").into_iter().chain([ping, event_frame("next")]);
    let two =
        written(case("5 a message behind it").answered("whole").answered("next").ponged("between"), two);
    cases.extend(two.thrice());
    let steps = fragments(2, b"");
    let [first, last] = &steps[..] else { panic!("two fragments") };
    cases.push(
        case("5.20 the ping is answered before the rest is there")
            .write(first.clone())
            .write(frame(FIN | PING, b"now"))
            .ponged("now")
            .pause()
            .write(last.clone())
            .answered("whole"),
    );
    run(cases).await;
}

fn event_text() -> String {
    crate::case::event("inner")
}

#[tokio::test]
async fn wrong_fragments_close_the_socket() {
    let text = event_text();
    let (one, two) = text.as_bytes().split_at(10);
    let whole = event_frame("whole");
    let complete = || vec![frame(TEXT, one), frame(FIN | NEXT, two)];
    let table: Vec<Fault> = vec![
        ("5.1 a ping in fragments", vec![frame(PING, b"a"), frame(FIN | NEXT, b"b")], None),
        ("5.2 a pong in fragments", vec![frame(PONG, b"a"), frame(FIN | NEXT, b"b")], None),
        ("5 a close in fragments", vec![frame(CLOSE, &[3]), frame(FIN | NEXT, &[232])], None),
        ("5.9-5.11 the end of nothing", vec![frame(FIN | NEXT, b"no"), whole.clone()], None),
        ("5.12-5.14 the middle of nothing", vec![frame(NEXT, b"no"), whole.clone()], None),
        (
            "5.15 the middle of nothing behind a message",
            [complete(), vec![frame(NEXT, b"no"), whole.clone()]].concat(),
            Some("inner"),
        ),
        (
            "5.16 the middle of nothing, then a start",
            vec![frame(NEXT, b"no"), frame(TEXT, one), frame(FIN | NEXT, two)],
            None,
        ),
        (
            "5.17 the end of nothing, then a start",
            vec![frame(FIN | NEXT, b"no"), frame(TEXT, one), frame(FIN | NEXT, two)],
            None,
        ),
        ("5.18 a second start", vec![frame(TEXT, one), frame(FIN | TEXT, two)], None),
        ("5.18 a second start, unfinished", vec![frame(TEXT, one), frame(TEXT, two)], None),
        ("5.18 a binary one within a text", vec![frame(TEXT, one), frame(FIN | BINARY, two)], None),
        ("5.18 a text within a binary one", vec![frame(BINARY, one), whole], None),
    ];
    let mut cases = Vec::new();
    for (name, frames, answer) in table {
        let mut refused = written(case(name), frames).closed(1002);
        if let Some(answer) = answer {
            refused = refused.answered(answer);
        }
        cases.extend(refused.thrice());
    }
    let closing = [frame(TEXT, one), close(1000, b"enough"), frame(FIN | NEXT, two)];
    cases.extend(written(case("7.1.5 a close within a message").closed(1000), closing).thrice());
    run(cases).await;
}
