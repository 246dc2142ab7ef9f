//! Classes 3 and 4: reserved bits, reserved opcodes, and unmasked frames.

use crate::case::{Case, case, event, event_frame, run};
use crate::peer::{BINARY, CLOSE, FIN, PING, PONG, TEXT, frame};

/// A bad frame alone, in one write with others, after an answer, byte by byte, and only its first two bytes.
fn five(name: &str, bad: &[u8]) -> [Case; 5] {
    let ping = || frame(FIN | PING, b"after");
    let in_one = [event_frame("before"), bad.to_vec(), ping()].concat();
    [
        case(format!("{name}, alone")).write(bad).closed(1002),
        case(format!("{name}, in one piece with others")).write(in_one).answered("before").closed(1002),
        case(format!("{name}, after an answer"))
            .write(event_frame("before"))
            .answered("before")
            .pause()
            .write(bad)
            .write(ping())
            .closed(1002),
        case(format!("{name}, byte by byte")).drip(bad).closed(1002),
        case(format!("{name}, by its first two bytes alone")).write(&bad[..2]).closed(1002),
    ]
}

#[tokio::test]
async fn a_reserved_bit_closes() {
    let text = event("reserved").into_bytes();
    let mut cases = Vec::new();
    for bits in 1..=7_u8 {
        for (opcode, payload) in
            [(TEXT, &text[..]), (BINARY, b"b"), (PING, b"p"), (PONG, b"p"), (CLOSE, &[3, 232])]
        {
            let bad = frame(FIN | bits << 4 | opcode, payload);
            cases.extend(five(&format!("3 reserved bits {bits:03b} on opcode {opcode:#x}"), &bad));
        }
    }
    run(cases).await;
}

#[tokio::test]
async fn a_reserved_opcode_closes() {
    let mut cases = Vec::new();
    for opcode in [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF] {
        for payload in [&b""[..], b"reserved"] {
            let bad = frame(FIN | opcode, payload);
            cases.extend(five(&format!("4 opcode {opcode:#x} with {} bytes", payload.len()), &bad));
        }
    }
    run(cases).await;
}

#[tokio::test]
async fn a_frame_without_a_mask_closes() {
    let text = event("bare");
    let length = u8::try_from(text.len()).expect("a short event");
    let bare = [&[FIN | TEXT, length], text.as_bytes()].concat();
    run(five("a text without a mask", &bare).into_iter().chain(five("a ping without one", &[FIN | PING, 0])))
        .await;
}
