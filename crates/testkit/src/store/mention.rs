//! Mentions in messages, and their counts.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::group::Mark;
use chinwag_core::limits::UNREAD;
use chinwag_core::mention::Mentions;
use chinwag_core::permission::Role;
use chinwag_core::relation::{Pair, Relation};
use chinwag_core::send::Kept;
use chinwag_core::store::{Edge, NewMessage, Page, Shown, Tx};
use chinwag_core::{GroupId, MessageId, Result, Seq, UserId};

use super::{Fixture, body, client_id, date, name, uuid};

fn of(users: &[UserId]) -> Mentions {
    Mentions { users: users.to_vec(), ..Mentions::default() }
}

fn everyone() -> Mentions {
    Mentions { everyone: true, ..Mentions::default() }
}

/// Sends a message with mentions.
async fn call(f: &Fixture, group: GroupId, author: UserId, mentions: Mentions) -> NewMessage {
    let sent = f.send(group, author).await;
    let seq = sent.seq;
    f.write(move |tx| tx.mentions_set(group, seq, author, &mentions)).await;
    sent
}

async fn mentioned(f: &Fixture, group: GroupId, user: UserId) -> u32 {
    f.read(move |tx| tx.mark(group, user)).await.mentioned
}

async fn texts(f: &Fixture, message: &NewMessage) -> Vec<String> {
    let id = message.id;
    let found = f.read(move |tx| tx.message(id)).await.expect("it stands");
    found.detail.mentions.texts().map(str::to_owned).collect()
}

pub async fn a_message_names_the_mentioned_users_by_their_names_now(f: Fixture) {
    let [ann, bob, eve] = [f.user("ann").await, f.user("bob").await, f.user("eve").await];
    let id = f.group(&[ann, bob, eve]).await;
    let plain = f.send(id, ann).await;
    let both = Mentions { everyone: true, ..of(&[eve, bob]) };
    let sent = call(&f, id, ann, both).await;
    assert_eq!(texts(&f, &sent).await, ["@all", "eve", "bob"]);
    assert_eq!(texts(&f, &plain).await, Vec::<String>::new());
    f.write(move |tx| tx.user_rename(bob, &name("rob"))).await;
    assert_eq!(texts(&f, &sent).await, ["@all", "eve", "rob"]);
    f.read(move |tx| {
        let page = tx.messages(id, &Page { edge: Edge::Newest, limit: 9 })?;
        assert_eq!(page[0], tx.message(sent.id)?.expect("it stands"));
        assert_eq!(tx.summaries(bob, &[id], Shown::WHOLE)?[0].view.messages, page);
        assert_eq!(tx.log(id, Seq(1), 1)?[0].message.as_ref(), Some(&page[0]));
        Ok(())
    })
    .await;
    let task = f.task();
    f.write(move |tx| tx.user_delete(eve, task)).await;
    let sent =
        f.read(move |tx| Ok(tx.messages(id, &Page { edge: Edge::Newest, limit: 1 })?[0].clone())).await;
    assert_eq!(sent.detail.mentions.texts().collect::<Vec<_>>(), ["@all", "rob"]);
}

pub async fn mentions_distinguish_members_from_others(f: Fixture) {
    let [ann, bob, eve] = [f.user("ann").await, f.user("bob").await, f.user("eve").await];
    let (id, other) = (f.group(&[ann, bob]).await, f.group(&[eve]).await);
    let among = |group, users: Vec<UserId>| {
        f.read(move |tx| {
            let mut found = tx.members_among(group, &users)?;
            found.sort_unstable();
            Ok(found)
        })
    };
    assert_eq!(among(id, vec![eve, bob, ann]).await, [ann, bob]);
    assert_eq!(among(other, vec![ann, eve]).await, [eve]);
    assert_eq!(among(id, vec![]).await, []);
}

pub async fn unread_mentions_of_a_user_and_of_everyone_count(f: Fixture) {
    let [ann, bob, eve] = [f.user("ann").await, f.user("bob").await, f.user("eve").await];
    let id = f.group(&[ann, bob]).await;
    call(&f, id, ann, of(&[bob, ann])).await;
    call(&f, id, bob, of(&[ann])).await;
    call(&f, id, ann, everyone()).await;
    call(&f, id, ann, Mentions { everyone: true, ..of(&[bob]) }).await;
    f.send(id, ann).await;
    assert_eq!(mentioned(&f, id, bob).await, 3, "one that mentions twice counts once");
    assert_eq!(mentioned(&f, id, ann).await, 1, "nobody mentions oneself");
    assert_eq!(mentioned(&f, id, eve).await, 0);
    let summary = f.read(move |tx| Ok(tx.summaries(bob, &[id], Shown::WHOLE)?.remove(0))).await;
    assert_eq!(summary.mark, Mark { last_read: None, unread: 4, mentioned: 3 });
    f.write(move |tx| tx.mark_set(id, bob, Seq(3), date(3))).await;
    assert_eq!(mentioned(&f, id, bob).await, 1);
    // Messages from before a user has joined do not count.
    f.write(move |tx| tx.member_set(id, eve, Role::Member, date(9))).await;
    assert_eq!(mentioned(&f, id, eve).await, 0);
    call(&f, id, ann, everyone()).await;
    assert_eq!(mentioned(&f, id, eve).await, 1);
    let total = f.read(move |tx| tx.unread(bob, &[id], date(9))).await;
    assert_eq!((total.unread, total.mentioned, total.groups), (3, 2, 1));
}

