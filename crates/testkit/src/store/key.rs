//! Keys of the service.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::KeyId;
use chinwag_core::scope::{Scope, ScopedKey, Scopes};
use chinwag_core::token::TokenHash;

use super::{Fixture, date, uuid};

fn key(number: i64, expires: Option<i64>) -> ScopedKey {
    let scopes = Scopes::of(&[Scope::Read, Scope::Admin]);
    ScopedKey { id: KeyId(uuid(number)), scopes, created: date(number), expires: expires.map(date) }
}

fn hash(byte: u8) -> TokenHash {
    TokenHash([byte; 32])
}

pub async fn a_scoped_key_is_read_as_it_was_kept(f: Fixture) {
    f.write(|tx| tx.scoped_key_insert(&hash(1), &key(2, None))).await;
    f.write(|tx| tx.scoped_key_insert(&hash(2), &key(1, Some(50)))).await;
    assert_eq!(f.read(|tx| tx.scoped_key(&hash(1))).await, Some(key(2, None)));
    assert_eq!(f.read(|tx| tx.scoped_key(&hash(3))).await, None);
    assert_eq!(f.read(|tx| tx.scoped_keys()).await, [key(1, Some(50)), key(2, None)], "in order of creation");
    assert!(f.write(|tx| tx.scoped_key_delete(KeyId(uuid(2)))).await);
    assert!(!f.write(|tx| tx.scoped_key_delete(KeyId(uuid(2)))).await);
    assert_eq!(f.read(|tx| tx.scoped_key(&hash(1))).await, None);
}

pub async fn ended_scoped_keys_are_purged(f: Fixture) {
    f.write(|tx| {
        tx.scoped_key_insert(&hash(1), &key(1, Some(4)))?;
        tx.scoped_key_insert(&hash(2), &key(2, Some(5)))?;
        tx.scoped_key_insert(&hash(3), &key(3, None))
    })
    .await;
    assert_eq!(f.write(|tx| tx.scoped_keys_purge(date(5))).await, 1);
    assert_eq!(f.read(|tx| tx.scoped_keys()).await, [key(2, Some(5)), key(3, None)]);
}
