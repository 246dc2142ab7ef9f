//! Relations between two users.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::UserId;
use chinwag_core::permission::Role;
use chinwag_core::relation::Relation::{Block, Contact, Invitation};
use chinwag_core::relation::{Pair, Relation, Relations};

use super::{Fixture, date, name};

const ROWS: [Option<Relation>; 4] = [Some(Invitation), None, Some(Contact), Some(Block)];

async fn relate(f: &Fixture, a: UserId, b: UserId, mine: Option<Relation>, theirs: Option<Relation>) {
    f.write(move |tx| tx.pair_set(a, b, Pair { mine, theirs }, date(0))).await;
}

pub async fn both_rows_of_two_users_are_set_and_seen_from_either_side(f: Fixture) {
    let (ann, bob, eve) = (f.user("ann").await, f.user("bob").await, f.user("eve").await);
    relate(&f, ann, eve, Some(Block), Some(Invitation)).await;
    for mine in ROWS {
        for theirs in ROWS {
            relate(&f, ann, bob, mine, theirs).await;
            let seen = f.read(move |tx| Ok((tx.pair(ann, bob)?, tx.pair(bob, ann)?))).await;
            assert_eq!(seen, (Pair { mine, theirs }, Pair { mine: theirs, theirs: mine }));
        }
    }
    relate(&f, ann, bob, None, None).await;
    let seen = f.read(move |tx| Ok((tx.pair(ann, bob)?, tx.pair(ann, eve)?))).await;
    assert_eq!(seen, (Pair::default(), Pair { mine: Some(Block), theirs: Some(Invitation) }));
}

pub async fn relations_are_names_by_kind_in_ascending_order(f: Fixture) {
    let ann = f.user("ann").await;
    // Ascending by code point, whatever the database's language.
    let names = ["Zoe", "adam", "bob", "Élodie", "名前"];
    for (first, mine, theirs) in [
        ("c", Some(Contact), Some(Contact)),
        ("b", Some(Block), None),
        ("y", None, Some(Block)),
        ("i", Some(Invitation), None),
        ("v", None, Some(Invitation)),
    ] {
        for text in names.iter().rev() {
            let other = f.user(&numbered(text, first)).await;
            relate(&f, ann, other, mine, theirs).await;
        }
    }
    let both = f.user("both").await;
    relate(&f, ann, both, Some(Block), Some(Block)).await;
    let list = |first: &str| names.map(|text| name(&numbered(text, first))).to_vec();
    let relations = f.read(move |tx| tx.relations(ann)).await;
    let (mut blockeds, mut blocked_by) = (list("b"), list("y"));
    blockeds.insert(3, name("both"));
    blocked_by.insert(3, name("both"));
    assert_eq!(
        relations,
        Relations {
            contacts: list("c"),
            blockeds,
            blocked_by,
            invitations: list("i"),
            invited_by: list("v")
        }
    );
}

/// The name with a mark at its end that leaves the order of names as it is.
fn numbered(text: &str, mark: &str) -> String {
    if text.is_ascii() {
        format!("{text}.{mark}")
    } else {
        format!("{text}{}", u32::from(mark.as_bytes()[0]))
    }
}

pub async fn relations_follow_a_rename(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    relate(&f, ann, bob, Some(Contact), Some(Contact)).await;
    f.write(move |tx| tx.user_rename(bob, &name("rob"))).await;
    let (relations, contacts) = f.read(move |tx| Ok((tx.relations(ann)?, tx.contacts(ann)?))).await;
    assert_eq!(relations.contacts, [name("rob")]);
    assert_eq!(contacts, [(bob, name("rob"))]);
}

pub async fn only_a_users_own_contacts_invitations_and_blocks_are_counted(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let counted = async || f.read(move |tx| Ok((tx.relations_count(ann)?, tx.relations_count(bob)?))).await;
    for (mine, theirs, counts) in [
        (Some(Contact), Some(Contact), (1, 1)),
        (Some(Block), None, (1, 0)),
        (None, Some(Invitation), (0, 1)),
        (Some(Block), Some(Block), (1, 1)),
    ] {
        relate(&f, ann, bob, mine, theirs).await;
        assert_eq!(counted().await, counts, "{mine:?} {theirs:?}");
    }
    let eve = f.user("eve").await;
    relate(&f, ann, eve, None, Some(Block)).await;
    assert_eq!(counted().await, (1, 1));
    relate(&f, ann, bob, None, None).await;
    assert_eq!(counted().await, (0, 0));
}

