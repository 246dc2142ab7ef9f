//! Cursors: a forged cursor is rejected, and a sealed one opens unchanged.

#![no_main]

use chinwag_http::fuzzing::CursorTarget;
use libfuzzer_sys::fuzz_target;

const KEY: &str = "the-service-key-of-a-fuzzer-0123456789";
/// No cursor is sealed with this key, because the fuzzer learns the values of comparisons.
const OTHER_KEY: &str = "another-service-key-of-a-fuzzer-0123456";

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert_eq!(CursorTarget::new(OTHER_KEY).open("users", text), None, "forged");
    }
    let cursors = CursorTarget::new(KEY);
    let (place, change) = bytes.split_at(bytes.len().min(32));
    let sealed = cursors.seal("users", place);
    assert_eq!(cursors.open("users", &sealed).as_deref(), Some(place));
    assert_eq!(cursors.open("groups", &sealed), None, "cursor of another list");
    let &[at, with, ..] = change else { return };
    let mut changed = sealed.clone().into_bytes();
    let at = usize::from(at) % changed.len();
    changed[at] = with & 0x7F;
    let changed = String::from_utf8(changed).expect("it is ASCII");
    if changed != sealed {
        assert_eq!(cursors.open("users", &changed), None, "{changed} for {sealed}");
    }
});
