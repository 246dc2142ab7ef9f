//! The rights of members, consent, and the settings of users.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::group::Membership;
use chinwag_core::permission::Role;
use chinwag_core::relation::Pair;
use chinwag_core::relation::Relation::{Block, Contact};
use chinwag_core::store::{Newcomer, Shown, Tx};
use chinwag_core::user::{Allowed, Settings};
use chinwag_core::{Error, Result, Seq};

use super::{Fixture, date};

pub async fn a_membership_has_its_role_and_is_pending_or_blocked(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (group, private) = (f.group(&[ann, bob]).await, f.group_id());
    f.write(move |tx| {
        tx.member_set(group, bob, Role::Admin, date(1))?;
        tx.pending_set(group, bob, true)?;
        tx.group_insert(private, "@", Some((ann, bob)))?;
        tx.member_set(private, ann, Role::Member, date(0))?;
        tx.member_set(private, bob, Role::Member, date(0))
    })
    .await;
    let of = |role, pending, blocked| Some(Membership { role, pending, blocked });
    let seen =
        async |user| f.read(move |tx| Ok((tx.membership(group, user)?, tx.membership(private, user)?))).await;
    let member = of(Role::Member, false, false);
    assert_eq!(seen(ann).await, (member, member));
    assert_eq!(seen(bob).await, (of(Role::Admin, true, false), member));
    let block = async |mine, theirs| {
        f.write(move |tx| tx.pair_set(ann, bob, Pair { mine, theirs }, date(1))).await;
    };
    for (mine, theirs) in [(Some(Block), None), (None, Some(Block)), (Some(Block), Some(Block))] {
        block(mine, theirs).await;
        for user in [ann, bob] {
            assert_eq!(seen(user).await.1, of(Role::Member, false, true), "{mine:?} {theirs:?}");
        }
        assert_eq!(seen(ann).await.0, member, "only in private");
        let view = f.read(move |tx| tx.view(private)).await.expect("a view");
        assert!(view.members.iter().all(|member| member.role == Role::Restrict));
    }
    block(Some(Contact), Some(Contact)).await;
    assert_eq!(seen(bob).await.1, member);
    let eve = f.user("eve").await;
    assert_eq!(seen(eve).await, (None, None));
}

pub async fn who_has_not_accepted_counts_nowhere(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let group = f.group(&[ann, bob]).await;
    f.send(group, ann).await;
    f.write(move |tx| tx.pending_set(group, bob, true)).await;
    f.read(move |tx| {
        assert_eq!((tx.groups_count(ann)?, tx.groups_count(bob)?), (1, 0));
        let mut memberships = tx.memberships(&[ann, bob])?;
        memberships.sort_unstable();
        assert_eq!(memberships, [(ann, group, false), (bob, group, true)]);
        assert_eq!((tx.acquaintances(ann)?, tx.acquaintances(bob)?), (vec![], vec![ann]));
        let pending: Vec<_> = tx.members(group)?.into_iter().map(|member| member.pending).collect();
        assert_eq!(pending, [false, true]);
        assert!(tx.member(group, bob)?.is_some_and(|member| member.pending));
        let shown = Shown { messages: 1, members: 1 };
        let pending = |user| Ok::<_, Error>(tx.summaries(user, &[group], shown)?[0].pending);
        assert_eq!((pending(ann)?, pending(bob)?), (false, true));
        let pending =
            |user| Ok(tx.group_positions(user)?.iter().map(|found| found.pending).collect::<Vec<_>>());
        assert_eq!((pending(ann)?, pending(bob)?), (vec![false], vec![true]));
        Ok(())
    })
    .await;
    f.write(move |tx| tx.pending_set(group, bob, false)).await;
    assert_eq!(f.read(move |tx| tx.groups_count(bob)).await, 1);
}

pub async fn the_oldest_pending_groups_are_those_beyond_the_kept(f: Fixture) {
    let ann = f.user("ann").await;
    let mut groups = Vec::new();
    for since in [2, 0, 1, 3] {
        let group = f.group(&[]).await;
        f.write(move |tx| {
            tx.member_set(group, ann, Role::Member, date(since))?;
            tx.pending_set(group, ann, since < 3)
        })
        .await;
        groups.push(group);
    }
    let beyond = async |keep| f.read(move |tx| tx.pending_beyond(ann, keep)).await;
    assert_eq!(beyond(0).await, [groups[1], groups[2], groups[0]]);
    assert_eq!(beyond(1).await, [groups[1], groups[2]]);
    assert_eq!(beyond(3).await, []);
}

