//! Class 7: closing, close codes and reasons.

use crate::case::{Case, case, event_frame, long_event, run};
use crate::peer::{CLOSE, FIN, PING, TEXT, close, frame};

#[tokio::test]
async fn frames_after_a_close_are_ignored() {
    let normal = || close(1000, b"");
    let ping = frame(FIN | PING, b"too late");
    let long = frame(FIN | TEXT, long_event("long", 65_536).as_bytes());
    let cases: [(Case, Vec<Vec<u8>>); 7] = [
        (case("7.1.1 an event, then a close").answered("e"), vec![event_frame("e"), normal()]),
        (case("7.1.2 two closes"), vec![normal(), normal()]),
        (case("7.1.3 a ping behind it"), vec![normal(), ping.clone()]),
        (case("7.1.4 an event behind it"), vec![normal(), event_frame("too-late")]),
        (case("7.1.4 nonsense behind it"), vec![normal(), vec![0xFF; 1000]]),
        (case("7.1.6 a long event, a close, a ping").answered("long"), vec![long, normal(), ping.clone()]),
        (case("7.1 a long event behind it"), vec![normal(), frame(FIN | TEXT, &[b'x'; 65_536]), ping]),
    ];
    run(cases.into_iter().flat_map(|(case, frames)| {
        let case = frames.into_iter().fold(case, Case::write).closed(1000);
        let [apart, one, _] = case.thrice();
        [apart, one]
    }))
    .await;
}

#[tokio::test]
async fn a_close_has_a_code_and_a_reason_or_nothing() {
    let longest = [b'r'; 123];
    run([
        case("7.3.1 nothing").write(frame(FIN | CLOSE, b"")).closed(1000),
        case("7.3.2 half a code").write(frame(FIN | CLOSE, &[3])).closed(1002),
        case("7.3.3 a code").write(close(1000, b"")).closed(1000),
        case("7.3.4 a reason").write(close(1000, b"enough")).closed(1000),
        case("7.3.5 the longest reason").write(close(1000, &longest)).closed(1000),
        case("7.3.6 one that is longer").write(close(1000, &[b'r'; 124])).closed(1002),
        case("7.5.1 a reason that is not UTF-8")
            .write(close(1000, b"\xCE\xBA\xED\xA0\x80edited"))
            .closed(1007),
        case("7.5.1 one that is cut").write(close(1000, b"\xE2\x82")).closed(1007),
        case("7.5 one in Greek").write(close(1000, "κόσμε".as_bytes())).closed(1000),
        case("7.3.4 byte by byte").drip(close(1000, b"enough")).closed(1000),
    ])
    .await;
}

#[tokio::test]
async fn a_code_is_given_back_if_it_is_one() {
    let right =
        [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
    let wrong = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 32_768, 65_535];
    let right = right.map(|code| (format!("7.7 {code}"), code, code));
    let wrong = wrong.map(|code| (format!("7.9 {code}"), code, 1002));
    run(right.into_iter().chain(wrong).flat_map(|(name, code, answer)| {
        [b"".as_slice(), b"a reason"]
            .map(|reason| case(format!("{name} with {reason:?}")).write(close(code, reason)).closed(answer))
    }))
    .await;
}
