//! The rights of members, consent, and the settings of users.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::confusable::confusable_key;
use chinwag_core::group::Membership;
use chinwag_core::group_settings::{GroupSettings, Notify};
use chinwag_core::permission::Role;
use chinwag_core::relation::Pair;
use chinwag_core::relation::Relation::{Block, Contact};
use chinwag_core::store::{MemberPlace, NewMessage, Newcomer, Shown, Tx, Unread};
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
    let of = |role, pending, blocked| Some(Membership { role, pending, blocked, slow: 0 });
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

pub async fn members_of_a_role_are_paged_by_joining_and_found_by_name(f: Fixture) {
    let (ann, bob, eve) = (f.user("ann").await, f.user("bob").await, f.user("eve").await);
    let group = f.group(&[]).await;
    f.write(move |tx| {
        for (user, since) in [(eve, 1), (bob, 2), (ann, 2)] {
            tx.member_set(group, user, Role::Member, date(since))?;
        }
        tx.mark_set(group, bob, Seq(7), date(7))?;
        tx.pending_set(group, ann, true)
    })
    .await;
    let listed = async |role, after, prefix: Option<&'static str>, limit| {
        f.read(move |tx| tx.members_listed(group, role, after, prefix, limit)).await
    };
    let all = listed(Role::Member, None, None, 9).await;
    let brief: Vec<_> = all.iter().map(|m| (m.place.user, m.name.as_str(), m.read, m.pending)).collect();
    assert_eq!(
        brief,
        [(eve, "eve", None, false), (ann, "ann", None, true), (bob, "bob", Some(Seq(7)), false)]
    );
    assert_eq!(listed(Role::Member, None, None, 2).await, all[..2]);
    for at in 0..3 {
        assert_eq!(listed(Role::Member, Some(all[at].place), None, 9).await, all[at + 1..]);
    }
    assert_eq!(listed(Role::Member, None, Some("b"), 9).await, all[2..]);
    assert!(listed(Role::Admin, None, None, 9).await.is_empty());
    assert!(listed(Role::Member, Some(all[1].place), Some("e"), 9).await.is_empty());
}

pub async fn members_are_found_by_similar_names(f: Fixture) {
    let (ann, bob, eve) = (f.user("ann").await, f.user("bob").await, f.user("eve").await);
    let group = f.group(&[ann, bob]).await;
    let other = f.group(&[eve]).await;
    f.write(move |tx| {
        for user in [ann, eve] {
            let mut details = tx.details(&[user])?.pop().flatten().expect("a user");
            // It begins with a letter of Cyrillic.
            details.display_name = Some("Вob".into());
            tx.profile_set(user, &details)?;
        }
        Ok(())
    })
    .await;
    let found = async |group, text: &'static str, after, limit| {
        let found = f
            .read(move |tx| tx.members_alike(group, Role::Member, after, &confusable_key(text), limit))
            .await;
        found.iter().map(|member| member.place).collect::<Vec<_>>()
    };
    let users = |places: &[MemberPlace]| places.iter().map(|place| place.user).collect::<Vec<_>>();
    let both = found(group, "b0b", None, 9).await;
    assert_eq!(users(&both), [ann, bob]);
    assert_eq!(found(group, "b0b", None, 1).await, both[..1]);
    assert_eq!(found(group, "b0b", Some(both[0]), 9).await, both[1..]);
    assert_eq!(users(&found(group, "ann", None, 9).await), [ann]);
    assert_eq!(users(&found(other, "Bob", None, 9).await), [eve]);
    assert!(found(group, "eve", None, 9).await.is_empty());
}

pub async fn slow_mode_counts_from_the_newest_message_deleted_or_not(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let group = f.group(&[ann, bob]).await;
    let since = async |user| f.read(move |tx| tx.slow_since(group, user)).await;
    assert_eq!(since(ann).await, None);
    let first = f.send(group, ann).await;
    let second = f.keep(NewMessage { date: date(50), ..f.message(group, ann) }).await;
    f.send(group, bob).await;
    assert_eq!(since(ann).await, Some(date(50)));
    f.write(move |tx| tx.message_erase(group, second.seq)).await;
    assert_eq!(since(ann).await, Some(first.date));
    f.write(move |tx| tx.slow_note(group, ann, date(50))).await;
    f.write(move |tx| tx.slow_note(group, ann, date(40))).await;
    assert_eq!(since(ann).await, Some(date(50).max(first.date)));
}

/// Settings that differ from the default ones in everything but `hidden`.
fn chosen() -> GroupSettings {
    let muted_until = Some(date(7));
    GroupSettings { notify: Notify::Mentions, muted_until, hidden: false, pinned: true, marked_unread: true }
}