pub async fn mentions_by_blocked_users_do_not_count(f: Fixture) {
    let [ann, bob] = [f.user("ann").await, f.user("bob").await];
    let id = f.group(&[ann, bob]).await;
    call(&f, id, ann, of(&[bob])).await;
    call(&f, id, ann, everyone()).await;
    call(&f, id, bob, of(&[ann])).await;
    let block = Pair { mine: Some(Relation::Block), theirs: None };
    f.write(move |tx| tx.pair_set(bob, ann, block, date(1))).await;
    assert_eq!(mentioned(&f, id, bob).await, 0);
    assert_eq!(mentioned(&f, id, ann).await, 1, "the blocked user is not told");
    f.write(move |tx| tx.pair_set(bob, ann, Pair::default(), date(1))).await;
    assert_eq!(mentioned(&f, id, bob).await, 2);
}

pub async fn other_mentions_take_the_place_of_a_messages_own(f: Fixture) {
    let [ann, bob, eve] = [f.user("ann").await, f.user("bob").await, f.user("eve").await];
    let id = f.group(&[ann, bob, eve]).await;
    let sent = call(&f, id, ann, of(&[bob])).await;
    let seq = sent.seq;
    let counts = async || (mentioned(&f, id, bob).await, mentioned(&f, id, eve).await);
    for (mentions, expected) in
        [(of(&[eve]), (0, 1)), (everyone(), (1, 1)), (of(&[]), (0, 0)), (of(&[bob, eve]), (1, 1))]
    {
        let set = mentions.clone();
        f.write(move |tx| tx.mentions_set(id, seq, ann, &set)).await;
        assert_eq!(counts().await, expected, "{mentions:?}");
    }
    // An erased message mentions nobody, and gets no mentions any more.
    f.write(move |tx| {
        tx.message_erase(id, seq)?;
        tx.mentions_erase(id, &[seq])
    })
    .await;
    assert_eq!(counts().await, (0, 0));
    f.write(move |tx| tx.mentions_set(id, seq, ann, &of(&[bob]))).await;
    assert_eq!(counts().await, (0, 0));
}

pub async fn mentioned_counts_up_to_its_limit(f: Fixture) {
    let [ann, bob] = [f.user("ann").await, f.user("bob").await];
    let id = f.group(&[ann, bob]).await;
    f.write(move |tx| fill(tx, id, ann, bob)).await;
    assert_eq!(mentioned(&f, id, bob).await, UNREAD);
    let total = f.read(move |tx| tx.unread(bob, &[id], date(9))).await;
    assert_eq!((total.unread, total.mentioned), (UNREAD.into(), UNREAD.into()));
}

fn fill(tx: &mut dyn Tx, group: GroupId, author: UserId, user: UserId) -> Result<()> {
    for _ in 0..UNREAD + 5 {
        let seq = tx.seq_take_for_messages(group, 1, date(1))?;
        let kept = Kept { id: MessageId(uuid(10_000 + seq.0)), date: date(1), seq };
        tx.message_insert(&NewMessage::new(group, kept, author, body("hello")))?;
        tx.mentions_set(group, seq, author, &of(&[user]))?;
    }
    Ok(())
}

pub async fn a_retry_is_known_by_the_hash_that_was_set(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let sent = f.keep(NewMessage { client_id: Some(client_id("one")), ..f.message(id, ann) }).await;
    f.write(move |tx| tx.message_digest_set(id, sent.seq, &[7; 32])).await;
    let prior = f.read(move |tx| tx.message_prior(id, ann, &client_id("one"))).await.expect("it was sent");
    assert_eq!(prior.body_hash, Some([7; 32]));
}

pub async fn mentions_end_with_their_user_and_their_group(f: Fixture) {
    let [ann, bob, eve] = [f.user("ann").await, f.user("bob").await, f.user("eve").await];
    let (id, other) = (f.group(&[ann, bob, eve]).await, f.group(&[ann, bob]).await);
    for _ in 0..3 {
        call(&f, id, ann, of(&[bob, eve])).await;
    }
    call(&f, other, ann, of(&[bob])).await;
    // Those by a user who is no more do not count, erased or not.
    let (task, erasure) = (f.task(), f.task());
    let deleted = f
        .write(move |tx| {
            tx.user_delete(eve, task)?;
            Ok([tx.mentions_delete(eve, 2)?, tx.mentions_delete(eve, 9)?, tx.mentions_delete(eve, 9)?])
        })
        .await;
    assert_eq!(deleted, [2, 1, 0]);
    assert_eq!(mentioned(&f, id, bob).await, 3);
    f.write(move |tx| {
        tx.group_delete(id, erasure)?;
        while tx.group_erase(id, 2)? == 2 {}
        Ok(())
    })
    .await;
    assert_eq!(f.write(move |tx| tx.mentions_delete(bob, 9)).await, 1, "those of the other group");
    call(&f, other, ann, of(&[bob])).await;
    assert_eq!(mentioned(&f, other, bob).await, 1);
    let task = f.task();
    f.write(move |tx| tx.user_delete(ann, task)).await;
    assert_eq!(mentioned(&f, other, bob).await, 0);
}
