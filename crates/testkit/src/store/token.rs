//! Tokens and tickets.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::token::{Kind, Token, TokenHash};

use super::{Fixture, date, name};

pub async fn a_token_is_found_by_its_hash_with_its_users_name_now(f: Fixture) {
    let ann = f.user("ann").await;
    for (hash, kind) in [
        (TokenHash([1; 32]), Kind::Token),
        (TokenHash([0xff; 32]), Kind::Ticket { of: Some(TokenHash([1; 32])) }),
    ] {
        f.write(move |tx| tx.token_insert(&hash, ann, kind, date(5))).await;
        let found = f.read(move |tx| tx.token(&hash)).await;
        assert_eq!(
            found,
            Some(Token { hash, user: ann, name: name("ann"), kind, expires: date(5), suspension: None })
        );
    }
    f.write(move |tx| tx.user_rename(ann, &name("eve"))).await;
    let found = f.read(|tx| tx.token(&TokenHash([1; 32]))).await;
    assert_eq!(found.map(|token| token.name), Some(name("eve")));
    assert_eq!(f.read(|tx| tx.token(&TokenHash([2; 32]))).await, None);
}

pub async fn a_dropped_token_is_gone_and_was_there_once(f: Fixture) {
    let (ann, hash) = (f.user("ann").await, TokenHash([1; 32]));
    f.write(move |tx| tx.token_insert(&hash, ann, Kind::Ticket { of: None }, date(5))).await;
    assert!(f.write(move |tx| tx.token_delete(&hash)).await);
    assert_eq!(f.read(move |tx| tx.token(&hash)).await, None);
    assert!(!f.write(move |tx| tx.token_delete(&hash)).await);
}

pub async fn all_tokens_of_one_user_and_no_other_are_dropped(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let [a, b, c] = [1, 2, 3].map(|byte| TokenHash([byte; 32]));
    f.write(move |tx| {
        tx.token_insert(&a, ann, Kind::Token, date(5))?;
        tx.token_insert(&b, ann, Kind::Ticket { of: None }, date(5))?;
        tx.token_insert(&c, bob, Kind::Token, date(5))?;
        tx.tokens_delete(ann)
    })
    .await;
    let left = f.read(move |tx| Ok([tx.token(&a)?, tx.token(&b)?, tx.token(&c)?])).await;
    assert_eq!(left.map(|token| token.map(|token| token.user)), [None, None, Some(bob)]);
}

pub async fn all_other_tokens_of_a_user_are_dropped(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let [kept, other, ticket, anothers] = [1, 2, 3, 4].map(|byte| TokenHash([byte; 32]));
    f.write(move |tx| {
        tx.token_insert(&kept, ann, Kind::Token, date(5))?;
        tx.token_insert(&other, ann, Kind::Token, date(5))?;
        tx.token_insert(&ticket, ann, Kind::Ticket { of: Some(kept) }, date(5))?;
        tx.token_insert(&anothers, bob, Kind::Token, date(5))
    })
    .await;
    let mut dropped = f.write(move |tx| tx.tokens_delete_others(ann, &kept)).await;
    dropped.sort_by_key(|hash| hash.0);
    assert_eq!(dropped, [other, ticket]);
    let mut left = f.read(move |tx| tx.tokens_kept(&[kept, other, ticket, anothers])).await;
    left.sort_by_key(|hash| hash.0);
    assert_eq!(left, [kept, anothers]);
}

pub async fn trimming_keeps_the_newest_tokens_and_all_tickets(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let hash = |byte| TokenHash([byte; 32]);
    f.write(move |tx| {
        // What is made first ends neither first nor last.
        for (byte, seconds) in [(1, 7), (2, 9), (3, 5), (4, 8)] {
            tx.token_insert(&hash(byte), ann, Kind::Token, date(seconds))?;
        }
        tx.token_insert(&hash(5), ann, Kind::Ticket { of: None }, date(5))?;
        tx.token_insert(&hash(6), bob, Kind::Token, date(5))
    })
    .await;
    let mut dropped = f.write(move |tx| tx.tokens_trim(ann, 2)).await;
    dropped.sort_by_key(|hash| hash.0);
    assert_eq!(dropped, [hash(1), hash(2)]);
    let all: Vec<_> = (1..=6).map(hash).collect();
    let mut kept = f.read(move |tx| tx.tokens_kept(&all)).await;
    kept.sort_by_key(|hash| hash.0);
    assert_eq!(kept, [3, 4, 5, 6].map(hash));
    assert_eq!(f.write(move |tx| tx.tokens_trim(ann, 2)).await, []);
}

pub async fn only_expired_tokens_are_purged(f: Fixture) {
    let ann = f.user("ann").await;
    f.write(move |tx| {
        for (byte, seconds) in [(1, 4), (2, 5), (3, 6)] {
            tx.token_insert(&TokenHash([byte; 32]), ann, Kind::Token, date(seconds))?;
        }
        Ok(())
    })
    .await;
    assert_eq!(f.write(|tx| tx.tokens_purge(date(5))).await, 1);
    let left =
        f.read(|tx| [1, 2, 3].into_iter().map(|byte| tx.token(&TokenHash([byte; 32]))).collect()).await;
    let left: Vec<Option<Token>> = left;
    assert_eq!(left.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(f.write(|tx| tx.tokens_purge(date(5))).await, 0);
}

pub async fn no_more_than_a_thousand_are_purged_at_a_time(f: Fixture) {
    let ann = f.user("ann").await;
    f.write(move |tx| {
        for number in 0..1005_u32 {
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&number.to_be_bytes());
            tx.token_insert(&TokenHash(hash), ann, Kind::Ticket { of: None }, date(1))?;
        }
        Ok(())
    })
    .await;
    assert_eq!(f.write(|tx| tx.tokens_purge(date(2))).await, 1000);
    assert_eq!(f.write(|tx| tx.tokens_purge(date(2))).await, 5);
}

pub async fn valid_tokens_are_found_among_many(f: Fixture) {
    let ann = f.user("ann").await;
    let [here, gone, never] = [1, 2, 3].map(|byte| TokenHash([byte; 32]));
    f.write(move |tx| {
        tx.token_insert(&here, ann, Kind::Token, date(5))?;
        tx.token_insert(&gone, ann, Kind::Token, date(5))?;
        tx.token_delete(&gone)
    })
    .await;
    assert_eq!(f.read(move |tx| tx.tokens_kept(&[gone, here, never])).await, [here]);
    assert_eq!(f.read(|tx| tx.tokens_kept(&[])).await, []);
}
