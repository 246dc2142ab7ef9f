//! Groups, their members and their logs.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::entry::{Change, GroupEntry, MemberChange};
use chinwag_core::group::{Group, Member};
use chinwag_core::group_details::GroupDetails;
use chinwag_core::limits::MAX_LISTED_MEMBERS;
use chinwag_core::log::LogEntry;
use chinwag_core::permission::Role;
use chinwag_core::store::{Edge, Tx};
use chinwag_core::{Error, GroupId, Seq};

use super::summary::summaries;
use super::{Fixture, body, date, name};

pub async fn a_new_group_is_empty_and_has_the_name_it_was_given(f: Fixture) {
    let id = f.group_id();
    f.write(move |tx| tx.group_insert(id, "Tea — 茶 & ' \"", None)).await;
    let group = Group {
        id,
        name: "Tea — 茶 & ' \"".into(),
        private: false,
        head: Seq(0),
        pins: vec![],
        details: GroupDetails::default(),
    };
    assert_eq!(f.read(move |tx| tx.group(id)).await, Some(group.clone()));
    let view = f.read(move |tx| tx.view(id)).await.expect("a view");
    assert_eq!((&view.group, &view.members[..], &view.messages[..]), (&group, &[][..], &[][..]));
    let other = f.group_id();
    assert_eq!(f.read(move |tx| Ok((tx.group(other)?, tx.view(other)?))).await, (None, None));
}

pub async fn a_pairs_private_group_is_found_in_either_order(f: Fixture) {
    let (ann, bob, eve) = (f.user("ann").await, f.user("bob").await, f.user("eve").await);
    let (low, high) = (f.group_id(), f.group_id());
    f.write(move |tx| {
        tx.group_insert(low, "@", Some((ann, bob)))?;
        tx.group_insert(high, "@", Some((eve, ann)))
    })
    .await;
    f.read(move |tx| {
        assert!(tx.group(low)?.is_some_and(|group| group.private));
        assert_eq!((tx.group_of_pair(ann, bob)?, tx.group_of_pair(bob, ann)?), (Some(low), Some(low)));
        assert_eq!((tx.group_of_pair(ann, eve)?, tx.group_of_pair(eve, ann)?), (Some(high), Some(high)));
        assert_eq!(tx.group_of_pair(bob, eve)?, None);
        Ok(())
    })
    .await;
}

pub async fn a_pair_has_one_private_group_in_whichever_order_it_is_named(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (first, second) = (f.group_id(), f.group_id());
    f.write(move |tx| tx.group_insert(first, "@", Some((ann, bob)))).await;
    for pair in [(ann, bob), (bob, ann)] {
        let refused = f.store.write(move |tx, _| tx.group_insert(second, "@", Some(pair))).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    }
    assert_eq!(f.read(move |tx| tx.group(second)).await, None);
    assert_eq!(f.read(|tx| tx.groups_page(None, 9)).await.len(), 1);
}

pub async fn private_groups_do_not_count_as_groups_of_a_user(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (private, group) = (f.group_id(), f.group(&[ann]).await);
    f.write(move |tx| {
        tx.group_insert(private, "@", Some((ann, bob)))?;
        tx.member_set(private, ann, Role::Member, date(0))?;
        tx.member_set(private, bob, Role::Member, date(0))
    })
    .await;
    f.read(move |tx| {
        assert_eq!((tx.groups_count(ann)?, tx.groups_count(bob)?), (1, 0));
        let newcomers = tx.newcomers(group, ann, &[ann, bob])?;
        assert_eq!(newcomers.iter().map(|newcomer| newcomer.groups).collect::<Vec<_>>(), [1, 0]);
        Ok(())
    })
    .await;
}

