//! A node beside one of a later version, whose hints have unknown fields or another format. The node reads from
//! the store what it cannot decode.

use std::time::Duration;

use chinwag_testkit::trial::{bound, report, times};
use chinwag_testkit::wait::until;
use hmac::{Hmac, KeyInit, Mac};
use redis::AsyncCommands;
use sha2::Sha256;
use tokio::time::Instant;

use crate::cluster::SECRET;
use crate::hints::{HEALED, Pair, capture};

/// Offsets in a hint. The fields follow the version, the HMAC, and the sender's id, number and time.
const MAC: usize = 1;
const BODY: usize = MAC + 32;
const FIELDS: usize = BODY + 16 + 8 + 8;
/// A field's tag and its length of four bytes, then the kind of one byte.
const KIND: usize = FIELDS + 5;

/// A later version's change to a hint, before its authentication.
type Change = fn(Vec<u8>) -> Vec<u8>;

/// An unknown kind and an unknown field.
fn of_a_new_kind(mut hint: Vec<u8>) -> Vec<u8> {
    hint[KIND] = 200;
    let new = b"new";
    hint.push(201);
    hint.extend(u32::try_from(new.len()).expect("it is short").to_le_bytes());
    hint.extend(new);
    hint
}

/// The next version of the format; nothing in it is guaranteed.
fn of_the_next_form(mut hint: Vec<u8>) -> Vec<u8> {
    hint[0] += 1;
    hint[FIELDS..].reverse();
    hint
}

/// Authenticates a hint as a node of the cluster does.
fn signed(channel: &str, mut hint: Vec<u8>) -> Vec<u8> {
    let keyed = |key: &[u8]| Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    let key = keyed(SECRET.as_bytes()).chain_update(b"chinwag: hints between nodes").finalize().into_bytes();
    let mac = keyed(&key).chain_update(channel).chain_update([0]).chain_update(&hint[BODY..]);
    hint[MAC..BODY].copy_from_slice(&mac.finalize().into_bytes());
    hint
}

/// Ann writes at a node whose hints are rewritten to a later version; Bob receives at a node of this version.
/// Returns the total latency, and the number of hints that Bob's node refused.
async fn latency_of(change: Change, rounds: u32) -> (Duration, f64) {
    let pair = Pair::new().await;
    let reading = pair.read().await;
    let (mut hints, mut redis) = pair.eavesdrop().await;
    let link = &pair.cluster.nodes[1].redis;
    let refused = pair.figure("forged").await;
    let (mut took, mut last) = (Duration::ZERO, 0);
    for round in 0..rounds {
        let lost = link.lost();
        link.lose(pair.group.as_bytes());
        last = pair.say(&format!("word {round} of a later version")).await;
        let (channel, hint) = capture(&mut hints, &pair.group, 1).await.remove(0);
        until("the loss of the hint", || link.lost() > lost).await;
        link.restore();
        let begun = Instant::now();
        let later = signed(&channel, change(hint));
        let receivers: usize = redis.publish(&channel, later).await.expect("it is published");
        assert!(receivers >= 2, "the node hears it as the eavesdropper does");
        reading.reaches(last, bound(HEALED)).await;
        took += begun.elapsed();
        let _ = capture(&mut hints, &pair.group, 1).await;
    }
    let refused = pair.figure("forged").await - refused;
    let reader = pair.whole(reading, last).await;
    assert!(reader.ends().is_empty(), "nobody was closed");
    (took, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_kind_of_hint_is_read_from_the_store_at_once() {
    let rounds = times(5, 50);
    let (took, refused) = latency_of(of_a_new_kind, rounds).await;
    assert!(refused < 0.5, "they are understood as far as they go");
    // The audit alone would take ten seconds each time.
    assert!(took < HEALED * rounds / 3, "{took:?}");
    report("versions", format!("{rounds} hints of a new kind"), format!("told {:.1?} later", took / rounds));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hints_of_a_later_version_are_recovered_from_the_store() {
    let rounds = times(1, 5);
    let (took, refused) = latency_of(of_the_next_form, rounds).await;
    assert!((refused - f64::from(rounds)).abs() < 0.5, "none of them is understood: {refused}");
    report(
        "versions",
        format!("{rounds} hints of the next form"),
        format!("told {:.1?} later", took / rounds),
    );
}
