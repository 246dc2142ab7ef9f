//! Reactions to messages.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::log::LogEntry;
use chinwag_core::message::Message;
use chinwag_core::reaction::{Emoji, Reaction, SHOWN_REACTORS};
use chinwag_core::store::{Edge, NewMessage, NewReaction, Page, ReactionOf, Shown};
use chinwag_core::{GroupId, MessageId, Seq, UserId};

use super::{Fixture, body, date, name};

fn emoji(text: &str) -> Emoji {
    Emoji::parse(text).expect("an emoji")
}

/// One user's reaction to a message.
fn of(message: &NewMessage, text: &str) -> ReactionOf {
    ReactionOf { message: message.seq, id: message.id, emoji: emoji(text) }
}

/// Adds a reaction; answers its number.
async fn react(f: &Fixture, group: GroupId, message: Seq, user: UserId, text: &str) -> Seq {
    let emoji = emoji(text);
    f.write(move |tx| {
        let seq = tx.seq_take(group, 1)?;
        let entry = LogEntry::MessageReacted { message, user, emoji: emoji.clone(), on: true };
        tx.log_insert(group, seq, &entry)?;
        tx.reaction_insert(&NewReaction {
            group,
            message,
            seq,
            user,
            emoji: emoji.clone(),
            date: date(seq.0),
        })?;
        Ok(seq)
    })
    .await
}

async fn unreact(f: &Fixture, group: GroupId, message: Seq, user: UserId, text: &str) {
    let emoji = emoji(text);
    f.write(move |tx| {
        let seq = tx.seq_take(group, 1)?;
        tx.log_insert(group, seq, &LogEntry::ReactionErased(message))?;
        tx.reaction_delete(group, message, user, &emoji, seq)
    })
    .await;
}

/// The emoji of a message, each with its count and names.
fn shown(message: &Message) -> Vec<(String, u32, Vec<String>)> {
    let tallies = message.reactions.iter();
    let names = |names: &[chinwag_core::Name]| names.iter().map(|name| name.as_str().to_owned()).collect();
    tallies.map(|tally| (tally.emoji.as_str().to_owned(), tally.count, names(&tally.names))).collect()
}

async fn found(f: &Fixture, id: MessageId) -> Message {
    f.read(move |tx| tx.message(id)).await.expect("it stands")
}