pub async fn the_oldest_received_invitations_are_dropped(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let mut senders = Vec::new();
    for (text, since) in [("one", 3), ("two", 1), ("three", 2)] {
        let sender = f.user(text).await;
        f.write(move |tx| {
            tx.pair_set(sender, ann, Pair { mine: Some(Invitation), theirs: None }, date(since))?;
            // It says nothing new, and so keeps its date.
            tx.pair_set(sender, ann, Pair { mine: Some(Invitation), theirs: None }, date(9))
        })
        .await;
        senders.push(sender);
    }
    relate(&f, ann, bob, None, Some(Block)).await;
    assert_eq!(f.write(move |tx| tx.invitations_trim(ann, 3)).await, []);
    let dropped = f.write(move |tx| tx.invitations_trim(ann, 2)).await;
    assert_eq!(dropped, [(senders[1], name("two"))]);
    let relations = f.read(move |tx| tx.relations(ann)).await;
    assert_eq!(
        (relations.invited_by, relations.blocked_by),
        (vec![name("one"), name("three")], vec![name("bob")])
    );
}

pub async fn blocks_are_found_in_either_direction(f: Fixture) {
    let ann = f.user("ann").await;
    let mut others = Vec::new();
    for (text, mine, theirs) in [
        ("blocker", None, Some(Block)),
        ("mutual", Some(Block), Some(Block)),
        ("blocked", Some(Block), None),
        ("contact", Some(Contact), Some(Contact)),
    ] {
        let other = f.user(text).await;
        relate(&f, ann, other, mine, theirs).await;
        others.push(other);
    }
    assert_eq!(f.read(move |tx| tx.blocks(ann)).await, others[..3]);
    assert_eq!(f.read(move |tx| tx.blockers(ann)).await, others[..2]);
    // Estranged is who was blocked, does not block in turn, and shares no group but a private one.
    assert_eq!(f.read(move |tx| tx.blocked_strangers(ann)).await, others[2..3]);
    let (private, pair) = (f.group_id(), (ann, others[2]));
    f.write(move |tx| {
        tx.group_insert(private, "@", Some(pair))?;
        tx.member_set(private, pair.0, Role::Member, date(0))?;
        tx.member_set(private, pair.1, Role::Member, date(0))
    })
    .await;
    assert_eq!(f.read(move |tx| tx.blocked_strangers(ann)).await, others[2..3]);
    let shared = f.group(&[ann, others[2]]).await;
    assert_eq!(f.read(move |tx| tx.blocked_strangers(ann)).await, []);
    // Who has yet to accept a group does not learn who is renamed in it.
    f.write(move |tx| tx.pending_set(shared, pair.1, true)).await;
    assert_eq!(f.read(move |tx| tx.blocked_strangers(ann)).await, others[2..3]);
}

pub async fn contacts_are_in_the_order_of_their_numbers(f: Fixture) {
    let ann = f.user("ann").await;
    let others = [f.user("zoe").await, f.user("mia").await, f.user("bob").await, f.user("eve").await];
    for other in others.iter().rev() {
        relate(&f, ann, *other, Some(Contact), Some(Contact)).await;
    }
    relate(&f, ann, others[1], Some(Invitation), None).await;
    let contacts = f.read(move |tx| tx.contacts(ann)).await;
    assert_eq!(contacts, [(others[0], name("zoe")), (others[2], name("bob")), (others[3], name("eve"))]);
}

