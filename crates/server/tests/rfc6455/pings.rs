//! Class 2: pings and pongs.

use crate::case::{case, event_frame, run};
use crate::peer::{FIN, PING, PONG, frame};

#[tokio::test]
async fn a_ping_is_answered_with_its_payload() {
    let payloads = (0..=125_u8).map(|size| (0..size).map(|byte| byte.wrapping_mul(37)).collect::<Vec<_>>());
    run(payloads.map(|payload| {
        let name = format!("2.1-2.4 a ping of {}", payload.len());
        case(name).write(frame(FIN | PING, &payload)).ponged(payload)
    }))
    .await;
}

#[tokio::test]
async fn odd_pings_and_unasked_pongs_are_handled() {
    let ping = |payload: &[u8]| frame(FIN | PING, payload);
    let pong = |payload: &[u8]| frame(FIN | PONG, payload);
    let mut ten = case("2.10 ten pings");
    let mut ten_dripped = case("2.11 ten pings, byte by byte");
    let (mut thousand, mut many) = (case("2.10 a thousand pings in one piece"), Vec::new());
    for number in 0..1000_u16 {
        let payload = number.to_be_bytes();
        if number < 10 {
            ten = ten.write(ping(&payload)).ponged(payload);
            ten_dripped = ten_dripped.drip(ping(&payload)).ponged(payload);
        }
        many.extend(ping(&payload));
        thousand = thousand.ponged(payload);
    }
    run([
        case("2.5 a ping of 126").write(ping(&[0xFE; 126])).closed(1002),
        case("2.5 a pong of 126").write(pong(&[0xFE; 126])).closed(1002),
        case("2.6 a ping of 125, byte by byte").drip(ping(&[0xFE; 125])).ponged([0xFE; 125]),
        case("2.7 an unasked, empty pong").write(pong(b"")),
        case("2.8 an unasked pong").write(pong(b"unasked")),
        case("2.9 an unasked pong, then a ping")
            .write(pong(b"unasked"))
            .write(ping(b"asked"))
            .ponged("asked"),
        case("2.9 the same in one piece").write([pong(b"unasked"), ping(b"asked")].concat()).ponged("asked"),
        case("2 a ping, then an event")
            .write([ping(b"p"), event_frame("e")].concat())
            .ponged("p")
            .answered("e"),
        ten,
        ten_dripped,
        thousand.write(many),
    ])
    .await;
}