pub async fn a_reaction_is_shown_by_its_message_and_listed(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    let (plain, sent) = (f.send(id, ann).await, f.send(id, ann).await);
    let first = react(&f, id, sent.seq, bob, "👍").await;
    react(&f, id, sent.seq, ann, ":tada:").await;
    let last = react(&f, id, sent.seq, ann, "👍").await;
    let message = found(&f, sent.id).await;
    let one = |text: &str, count, names: &[&str]| {
        (text.to_owned(), count, names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(shown(&message), [one("👍", 2, &["bob", "ann"]), one(":tada:", 1, &["ann"])]);
    assert_eq!(message.changed, Some(last));
    assert_eq!(found(&f, plain.id).await.reactions, []);
    f.read(move |tx| {
        let page = tx.messages(id, &Page { edge: Edge::Newest, limit: 9 })?;
        assert_eq!(page, [message.clone(), tx.message(plain.id)?.expect("it stands")]);
        assert_eq!(tx.summaries(bob, &[id], Shown::WHOLE)?[0].view.messages, page);
        assert!(tx.has_reacted(id, sent.seq, bob, &emoji("👍"))?);
        assert!(!tx.has_reacted(id, sent.seq, bob, &emoji(":tada:"))?);
        assert!(!tx.has_reacted(id, plain.seq, bob, &emoji("👍"))?);
        let listed = |one: Option<&Emoji>, after| tx.reactions(id, sent.seq, one, after, 2);
        let reaction =
            |seq: Seq, text, by| Reaction { seq, name: name(by), emoji: emoji(text), date: date(seq.0) };
        let second = Seq(first.0 + 1);
        assert_eq!(listed(None, Seq(0))?, [reaction(first, "👍", "bob"), reaction(second, ":tada:", "ann")]);
        assert_eq!(listed(None, second)?, [reaction(last, "👍", "ann")]);
        let thumbs = [reaction(first, "👍", "bob"), reaction(last, "👍", "ann")];
        assert_eq!(listed(Some(&emoji("👍")), Seq(0))?, thumbs);
        assert_eq!(tx.reactions_by(id, ann, 9)?, [of(&sent, ":tada:"), of(&sent, "👍")]);
        Ok(())
    })
    .await;
}

pub async fn a_message_names_the_first_users_of_each_emoji(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let sent = f.send(id, ann).await;
    let mut names = Vec::new();
    for number in 0..SHOWN_REACTORS + 2 {
        let user = f.user(&format!("user{number}")).await;
        react(&f, id, sent.seq, user, "👍").await;
        names.push(format!("user{number}"));
    }
    names.truncate(SHOWN_REACTORS);
    assert_eq!(shown(&found(&f, sent.id).await), [("👍".into(), 22, names)]);
}

pub async fn a_removed_reaction_makes_room_for_the_next_user(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let sent = f.send(id, ann).await;
    react(&f, id, sent.seq, ann, ":first:").await;
    react(&f, id, sent.seq, ann, "👍").await;
    let mut users = vec![ann];
    for number in 0..SHOWN_REACTORS {
        users.push(f.user(&format!("user{number}")).await);
        react(&f, id, sent.seq, users[number + 1], "👍").await;
    }
    unreact(&f, id, sent.seq, users[3], "👍").await;
    unreact(&f, id, sent.seq, users[3], "👍").await;
    unreact(&f, id, sent.seq, ann, ":first:").await;
    let [(text, count, names)] = &shown(&found(&f, sent.id).await)[..] else { panic!("one emoji is left") };
    assert_eq!((text.as_str(), *count, names.len()), ("👍", 20, SHOWN_REACTORS));
    assert_eq!(names.last().map(String::as_str), Some("user19"), "who came as the last");
    unreact(&f, id, sent.seq, users[20], "👍").await;
    assert_eq!(shown(&found(&f, sent.id).await)[0].1, 19);
}

pub async fn reactions_follow_a_rename_and_end_with_their_user(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    let sent = f.send(id, ann).await;
    react(&f, id, sent.seq, ann, "👍").await;
    react(&f, id, sent.seq, bob, "👍").await;
    react(&f, id, sent.seq, bob, "👎").await;
    let task = f.task();
    f.write(move |tx| {
        tx.user_rename(ann, &name("anna"))?;
        tx.user_delete(bob, task)
    })
    .await;
    let left = [("👍".to_owned(), 1, vec!["anna".to_owned()])];
    assert_eq!(shown(&found(&f, sent.id).await), left, "at once");
    let listed = f.read(move |tx| tx.reactions(id, sent.seq, None, Seq(0), 9)).await;
    assert_eq!(listed.len(), 1);
    for ReactionOf { message, emoji, .. } in f.read(move |tx| tx.reactions_by(id, bob, 9)).await {
        unreact(&f, id, message, bob, emoji.as_str()).await;
    }
    assert_eq!(shown(&found(&f, sent.id).await), left, "and in the end");
    assert_eq!(f.read(move |tx| tx.reactions_by(id, bob, 9)).await, []);
}

pub async fn the_log_shows_a_reaction_with_its_message(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let sent = f.send(id, ann).await;
    let seq = react(&f, id, sent.seq, ann, "👍").await;
    f.write(move |tx| tx.message_change(id, sent.seq, seq)).await;
    f.write(move |tx| tx.message_edit(id, sent.seq, &body("edited"), date(99))).await;
    let message = found(&f, sent.id).await;
    assert_eq!((&*message.body, message.reactions.len(), message.changed), ("edited", 1, Some(seq)));
    let log = f.read(move |tx| tx.log(id, Seq(0), 9)).await;
    let shown: Vec<_> = log.into_iter().map(|row| (row.seq, row.message)).collect();
    assert_eq!(shown, [(sent.seq, Some(message.clone())), (seq, Some(message))]);
}

pub async fn an_erased_message_leaves_no_reaction(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let (one, two) = (f.send(id, ann).await, f.send(id, ann).await);
    react(&f, id, one.seq, ann, "👍").await;
    react(&f, id, two.seq, ann, "👍").await;
    f.write(move |tx| {
        tx.message_erase(id, one.seq)?;
        tx.reactions_erase(id, &[one.seq], 9)
    })
    .await;
    assert_eq!(f.read(move |tx| tx.reactions_by(id, ann, 9)).await, [of(&two, "👍")]);
    let task = f.task();
    f.write(move |tx| tx.group_delete(id, task)).await;
    let erased = f.write(move |tx| tx.group_erase(id, 100)).await;
    assert_eq!(erased, 6, "two messages, a member, two entries, a reaction");
}

pub async fn reactions_of_erased_messages_go_in_steps(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    let (one, two, three) = (f.send(id, ann).await, f.send(id, ann).await, f.send(id, ann).await);
    for message in [one.seq, two.seq, three.seq] {
        for (user, text) in [(ann, "👍"), (ann, ":tada:"), (bob, "👍")] {
            react(&f, id, message, user, text).await;
        }
    }
    let erase = async |limit| f.write(move |tx| tx.reactions_erase(id, &[one.seq, three.seq], limit)).await;
    let mut steps = Vec::new();
    for _ in 0..4 {
        steps.push(erase(2).await);
    }
    assert_eq!(steps, [2, 2, 2, 0]);
    let left = f.read(move |tx| tx.reactions_by(id, bob, 9)).await;
    assert_eq!(left, [of(&two, "👍")]);
}
