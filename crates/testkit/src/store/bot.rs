//! The secrets of bots: keys and incoming hooks.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::bot::{BotKey, BotRight, BotRights, IncomingHook};
use chinwag_core::token::TokenHash;
use chinwag_core::{BotKeyId, GroupId, HookId, UserId};

use super::{Fixture, date, uuid};

fn hash(number: u8) -> TokenHash {
    TokenHash([number; 32])
}

fn key(number: u8, user: UserId, groups: &[GroupId]) -> BotKey {
    // Ids and dates are in opposite orders.
    let id = BotKeyId(uuid(100 - i64::from(number)));
    let may = BotRights::of(&[BotRight::Send]);
    BotKey { id, user, groups: groups.to_vec(), may, created: date(number.into()) }
}

fn hook(number: u8, user: UserId, group: GroupId) -> IncomingHook {
    IncomingHook { id: HookId(uuid(100 - i64::from(number))), user, group, created: date(number.into()) }
}

async fn keep_key(f: &Fixture, number: u8, key: &BotKey) {
    let key = key.clone();
    f.write(move |tx| tx.bot_key_insert(&hash(number), &key)).await;
}

async fn keep_hook(f: &Fixture, number: u8, hook: &IncomingHook) {
    let hook = hook.clone();
    f.write(move |tx| tx.incoming_hook_insert(&hash(number), &hook)).await;
}

pub async fn a_key_is_found_by_its_hash_and_listed_with_its_bot(f: Fixture) {
    let (bot, other) = (f.user("bot").await, f.user("other").await);
    let (a, b) = (f.group(&[bot]).await, f.group(&[bot]).await);
    let one = BotKey { may: BotRights::of(&BotRight::ALL), ..key(1, bot, &[b, a]) };
    let (two, three) = (key(2, bot, &[a]), key(3, other, &[b]));
    for (number, key) in [(1, &one), (2, &two), (3, &three)] {
        keep_key(&f, number, key).await;
    }
    assert_eq!(f.read(|tx| tx.bot_key(&hash(1))).await.as_ref(), Some(&one));
    assert_eq!(f.read(|tx| tx.bot_key(&hash(9))).await, None);
    assert_eq!(f.read(move |tx| tx.bot_keys(bot)).await, [one.clone(), two.clone()], "the oldest first");
    assert_eq!(f.read(|tx| tx.tokens_kept(&[hash(1), hash(9)])).await, [hash(1)], "as sockets ask");
    assert_eq!(f.write(move |tx| tx.bot_key_delete(other, one.id)).await, None, "another's");
    assert_eq!(f.write(move |tx| tx.bot_key_delete(bot, one.id)).await, Some(hash(1)));
    assert_eq!(f.write(move |tx| tx.bot_key_delete(bot, one.id)).await, None);
    assert_eq!(f.read(|tx| tx.bot_key(&hash(1))).await, None);
    assert_eq!(f.read(move |tx| tx.bot_keys(bot)).await, [two]);
    assert_eq!(f.read(|tx| tx.tokens_kept(&[hash(1), hash(2)])).await, [hash(2)]);
}

pub async fn an_incoming_hook_ends_with_its_group(f: Fixture) {
    let (bot, other) = (f.user("bot").await, f.user("other").await);
    let (a, b) = (f.group(&[bot]).await, f.group(&[bot]).await);
    let (one, two, three) = (hook(1, bot, a), hook(2, bot, b), hook(3, other, a));
    for (number, hook) in [(1, &one), (2, &two), (3, &three)] {
        keep_hook(&f, number, hook).await;
    }
    assert_eq!(f.read(|tx| tx.incoming_hook(&hash(1))).await.as_ref(), Some(&one));
    assert_eq!(f.read(|tx| tx.incoming_hook(&hash(9))).await, None);
    assert_eq!(f.read(move |tx| tx.incoming_hooks(bot)).await, [one.clone(), two.clone()]);
    assert!(!f.write(move |tx| tx.incoming_hook_delete(other, one.id)).await, "another's");
    let task = f.task();
    f.write(move |tx| tx.group_delete(a, task)).await;
    assert_eq!(f.read(|tx| tx.incoming_hook(&hash(1))).await, None);
    assert_eq!(f.read(move |tx| tx.incoming_hooks(bot)).await, std::slice::from_ref(&two));
    assert!(f.write(move |tx| tx.incoming_hook_delete(bot, two.id)).await);
    assert!(!f.write(move |tx| tx.incoming_hook_delete(bot, two.id)).await);
    assert_eq!(f.read(move |tx| tx.incoming_hooks(bot)).await, []);
}

pub async fn secrets_of_a_bot_end_with_it(f: Fixture) {
    let (bot, other) = (f.user("bot").await, f.user("other").await);
    let group = f.group(&[bot]).await;
    for (number, user) in [(1, bot), (2, other)] {
        keep_key(&f, number, &key(number, user, &[group])).await;
        keep_hook(&f, number, &hook(number, user, group)).await;
    }
    f.write(move |tx| tx.bot_secrets_delete(bot)).await;
    assert_eq!(f.read(|tx| tx.bot_key(&hash(1))).await, None);
    assert_eq!(f.read(|tx| tx.incoming_hook(&hash(1))).await, None);
    assert_eq!(f.read(move |tx| tx.bot_keys(other)).await.len(), 1);
    let task = f.task();
    f.write(move |tx| tx.user_delete(other, task)).await;
    assert_eq!(f.read(|tx| tx.bot_key(&hash(2))).await, None);
    assert_eq!(f.read(|tx| tx.incoming_hook(&hash(2))).await, None);
}