pub async fn groups_are_paged_in_the_order_of_their_ids(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let mut ids: Vec<_> = (0..7).map(|_| f.group_id()).collect();
    // The order of making is another, and so is that of the bytes as numbers with a sign.
    ids.push(GroupId("f0000000-0000-7000-8000-000000000000".parse().expect("an id")));
    for (id, number) in ids.clone().into_iter().zip(0..8).rev() {
        f.write(move |tx| {
            tx.group_insert(id, "group", None)?;
            tx.member_set(id, if number % 2 == 0 { ann } else { bob }, Role::Member, date(0))
        })
        .await;
    }
    let own: Vec<_> = ids.iter().copied().step_by(2).collect();
    for limit in [1, 2, 3, 100, usize::MAX] {
        let (mut all, mut anns, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let page = f.read(move |tx| tx.groups_page(after, limit)).await;
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            all.extend(page.iter().map(|group| group.id));
        }
        after = None;
        loop {
            let page = f.read(move |tx| tx.groups_of(ann, after, limit)).await;
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            anns.extend(page.iter().map(|group| group.id));
        }
        assert_eq!((&all, &anns), (&ids, &own), "in pages of {limit}");
    }
    let counts = f.read(move |tx| Ok((tx.groups_count(ann)?, tx.groups_count(bob)?))).await;
    assert_eq!(counts, (4, 4));
}

pub async fn a_group_takes_another_name(f: Fixture) {
    let (id, other) = (f.group(&[]).await, f.group(&[]).await);
    f.write(move |tx| tx.group_rename(id, "renamed")).await;
    let names = f.read(move |tx| Ok([tx.group(id)?, tx.group(other)?])).await;
    assert_eq!(
        names.map(|group| group.map(|g| g.name.to_string())),
        [Some("renamed".into()), Some("group".into())]
    );
}

pub async fn details_of_a_group_are_kept_and_shown_with_it(f: Fixture) {
    let ann = f.user("ann").await;
    let (id, other) = (f.group(&[ann]).await, f.group(&[ann]).await);
    let details = GroupDetails {
        description: Some("Tea\n'茶'".into()),
        avatar: Some("https://a.example/a".into()),
        data: Some("{}".into()),
        is_open: true,
        slow: 21_600,
        keep: Some(36_500),
    };
    let kept = details.clone();
    f.write(move |tx| tx.group_details_set(id, &kept)).await;
    let plain = GroupDetails::default();
    f.read(move |tx| {
        let of = |group: Option<Group>| group.map(|group| group.details);
        assert_eq!((of(tx.group(id)?), of(tx.group(other)?)), (Some(details.clone()), Some(plain.clone())));
        assert_eq!(tx.brief(id)?.map(|view| view.group.details.clone()), Some(details.clone()));
        let listed = tx.groups_of(ann, None, 9)?.into_iter().find(|group| group.id == id);
        assert_eq!(of(listed), Some(details.clone()));
        let shown = summaries(tx, ann)?.into_iter().find(|summary| summary.view.group.id == id);
        assert_eq!(shown.map(|summary| summary.view.group.details), Some(details.clone()));
        assert_eq!(tx.membership(id, ann)?.map(|membership| membership.slow), Some(21_600));
        Ok(())
    })
    .await;
    f.write(move |tx| tx.group_details_set(id, &GroupDetails::default())).await;
    assert_eq!(
        f.read(move |tx| tx.group(id)).await.map(|group| group.details),
        Some(GroupDetails::default())
    );
}

