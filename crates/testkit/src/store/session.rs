//! Sessions.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::session::{SessionClient, TokenUse, UserSession};
use chinwag_core::token::{Kind, TokenHash};

use super::{Fixture, date};

fn client(agent: &str) -> SessionClient {
    SessionClient::new(Some(agent), "10.0.0.1".into())
}

pub async fn sessions_are_the_valid_tokens_from_the_newest(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let [old, new, ended, ticket, anothers] = [1, 2, 3, 4, 5].map(|byte| TokenHash([byte; 32]));
    f.write(move |tx| {
        tx.token_insert(&old, ann, Kind::Token, date(50))?;
        tx.token_insert(&ended, ann, Kind::Token, date(10))?;
        tx.token_insert(&ticket, ann, Kind::Ticket { of: None }, date(50))?;
        tx.token_insert(&new, ann, Kind::Token, date(60))?;
        tx.token_insert(&anothers, bob, Kind::Token, date(50))?;
        tx.session_begin(&new, date(5), Some(&client("Browser")))
    })
    .await;
    let begun = UserSession {
        token: new,
        created: Some(date(5)),
        last_used: Some(date(5)),
        expires: date(60),
        client: client("Browser"),
    };
    let earlier = UserSession {
        token: old,
        created: None,
        last_used: None,
        expires: date(50),
        client: SessionClient::default(),
    };
    assert_eq!(f.read(move |tx| tx.sessions(ann, date(10))).await, [begun, earlier]);
}

pub async fn uses_are_noted_and_the_first_client_stays(f: Fixture) {
    let ann = f.user("ann").await;
    let [signed_in, issued, gone] = [1, 2, 3].map(|byte| TokenHash([byte; 32]));
    f.write(move |tx| {
        tx.token_insert(&signed_in, ann, Kind::Token, date(50))?;
        tx.session_begin(&signed_in, date(1), Some(&client("Browser")))?;
        tx.token_insert(&issued, ann, Kind::Token, date(50))?;
        tx.session_begin(&issued, date(2), None)
    })
    .await;
    let used = |token, agent: Option<&str>| TokenUse { token, client: agent.map(client) };
    let uses = [used(gone, None), used(signed_in, Some("Other")), used(issued, Some("App"))];
    f.write(move |tx| tx.tokens_use(&uses, date(7))).await;
    let noted = |token, created, agent: &str, last_used| UserSession {
        token,
        created: Some(date(created)),
        last_used: Some(date(last_used)),
        expires: date(50),
        client: client(agent),
    };
    let stand = f.read(move |tx| tx.sessions(ann, date(8))).await;
    assert_eq!(stand, [noted(issued, 2, "App", 7), noted(signed_in, 1, "Browser", 7)]);
    let again = [used(issued, None)];
    f.write(move |tx| tx.tokens_use(&again, date(9))).await;
    assert_eq!(f.read(move |tx| tx.sessions(ann, date(10))).await[0], noted(issued, 2, "App", 9));
}