pub async fn what_decides_on_newcomers_is_told_of_each(f: Fixture) {
    let (ann, bob, eve) = (f.user("ann").await, f.user("bob").await, f.user("eve").await);
    let (group, other) = (f.group(&[bob]).await, f.group(&[eve]).await);
    let contacts = Pair { mine: Some(Contact), theirs: Some(Contact) };
    f.write(move |tx| {
        tx.member_remove(group, bob)?;
        tx.declined_set(group, bob, true)?;
        // Nothing is noted of one who was never in.
        tx.declined_set(group, eve, true)?;
        tx.pair_set(ann, bob, contacts, date(0))?;
        tx.pair_set(ann, eve, Pair { mine: None, theirs: Some(Block) }, date(0))?;
        tx.settings_set(eve, &Settings { added_by: Allowed::Contacts, ..Settings::default() })
    })
    .await;
    let of_eve = Newcomer {
        user: eve,
        groups: 1,
        pair: Pair { mine: None, theirs: Some(Block) },
        added_by: Allowed::Contacts,
        declined: false,
    };
    let of_bob = Newcomer { user: bob, groups: 0, pair: contacts, added_by: Allowed::Anyone, declined: true };
    assert_eq!(f.read(move |tx| tx.newcomers(group, ann, &[eve, bob])).await, [of_eve, of_bob]);
    let elsewhere = f.read(move |tx| tx.newcomers(other, ann, &[bob])).await;
    assert_eq!(elsewhere, [Newcomer { declined: false, ..of_bob }]);
    f.write(move |tx| tx.declined_set(group, bob, false)).await;
    let again = f.read(move |tx| tx.newcomers(group, ann, &[bob])).await;
    assert_eq!(again, [Newcomer { declined: false, ..of_bob }]);
}

pub async fn settings_are_kept_and_begin_with_the_defaults(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let settings = Settings {
        added_by: Allowed::Nobody,
        write_first: Allowed::Contacts,
        hide_last_seen: true,
        hide_reads: true,
    };
    f.write(move |tx| tx.settings_set(ann, &settings)).await;
    let seen = f.read(move |tx| Ok((tx.settings(ann)?, tx.settings(bob)?))).await;
    assert_eq!(seen, (settings, Settings::default()));
}

pub async fn who_is_not_told_of_reading_and_typing_is_in_the_group(f: Fixture) {
    let users = [f.user("ann").await, f.user("bob").await, f.user("eve").await, f.user("tam").await];
    let [ann, bob, eve, tam] = users;
    let group = f.group(&[ann, bob, eve]).await;
    f.write(move |tx| {
        tx.pair_set(ann, bob, Pair { mine: None, theirs: Some(Block) }, date(0))?;
        tx.pair_set(ann, tam, Pair { mine: Some(Block), theirs: None }, date(0))?;
        for user in [ann, eve, tam] {
            tx.settings_set(user, &Settings { hide_reads: true, ..Settings::default() })?;
        }
        Ok(())
    })
    .await;
    let seen = f.read(move |tx| Ok((tx.unaware(group, ann, false)?, tx.unaware(group, ann, true)?))).await;
    assert_eq!(seen, (vec![bob], vec![bob, eve]));
    assert_eq!(f.read(move |tx| tx.unaware(group, eve, false)).await, []);
}

pub async fn a_held_log_answers_its_last_number(f: Fixture) {
    let ann = f.user("ann").await;
    let group = f.group(&[ann]).await;
    f.send(group, ann).await;
    let held =
        move |tx: &mut dyn Tx| -> Result<(Seq, Seq)> { Ok((tx.log_hold(group)?, tx.seq_take(group, 1)?)) };
    assert_eq!(f.write(move |tx| held(tx)).await, (Seq(1), Seq(2)));
    let nowhere = f.group_id();
    let refused = f.store.write(move |tx, _| tx.log_hold(nowhere)).await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
}