pub async fn entries_are_paged_by_number_with_their_changes(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (id, other) = (f.group(&[ann]).await, f.group(&[ann]).await);
    let entry = |changes| GroupEntry { date: date(7), by: Some(ann), changes };
    let created = entry(vec![Change::Created]);
    let joined = entry(Change::of(MemberChange::Joined, vec![bob]).into_iter().collect());
    let names = LogEntry::MemberRenamed { user: bob, name: name("Bob"), new_name: name("bob") };
    let stored = [
        (LogEntry::GroupChanged, created.clone()),
        (names, entry(vec![])),
        (LogEntry::GroupChanged, joined.clone()),
    ];
    f.write(move |tx| {
        for group in [id, other] {
            let seq = tx.seq_take(group, 1)?;
            tx.log_insert(group, seq, &LogEntry::GroupChanged)?;
        }
        for (log, entry) in &stored {
            let seq = tx.seq_take(id, 1)?;
            tx.entry_insert(id, seq, log, entry)?;
        }
        Ok(())
    })
    .await;
    let last = f.send(id, ann).await;
    let renamed = entry(vec![Change::UserRenamed { name: name("Bob"), new_name: name("bob") }]);
    let all = [(Seq(2), created), (Seq(3), renamed), (Seq(4), joined)];
    let back: Vec<_> = all.iter().rev().cloned().collect();
    let part = async |edge, upto, limit| f.read(move |tx| tx.entries(id, edge, upto, limit)).await;
    let found = async |edge, limit| part(edge, None, limit).await;
    assert_eq!(part(Edge::AfterSeq(Seq(0)), Some(Seq(3)), 9).await, all[..2]);
    assert_eq!(part(Edge::Newest, Some(Seq(3)), 9).await, back[..2]);
    assert_eq!(found(Edge::AfterSeq(Seq(0)), 9).await, all);
    assert_eq!(found(Edge::AfterSeq(Seq(2)), 1).await, all[1..2]);
    assert_eq!(found(Edge::Newest, 9).await, back);
    assert_eq!(found(Edge::BeforeSeq(Seq(4)), 9).await, back[1..]);
    // A pin is an entry of the history, and no change of the group.
    let pinned = f
        .write(move |tx| {
            let seq = tx.seq_take(id, 1)?;
            let (by, date, on) = (Some(ann), date(7), false);
            let pin = LogEntry::MessagePinned { message: last.seq, id: last.id, by, date, on };
            tx.log_insert(id, seq, &pin)?;
            Ok((seq, Change::Pinned { id: last.id, on }))
        })
        .await;
    assert_eq!(found(Edge::AfterSeq(Seq(4)), 9).await, [(pinned.0, entry(vec![pinned.1]))]);
    let changed = f.read(move |tx| Ok((tx.log(id, Seq(1), 3)?, tx.last_change(id, Seq(0), Seq(9))?))).await;
    assert!(changed.0.iter().all(|row| row.entry.changes_group()) && changed.1 == Some(Seq(4)));
    assert!(
        f.read(move |tx| tx.entries(other, Edge::Newest, None, 9)).await.is_empty(),
        "of an older version"
    );
    let task = f.task();
    f.write(move |tx| tx.user_delete(bob, task)).await;
    let seqs: Vec<_> = found(Edge::AfterSeq(Seq(0)), 9).await.into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(seqs, [Seq(2), Seq(4), Seq(6)]);
}

pub async fn a_deleted_group_leaves_nothing(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (id, kept) = (f.group_id(), f.group(&[ann]).await);
    let fill = move |tx: &mut dyn Tx| {
        tx.group_insert(id, "@", Some((ann, bob)))?;
        tx.member_set(id, ann, Role::Member, date(0))?;
        tx.member_set(id, bob, Role::Member, date(0))?;
        tx.member_remove(id, bob)?;
        let seq = tx.seq_take(id, 1)?;
        tx.log_insert(id, seq, &LogEntry::GroupChanged)
    };
    f.write(fill).await;
    let (gone, stays) = (f.send(id, ann).await, f.send(kept, ann).await);
    let task = f.task();
    f.write(move |tx| {
        tx.group_delete(id, task)?;
        tx.group_erase(id, 100)?;
        tx.task_delete(task)
    })
    .await;
    f.read(move |tx| {
        assert_eq!((tx.group(id)?, tx.view(id)?, tx.group_of_pair(ann, bob)?), (None, None, None));
        assert_eq!((tx.members(id)?, tx.member(id, ann)?), (vec![], None));
        assert_eq!((tx.message(gone.id)?, tx.messages_by(id, ann, 9)?), (None, vec![]));
        assert_eq!((tx.groups_count(ann)?, tx.groups_count(bob)?), (1, 0));
        assert!(tx.message(stays.id)?.is_some(), "another group's message stays");
        Ok(())
    })
    .await;
    // Nothing of the old log is in the way of a new one.
    f.write(fill).await;
    assert_eq!(f.send(id, ann).await.seq, Seq(2));
}