pub async fn acquaintances_share_a_group_or_a_relation_and_come_once_without_oneself(f: Fixture) {
    let ann = f.user("ann").await;
    assert_eq!(f.read(move |tx| tx.acquaintances(ann)).await, []);
    let mut others = Vec::new();
    for text in ["both", "grouped", "related", "relating", "stranger"] {
        others.push(f.user(text).await);
    }
    f.group(&[ann, others[0], others[1]]).await;
    f.group(&[ann, others[0]]).await;
    f.group(&[others[4], others[0]]).await;
    relate(&f, ann, others[0], Some(Contact), Some(Contact)).await;
    relate(&f, ann, others[2], Some(Invitation), None).await;
    relate(&f, ann, others[3], None, Some(Block)).await;
    let mut found = f.read(move |tx| tx.acquaintances(ann)).await;
    found.sort();
    assert_eq!(found, others[..4]);
}

pub async fn acquainted_are_those_who_share_a_group_or_a_relation(f: Fixture) {
    let ann = f.user("ann").await;
    let mut others = Vec::new();
    for text in ["stranger", "pending", "grouped", "related", "relating"] {
        others.push(f.user(text).await);
    }
    let group = f.group(&[ann, others[1], others[2]]).await;
    f.group(&[others[0], others[1]]).await;
    let pending = others[1];
    f.write(move |tx| tx.pending_set(group, pending, true)).await;
    relate(&f, ann, others[3], Some(Block), None).await;
    relate(&f, ann, others[4], None, Some(Invitation)).await;
    let asked = others.clone();
    let mut found = f.read(move |tx| tx.acquainted(ann, &asked)).await;
    found.sort();
    assert_eq!(found, others[1..]);
    let asked = others.clone();
    assert_eq!(f.read(move |tx| tx.acquainted(asked[0], &[ann, asked[1]])).await, others[1..2]);
    assert_eq!(f.read(move |tx| tx.acquainted(ann, &[])).await, []);
}

pub async fn companions_have_accepted_a_group_that_both_are_in(f: Fixture) {
    let ann = f.user("ann").await;
    let mut others = Vec::new();
    for text in ["stranger", "pending", "invited", "contact", "grouped"] {
        others.push(f.user(text).await);
    }
    let (pending, invited) = (others[1], others[2]);
    let (accepted, offered) = (f.group(&[ann, pending, others[4]]).await, f.group(&[ann, invited]).await);
    f.group(&[others[0], pending]).await;
    f.write(move |tx| {
        tx.pending_set(accepted, pending, true)?;
        tx.pending_set(offered, ann, true)
    })
    .await;
    relate(&f, ann, others[3], Some(Contact), Some(Contact)).await;
    let asked = others.clone();
    assert_eq!(f.read(move |tx| tx.companions(ann, &asked)).await, others[4..]);
}

pub async fn circle_is_paged_in_the_order_of_making(f: Fixture) {
    let mut users = Vec::new();
    for number in 0..12 {
        users.push(f.user(&format!("user{number}")).await);
    }
    let me = users[4];
    f.group(&[users[9], me, users[1], users[7]]).await;
    f.group(&[me, users[7], users[2], users[3], users[10]]).await;
    f.group(&[users[0], users[1]]).await;
    relate(&f, me, users[6], Some(Contact), Some(Contact)).await;
    relate(&f, me, users[1], Some(Contact), Some(Contact)).await;
    relate(&f, me, users[8], Some(Invitation), Some(Block)).await;
    let (gone, task) = (users[3], f.task());
    f.write(move |tx| tx.user_delete(gone, task)).await;
    let circle: Vec<_> = [1, 2, 4, 6, 7, 9, 10].map(|number| users[number]).to_vec();
    for limit in 1..=9 {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = f.read(move |tx| tx.circle_page(me, after, limit)).await;
            assert!(page.len() <= limit);
            seen.extend(page.iter().map(|user| user.id));
            let Some(last) = page.last().filter(|_| page.len() == limit) else { break };
            after = Some(last.id);
        }
        assert_eq!(seen, circle, "in pages of {limit}");
    }
    let stranger = users[11];
    let alone = f.read(move |tx| tx.circle_page(stranger, None, 9)).await;
    assert_eq!(alone.into_iter().map(|user| user.id).collect::<Vec<_>>(), [stranger]);
}
