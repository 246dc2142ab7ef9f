//! Users who are banned from groups.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::{GroupId, UserId};

use super::{Fixture, name};

async fn banned(f: &Fixture, group: GroupId) -> Vec<String> {
    let (names, count) = f.read(move |tx| Ok((tx.banned(group)?, tx.bans_count(group)?))).await;
    assert_eq!(names.len(), count);
    names.iter().map(ToString::to_string).collect()
}

pub async fn bans_are_of_one_group_and_in_order_of_name(f: Fixture) {
    let [ann, eve, bob] = [f.user("ann").await, f.user("eve").await, f.user("bob").await];
    let (id, other) = (f.group(&[ann]).await, f.group(&[ann]).await);
    f.write(move |tx| tx.ban_set(id, &[eve, bob], true)).await;
    f.write(move |tx| tx.ban_set(id, &[bob], true)).await;
    f.write(move |tx| tx.ban_set(other, &[], true)).await;
    assert_eq!(banned(&f, id).await, ["bob", "eve"]);
    assert_eq!(banned(&f, other).await, Vec::<String>::new());
    let among = |group, users: Vec<UserId>| {
        f.read(move |tx| {
            let mut found = tx.banned_among(group, &users)?;
            found.sort_unstable();
            Ok(found)
        })
    };
    assert_eq!(among(id, vec![ann, bob, eve]).await, [eve, bob]);
    assert_eq!(among(other, vec![bob]).await, []);
    assert_eq!(among(id, vec![]).await, []);
    f.write(move |tx| tx.ban_set(id, &[ann, eve], false)).await;
    assert_eq!(banned(&f, id).await, ["bob"]);
}

pub async fn bans_follow_a_rename_and_end_with_user_and_group(f: Fixture) {
    let [ann, bob, eve] = [f.user("ann").await, f.user("bob").await, f.user("eve").await];
    let (id, other) = (f.group(&[ann]).await, f.group(&[ann]).await);
    f.write(move |tx| {
        tx.ban_set(id, &[bob, eve], true)?;
        tx.ban_set(other, &[bob], true)
    })
    .await;
    f.write(move |tx| tx.user_rename(bob, &name("rob"))).await;
    assert_eq!(banned(&f, id).await, ["eve", "rob"]);
    let task = f.task();
    f.write(move |tx| tx.user_delete(bob, task)).await;
    // Nobody reads the rows that are left, which go in steps.
    assert_eq!((banned(&f, id).await, banned(&f, other).await), (vec!["eve".to_owned()], vec![]));
    let deleted = f.write(move |tx| Ok([tx.bans_delete(bob, 1)?, tx.bans_delete(bob, 9)?])).await;
    assert_eq!(deleted, [1, 1]);
    let task = f.task();
    f.write(move |tx| {
        tx.group_delete(id, task)?;
        while tx.group_erase(id, 1)? > 0 {}
        Ok(())
    })
    .await;
    assert_eq!(f.write(move |tx| tx.bans_delete(eve, 9)).await, 0);
}
