//! Class 6: texts must be UTF-8, also across fragments and writes that split a character.

use crate::case::{Case, case, event, run};
use crate::peer::{BINARY, FIN, TEXT, frame};

const NEXT: u8 = 0x0;

/// One message four ways: whole, with one byte per fragment, with one byte per write, and with two fragments
/// that split in the middle.
fn four(name: &str, text: &[u8]) -> [Case; 4] {
    let mut each = Vec::new();
    for (number, byte) in text.chunks(1).enumerate() {
        let opcode = if number == 0 { TEXT } else { NEXT };
        let fin = if number + 1 == text.len() { FIN } else { 0 };
        each.extend(frame(fin | opcode, byte));
    }
    let (one, two) = text.split_at(text.len() / 2);
    [
        case(format!("{name}, whole")).write(frame(FIN | TEXT, text)),
        case(format!("{name}, a fragment a byte")).write(each),
        case(format!("{name}, byte by byte")).drip(frame(FIN | TEXT, text)),
        case(format!("{name}, two fragments")).write(frame(TEXT, one)).write(frame(FIN | NEXT, two)),
    ]
}

#[tokio::test]
async fn every_text_that_is_utf_8_is_read() {
    let valid = [
        ("6.2 words", "Hello-µ@ßöäüàá-UTF-8!!"),
        ("6.2 Greek", "κόσμε"),
        ("6.5 the first of two bytes", "\u{80}"),
        ("6.5 the first of three", "\u{800}"),
        ("6.5 the first of four", "\u{10000}"),
        ("6.7 the last of one", "\u{7F}"),
        ("6.7 the last of two", "\u{7FF}"),
        ("6.7 the last of three", "\u{FFFF}"),
        ("6.11 the last of four", "\u{10FFFF}"),
        ("6.11 before the surrogates", "\u{D7FF}"),
        ("6.11 behind them", "\u{E000}"),
        ("6.11 the replacement", "\u{FFFD}"),
        ("6.22 no characters", "\u{FFFE}\u{1FFFE}\u{1FFFF}\u{2FFFE}\u{EFFFF}\u{10FFFE}"),
        ("6.23 specials", "\u{FFF9}\u{FFFA}\u{FFFB}\u{FFFC}\u{FEFF}"),
    ];
    run(valid
        .into_iter()
        .flat_map(|(name, text)| four(name, event(text).as_bytes()).map(|case| case.answered(text))))
    .await;
}

/// Invalid UTF-8, by the classes of the test suite.
#[rustfmt::skip] // A table.
const INVALID: &[(&str, &[&[u8]])] = &[
    ("6.3 in the midst", &[b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80edited"]),
    ("6.8 five and six bytes, the first", &[b"\xF8\x88\x80\x80\x80", b"\xFC\x84\x80\x80\x80\x80"]),
    ("6.10 the last", &[b"\xF7\xBF\xBF\xBF", b"\xFB\xBF\xBF\xBF\xBF", b"\xFD\xBF\xBF\xBF\xBF\xBF"]),
    ("6.11 past U+10FFFF", &[b"\xF4\x90\x80\x80", b"\xF5\x80\x80\x80"]),
    ("6.12 bytes that continue nothing", &[b"\x80", b"\xBF", b"\x80\xBF", b"\x80\xBF\x80", b"\x80\xBF\x80\xBF\x80\xBF"]),
    ("6.13 starts alone", &[b"\xC0 \xC1 \xC2 \xDF ", b"\xC2 ", b"\xE0 \xEF ", b"\xE1 ", b"\xF0 \xF7 ", b"\xF1 ", b"\xF8 ", b"\xFC "]),
    ("6.14 the last byte missing", &[
        b"\xC2", b"\xDF", b"\xE0\xA0", b"\xEF\xBF", b"\xF0\x90\x80", b"\xF4\x8F\xBF", b"\xF8\x88\x80\x80", b"\xFC\x84\x80\x80\x80",
    ]),
    ("6.15 all of those in a row", &[b"\xC0\xE0\x80\xF0\x80\x80\xF8\x80\x80\x80\xFC\x80\x80\x80\x80\xDF\xEF\xBF\xF7\xBF\xBF"]),
    ("6.16 bytes that never are", &[b"\xFE", b"\xFF", b"\xFE\xFE\xFF\xFF"]),
    ("6.17 a slash too long", &[b"\xC0\xAF", b"\xE0\x80\xAF", b"\xF0\x80\x80\xAF", b"\xF8\x80\x80\x80\xAF", b"\xFC\x80\x80\x80\x80\xAF"]),
    ("6.18 the longest too long", &[b"\xC1\xBF", b"\xE0\x9F\xBF", b"\xF0\x8F\xBF\xBF", b"\xF8\x87\xBF\xBF\xBF", b"\xFC\x83\xBF\xBF\xBF\xBF"]),
    ("6.19 NUL too long", &[b"\xC0\x80", b"\xE0\x80\x80", b"\xF0\x80\x80\x80", b"\xF8\x80\x80\x80\x80", b"\xFC\x80\x80\x80\x80\x80"]),
    ("6.20 surrogates", &[
        b"\xED\xA0\x80", b"\xED\xAD\xBF", b"\xED\xAE\x80", b"\xED\xAF\xBF", b"\xED\xB0\x80", b"\xED\xBE\x80", b"\xED\xBF\xBF",
    ]),
    ("6.21 surrogates in pairs", &[
        b"\xED\xA0\x80\xED\xB0\x80", b"\xED\xA0\x80\xED\xBF\xBF", b"\xED\xAD\xBF\xED\xB0\x80", b"\xED\xAF\xBF\xED\xBF\xBF",
    ]),
];

#[tokio::test]
async fn every_text_that_is_not_utf_8_closes() {
    let mut cases = Vec::new();
    for (name, texts) in INVALID {
        for text in *texts {
            let name = format!("{name}: {text:X?}");
            cases.extend(four(&name, text));
            let event = [br#"{"type":"nothing","ref":""#, *text, br#""}"#].concat();
            cases.extend(four(&format!("{name}, in an event"), &event));
        }
    }
    run(cases.into_iter().map(|case| case.closed(1007))).await;
}

#[tokio::test]
async fn a_binary_message_and_a_ping_need_not_be_utf_8() {
    let bad = b"\xED\xA0\x80\xFF";
    run([
        case("6 binary").write(frame(FIN | BINARY, bad)).answered("not binary ones"),
        case("6 a ping").write(frame(FIN | crate::peer::PING, bad)).ponged(*bad),
    ])
    .await;
}