pub async fn settings_of_a_group_are_kept_until_the_membership_ends(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (group, other) = (f.group(&[ann, bob]).await, f.group(&[ann, bob]).await);
    let of = async |group, user| f.read(move |tx| tx.group_settings(group, user)).await;
    assert_eq!(of(group, ann).await, GroupSettings::default());
    f.write(move |tx| tx.group_settings_set(group, ann, &chosen())).await;
    assert_eq!(of(group, ann).await, chosen());
    for (group, user) in [(group, bob), (other, ann), (f.group_id(), ann)] {
        assert_eq!(of(group, user).await, GroupSettings::default());
    }
    let shown = Shown { messages: 1, members: 1 };
    let summary = f.read(move |tx| tx.summaries(ann, &[group], shown)).await;
    assert_eq!(summary[0].settings, chosen());
    // A read mark ends the user's own mark, and nothing else.
    f.write(move |tx| tx.mark_set(group, ann, Seq(1), date(1))).await;
    assert_eq!(of(group, ann).await, GroupSettings { marked_unread: false, ..chosen() });
    f.write(move |tx| {
        tx.member_set(group, ann, Role::Admin, date(1))?;
        tx.pending_set(group, ann, false)
    })
    .await;
    assert!(of(group, ann).await.pinned, "another role changes nothing");
    f.write(move |tx| {
        tx.member_remove(group, ann)?;
        tx.member_set(group, ann, Role::Member, date(2))
    })
    .await;
    assert_eq!(of(group, ann).await, GroupSettings::default());
}

pub async fn a_hidden_group_is_hidden_until_its_next_message(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let group = f.group(&[ann, bob]).await;
    let hidden = GroupSettings { hidden: true, ..GroupSettings::default() };
    for _ in 0..2 {
        f.write(move |tx| tx.group_settings_set(group, ann, &hidden)).await;
        f.write(move |tx| tx.seq_take(group, 1)).await;
        assert_eq!(f.read(move |tx| tx.group_settings(group, ann)).await, hidden);
        let shown = Shown { messages: 1, members: 1 };
        assert_eq!(f.read(move |tx| tx.summaries(ann, &[group], shown)).await[0].settings, hidden);
        f.send(group, bob).await;
        assert_eq!(f.read(move |tx| tx.group_settings(group, ann)).await, GroupSettings::default());
        assert!(!f.read(move |tx| tx.summaries(ann, &[group], shown)).await[0].settings.hidden);
    }
}

pub async fn unread_leaves_out_muted_and_pending_groups(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let mut groups = Vec::new();
    for messages in 0..4 {
        let group = f.group(&[ann, bob]).await;
        for _ in 0..messages {
            f.send(group, bob).await;
        }
        groups.push(group);
    }
    let all = groups.clone();
    let total = async |unread, groups| {
        let all = all.clone();
        let found = f.read(move |tx| tx.unread(ann, &all, date(10))).await;
        assert_eq!(found, Unread { unread, mentioned: 0, groups });
    };
    total(6, 3).await;
    let [_, one, two, three] = groups[..] else { panic!("four groups") };
    let mute = async |group, muted_until: i64| {
        let settings = GroupSettings { muted_until: Some(date(muted_until)), ..GroupSettings::default() };
        f.write(move |tx| tx.group_settings_set(group, ann, &settings)).await;
    };
    mute(one, 10).await;
    total(6, 3).await;
    mute(two, 11).await;
    total(4, 2).await;
    let never = GroupSettings { notify: Notify::None, ..GroupSettings::default() };
    f.write(move |tx| tx.group_settings_set(three, ann, &never)).await;
    total(1, 1).await;
    f.write(move |tx| tx.pending_set(one, ann, true)).await;
    total(0, 0).await;
}

pub async fn pending_members_count_nowhere(f: Fixture) {
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

pub async fn pending_groups_beyond_the_kept_are_those_of_busy_owners(f: Fixture) {
    let (ann, bob, cat) = (f.user("ann").await, f.user("bob").await, f.user("cat").await);
    let mut groups = Vec::new();
    for (since, owner) in [(0, cat), (1, bob), (2, bob), (3, bob)] {
        let group = f.group(&[]).await;
        f.write(move |tx| {
            tx.member_set(group, owner, Role::Owner, date(0))?;
            tx.member_set(group, ann, Role::Member, date(since))?;
            tx.pending_set(group, ann, true)
        })
        .await;
        groups.push(group);
    }
    let beyond = async |keep| f.read(move |tx| tx.pending_beyond(ann, keep)).await;
    assert_eq!(beyond(3).await, groups[1..2]);
    assert_eq!(beyond(2).await, groups[1..3]);
    assert_eq!(beyond(1).await, groups[..3]);
    assert_eq!(beyond(0).await, groups);
}

pub async fn consent_facts_are_read_for_each_user(f: Fixture) {
    let (ann, bob, eve) = (f.user("ann").await, f.user("bob").await, f.user("eve").await);
    let (group, other) = (f.group(&[bob]).await, f.group(&[eve]).await);
    let contacts = Pair { mine: Some(Contact), theirs: Some(Contact) };
    f.write(move |tx| {
        tx.member_remove(group, bob)?;
        tx.declined_set(group, bob, true)?;
        // Nothing is noted of one who was never in.
        tx.declined_set(group, eve, true)?;
        tx.ban_set(group, &[eve], true)?;
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
        banned: true,
    };
    let of_bob = Newcomer {
        user: bob,
        groups: 0,
        pair: contacts,
        added_by: Allowed::Anyone,
        declined: true,
        banned: false,
    };
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

pub async fn hidden_readers_of_a_group_are_found(f: Fixture) {
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
    let seen =
        f.read(move |tx| Ok((tx.hidden_from(group, ann, false)?, tx.hidden_from(group, ann, true)?))).await;
    assert_eq!(seen, (vec![bob], vec![bob, eve]));
    assert_eq!(f.read(move |tx| tx.hidden_from(group, eve, false)).await, []);
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
