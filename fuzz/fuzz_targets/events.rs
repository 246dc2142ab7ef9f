//! Events and payloads: any text, passed to all parsers of clients' input. The parsers come from the lists of
//! events and payloads, so that new ones are fuzzed without a change of this file.

#![no_main]

use std::hint::black_box;

use chinwag_http::fuzzing;
use chinwag_http::wire::input::json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let parsed = json::parse(bytes);
    assert_eq!(parsed.as_ref().ok(), json::parse(bytes).as_ref().ok(), "two parses return the same");
    if let Ok(text) = std::str::from_utf8(bytes) {
        black_box(fuzzing::envelope(text));
        black_box(fuzzing::envelope(&format!(r#"{{"type":"t","data":{text},"ref":{text}}}"#)));
    } else {
        assert!(parsed.is_err(), "text that is not UTF-8 is not JSON");
    }
    fuzzing::parse_payload(bytes);
});