pub async fn a_log_gives_its_numbers_in_order_one_or_several_at_a_time(f: Fixture) {
    let (id, other) = (f.group(&[]).await, f.group(&[]).await);
    let given = f
        .write(move |tx| {
            Ok([tx.seq_take(id, 1)?, tx.seq_take(id, 3)?, tx.seq_take(other, 1)?, tx.seq_take(id, 1)?])
        })
        .await;
    assert_eq!(given, [1, 2, 1, 5].map(Seq));
    let heads = f.read(move |tx| Ok([tx.group(id)?, tx.group(other)?])).await;
    assert_eq!(heads.map(|group| group.map(|g| g.head)), [Some(Seq(5)), Some(Seq(1))]);
    let nowhere = f.group_id();
    assert!(f.store.write(move |tx, _| tx.seq_take(nowhere, 1)).await.is_err());
}

pub async fn a_number_of_a_log_is_taken_once(f: Fixture) {
    let id = f.group(&[]).await;
    for (seq, entry) in [(1, LogEntry::GroupChanged), (2, LogEntry::MessageEdited(Seq(1)))] {
        let write = move |tx: &mut dyn Tx| tx.log_insert(id, Seq(seq), &entry);
        f.write(write.clone()).await;
        assert!(f.store.write(move |tx, _| write(tx)).await.is_err(), "a number is taken once");
    }
}

pub async fn members_are_in_the_order_of_coming_then_of_number(f: Fixture) {
    let users = [f.user("zoe").await, f.user("ann").await, f.user("mia").await, f.user("bob").await];
    let id = f.group(&[]).await;
    f.write(move |tx| {
        for (user, role, since) in
            [(3, Role::Restrict, 5), (2, Role::Owner, 5), (1, Role::Admin, 4), (0, Role::Member, 6)]
        {
            tx.member_set(id, users[user], role, date(since))?;
        }
        Ok(())
    })
    .await;
    let member = |user: usize, text, role, since| Member {
        user: users[user],
        name: name(text),
        role,
        since: date(since),
        pending: false,
        read: None,
        hides_reads: false,
    };
    let members = [
        member(1, "ann", Role::Admin, 4),
        member(2, "mia", Role::Owner, 5),
        member(3, "bob", Role::Restrict, 5),
        member(0, "zoe", Role::Member, 6),
    ];
    assert_eq!(f.read(move |tx| tx.members(id)).await, members);
    assert_eq!(f.read(move |tx| tx.view(id)).await.expect("a view").members, members);
    assert_eq!(f.read(move |tx| tx.member(id, users[2])).await, Some(members[1].clone()));
}

pub async fn a_member_with_another_role_keeps_its_date_of_coming(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let message = f.send(id, ann).await;
    f.write(move |tx| {
        tx.mark_set(id, ann, message.seq, message.date)?;
        tx.member_set(id, ann, Role::Admin, date(99))
    })
    .await;
    let (member, mark) = f.read(move |tx| Ok((tx.member(id, ann)?, tx.mark(id, ann)?))).await;
    let member = member.expect("a member");
    assert_eq!((member.role, member.since, member.read), (Role::Admin, date(0), Some(Seq(1))));
    assert_eq!(mark.last_read.map(|(seq, _)| seq), Some(Seq(1)), "and its mark");
}

pub async fn a_removed_member_can_rejoin_later(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    let message = f.send(id, bob).await;
    f.write(move |tx| {
        tx.mark_set(id, ann, message.seq, message.date)?;
        tx.member_remove(id, ann)?;
        tx.member_remove(id, ann)
    })
    .await;
    f.read(move |tx| {
        assert_eq!((tx.member(id, ann)?, tx.members(id)?.len()), (None, 1));
        assert_eq!(
            (tx.groups_count(ann)?, tx.groups_of(ann, None, 9)?, summaries(tx, ann)?),
            (0, vec![], vec![])
        );
        Ok(())
    })
    .await;
    f.write(move |tx| tx.member_set(id, ann, Role::Restrict, date(7))).await;
    let (member, mark) = f.read(move |tx| Ok((tx.member(id, ann)?, tx.mark(id, ann)?))).await;
    assert_eq!(member.map(|m| (m.role, m.since)), Some((Role::Restrict, date(7))));
    let kept = Some((message.seq, message.date));
    assert_eq!((mark.last_read, mark.unread), (kept, 0), "its mark was kept");
}

