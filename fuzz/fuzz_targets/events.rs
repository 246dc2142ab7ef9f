//! Events and payloads: any text, read by every reader that a client's text comes to.

#![no_main]

use std::hint::black_box;

use chinwag_core::limits::Limits;
use chinwag_core::{GroupId, MessageId, Name};
use chinwag_http::fuzzing;
use chinwag_http::wire::input::{Fields, account, group, json, message, relation, user};
use libfuzzer_sys::fuzz_target;

/// Reads the payload once by each of the readers.
macro_rules! each {
    ($payload:expr; $($read:expr),+ $(,)?) => {
        $(if let Ok(fields) = Fields::parse($payload) {
            // Refused or not, it must come back.
            let _ = black_box($read(fields));
        })+
    };
}

fuzz_target!(|bytes: &[u8]| {
    let parsed = json::parse(bytes);
    assert_eq!(parsed.as_ref().ok(), json::parse(bytes).as_ref().ok(), "read twice, it reads alike");
    if let Ok(text) = std::str::from_utf8(bytes) {
        black_box(fuzzing::envelope(text));
        // One payload within an event is read as it stands there.
        black_box(fuzzing::envelope(&format!(r#"{{"type":"t","data":{text},"ref":{text}}}"#)));
    } else {
        assert!(parsed.is_err(), "what is not UTF-8 is no JSON");
    }
    if Fields::parse(bytes).is_err() {
        return;
    }
    let limits = Limits::default();
    let (id, at) = (MessageId(Default::default()), GroupId(Default::default()));
    each!(bytes;
        account::sign_up, account::sign_in, account::token,
        group::create, group::make, |fields| group::update(fields, at), group::change, group::leave,
        group::typing, group::resume,
        |fields| message::send(fields, &limits), |fields| message::text(fields, &limits),
        |fields| message::first(fields, &limits), |fields| message::edit(fields, id, &limits),
        |fields| message::update(fields, &limits), message::delete, message::fetch, message::read,
        relation::relate, relation::update, relation::blocked,
        user::create, |fields| user::patch(fields, Name::stored("ann")), user::status,
    );
});