pub async fn a_view_shows_the_twenty_newest_messages_and_names_as_they_are_now(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    for author in [ann, bob].into_iter().cycle().take(25) {
        f.send(id, author).await;
    }
    f.write(move |tx| {
        tx.user_rename(bob, &name("rob"))?;
        tx.message_erase(id, Seq(25))?;
        tx.message_edit(id, Seq(24), &body("edited"), date(99))
    })
    .await;
    let view = f.read(move |tx| tx.view(id)).await.expect("a view");
    let seqs: Vec<_> = view.messages.iter().map(|message| message.seq.0).collect();
    assert_eq!(seqs, (5..=24).rev().collect::<Vec<_>>());
    assert_eq!((&*view.messages[0].body, view.messages[0].author_name.as_str()), ("edited", "rob"));
    assert_eq!(view.members[1].name, name("rob"));
}

pub async fn heads_and_memberships_of_many_are_read(f: Fixture) {
    let (ann, bob, eve) = (f.user("ann").await, f.user("bob").await, f.user("eve").await);
    let (both, one, other) = (f.group(&[ann, bob]).await, f.group(&[ann]).await, f.group(&[eve]).await);
    f.send(both, ann).await;
    let task = f.task();
    f.write(move |tx| tx.group_delete(other, task)).await;
    let mut heads = f.read(move |tx| tx.heads(&[other, both, one])).await;
    heads.sort_unstable();
    let mut expected = [(both, Seq(1)), (one, Seq(0))];
    expected.sort_unstable();
    assert_eq!(heads, expected);
    let mut memberships = f.read(move |tx| tx.memberships(&[bob, ann, eve])).await;
    memberships.sort_unstable();
    let mut expected = [(ann, both, false), (ann, one, false), (bob, both, false)];
    expected.sort_unstable();
    assert_eq!(memberships, expected);
}

pub async fn brief_view_has_no_messages_and_lists_small_groups_only(f: Fixture) {
    let owner = f.user("owner").await;
    let id = f.group(&[]).await;
    f.write(move |tx| tx.member_set(id, owner, Role::Owner, date(0))).await;
    f.send(id, owner).await;
    for n in 1..MAX_LISTED_MEMBERS {
        let user = f.user(&format!("user{n}")).await;
        f.write(move |tx| tx.member_set(id, user, Role::Member, date(1))).await;
    }
    let small = f.read(move |tx| tx.brief(id)).await.expect("a view");
    assert_eq!(
        (small.members.len(), small.members_count, small.is_listed()),
        (MAX_LISTED_MEMBERS, MAX_LISTED_MEMBERS, true)
    );
    assert_eq!(small.messages, []);
    let last = f.user("last").await;
    f.write(move |tx| tx.member_set(id, last, Role::Admin, date(2))).await;
    f.read(move |tx| {
        let large = tx.brief(id)?.expect("a view");
        assert_eq!(large.members.iter().map(|member| member.user).collect::<Vec<_>>(), [owner]);
        assert_eq!((large.members_count, large.is_listed()), (MAX_LISTED_MEMBERS + 1, false));
        assert_eq!(tx.view(id)?.map(|view| (view.members.len(), view.members_count)), Some((101, 101)));
        assert_eq!((tx.members_count(id, 7)?, tx.owner(id)?.map(|member| member.user)), (7, Some(owner)));
        Ok(())
    })
    .await;
    f.write(move |tx| tx.member_remove(id, owner)).await;
    assert_eq!(f.read(move |tx| tx.owner(id)).await, None);
}
