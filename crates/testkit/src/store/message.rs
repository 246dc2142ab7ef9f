//! Messages.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::message::{Message, MessageDetail};
use chinwag_core::reaction::Emoji;
use chinwag_core::send::Kept;
use chinwag_core::store::{Edge, MessageToErase, NewMessage, NewReaction, Page, PriorMessage};
use chinwag_core::{Error, Seq, UserId};
use sha2::{Digest, Sha256};

use super::summary::summaries;
use super::{Fixture, body, client_id, date, name};

/// A message as it is read when it was just kept, without the message that it answers.
fn message(sent: &NewMessage, author: &str) -> Message {
    let kept = Kept { id: sent.id, date: sent.date, seq: sent.seq };
    Message {
        client_id: sent.client_id.clone(),
        detail: sent.detail.clone(),
        ..Message::new(sent.group, kept, sent.author, name(author), sent.text())
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

pub async fn a_message_is_read_as_it_was_kept(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let first = f.send(id, ann).await;
    for text in ["hi", " <b>&amp; ' \" \r\n\t\u{202e}x", "👩‍👩‍👧‍👦 é e\u{301}", &"é".repeat(4096)]
    {
        let sent = NewMessage {
            body: body(text),
            respond_to: Some(first.seq),
            client_id: Some(client_id(&format!("’{}", text.len()))),
            ..f.message(id, ann)
        };
        let sent = f.keep(sent).await;
        let kept = Message { respond_to: Some(first.id), ..message(&sent, "ann") };
        assert_eq!(f.read(move |tx| tx.message(sent.id)).await, Some(kept.clone()));
        let page = f.read(move |tx| tx.messages(id, &Page { edge: Edge::Newest, limit: 1 })).await;
        assert_eq!(page, [kept]);
    }
    let never = f.message(id, ann).id;
    assert_eq!(f.read(move |tx| tx.message(never)).await, None);
}

pub async fn a_detail_is_kept_with_its_message_and_apart_from_reactions(f: Fixture) {
    let (ann, emoji) = (f.user("ann").await, Emoji::stored("👍"));
    let id = f.group(&[ann]).await;
    let detail = |data: &str| MessageDetail { data: Some(data.into()), ..MessageDetail::default() };
    let sent = f.keep(NewMessage { detail: detail(r#"{"a":1}"#), ..f.message(id, ann) }).await;
    let found = async || f.read(move |tx| tx.message(sent.id)).await.expect("it stands");
    assert_eq!(found().await, message(&sent, "ann"));
    let seq = f
        .write(move |tx| {
            let seq = tx.seq_take(id, 1)?;
            let (emoji, date) = (emoji.clone(), date(9));
            tx.reaction_insert(&NewReaction { group: id, message: sent.seq, seq, user: ann, emoji, date })?;
            tx.message_detail_set(id, sent.seq, &detail("{}"))?;
            Ok(seq)
        })
        .await;
    let changed = found().await;
    assert_eq!((&changed.detail, changed.changed, changed.reactions.len()), (&detail("{}"), Some(seq), 1));
    f.write(move |tx| tx.message_detail_set(id, sent.seq, &MessageDetail::default())).await;
    let changed = found().await;
    assert_eq!((&changed.detail, changed.reactions.len()), (&MessageDetail::default(), 1));
    let log = f.read(move |tx| tx.log(id, Seq(0), 9)).await;
    assert_eq!(log.first().and_then(|row| row.message.as_ref()), Some(&changed));
    let twice = [1, 2].map(|_| NewMessage { detail: detail("[]"), ..f.message(id, ann) });
    let ids = twice.clone().map(|message| message.id);
    f.write(move |tx| {
        let first = tx.seq_take(id, twice.len())?;
        let [one, two] = twice.clone();
        tx.messages_insert(&[NewMessage { seq: first, ..one }, NewMessage { seq: first.next(), ..two }])
    })
    .await;
    for id in ids {
        assert_eq!(f.read(move |tx| tx.message(id)).await.expect("it stands").detail, detail("[]"));
    }
}

pub async fn a_message_has_its_authors_name_now(f: Fixture) {
    let ann = f.user("ann").await;
    let sent = f.send(f.group(&[ann]).await, ann).await;
    f.write(move |tx| tx.user_rename(ann, &name("eve"))).await;
    let kept = f.read(move |tx| tx.message(sent.id)).await.expect("it stands");
    assert_eq!(kept.author_name, name("eve"));
}

pub async fn an_id_that_was_used_is_a_conflict_in_any_group(f: Fixture) {
    let ann = f.user("ann").await;
    let (id, other) = (f.group(&[ann]).await, f.group(&[ann]).await);
    let first = f.send(id, ann).await;
    for group in [id, other] {
        let again = NewMessage { id: first.id, ..f.message(group, ann) };
        let refused = f
            .store
            .write(move |tx, _| {
                let seq = tx.seq_take(group, 1)?;
                tx.message_insert(&NewMessage { seq, ..again.clone() })
            })
            .await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    }
    assert_eq!(f.send(id, ann).await.seq, Seq(2), "the refused ones' numbers were given back");
}

pub async fn a_client_id_makes_one_message_per_author_and_group(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (id, other) = (f.group(&[ann, bob]).await, f.group(&[ann]).await);
    let new =
        |group, author: UserId| NewMessage { client_id: Some(client_id("one")), ..f.message(group, author) };
    f.keep(new(id, ann)).await;
    for free in [new(id, bob), new(other, ann)] {
        f.keep(free).await;
    }
    let again = new(id, ann);
    let refused = f
        .store
        .write(move |tx, _| {
            let seq = tx.seq_take(id, 1)?;
            tx.message_insert(&NewMessage { seq, ..again.clone() })
        })
        .await;
    assert!(refused.is_err());
    let upper = NewMessage { client_id: Some(client_id("ONE")), ..f.message(id, ann) };
    f.keep(upper).await;
}

pub async fn a_client_ids_message_is_found_with_its_first_body(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    let answered = f.send(id, bob).await;
    let sent = NewMessage {
        body: body("first"),
        client_id: Some(client_id("one")),
        respond_to: Some(answered.seq),
        ..f.message(id, ann)
    };
    let sent = f.keep(sent).await;
    let mut prior = PriorMessage {
        id: sent.id,
        seq: sent.seq,
        date: sent.date,
        body_hash: Some(hash("first")),
        respond_to: Some(answered.id),
        thread: None,
    };
    let find = async |author| f.read(move |tx| tx.message_prior(id, author, &client_id("one"))).await;
    assert_eq!(find(ann).await.as_ref(), Some(&prior));
    f.write(move |tx| tx.message_edit(id, sent.seq, &body("second"), date(99))).await;
    assert_eq!(find(ann).await.as_ref(), Some(&prior), "an edit leaves it");
    f.write(move |tx| tx.message_erase(id, answered.seq)).await;
    prior.respond_to = None;
    assert_eq!(find(ann).await.as_ref(), Some(&prior), "what it answered stands no more");
    f.write(move |tx| tx.message_erase(id, sent.seq)).await;
    prior.body_hash = None;
    assert_eq!(find(ann).await.as_ref(), Some(&prior), "erased, and yet made before");
    assert_eq!(find(bob).await, None);
    let nothing = f.read(move |tx| tx.message_prior(id, ann, &client_id("two"))).await;
    assert_eq!(nothing, None);
}

pub async fn an_edited_message_has_its_new_body_and_the_date_of_the_edit(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let (first, second) = (f.send(id, ann).await, f.send(id, ann).await);
    let edits = [("second", date(98)), ("third", date(99))];
    for (text, edited) in edits {
        f.write(move |tx| tx.message_edit(id, first.seq, &body(text), edited)).await;
        let kept = f.read(move |tx| tx.message(first.id)).await.expect("it stands");
        assert_eq!(
            (&*kept.body, kept.edited, kept.date, kept.seq),
            (text, Some(edited), first.date, first.seq)
        );
    }
    let other = f.read(move |tx| tx.message(second.id)).await.expect("it stands");
    assert_eq!((&*other.body, other.edited), (second.body.as_str(), None));
}

pub async fn a_reply_names_its_original_while_that_exists(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let first = f.send(id, ann).await;
    let answer = f.keep(NewMessage { respond_to: Some(first.seq), ..f.message(id, ann) }).await;
    let seen = async || {
        let message = f.read(move |tx| tx.message(answer.id)).await.expect("it stands");
        let page = f.read(move |tx| tx.messages(id, &Page { edge: Edge::AfterSeq(Seq(1)), limit: 1 })).await;
        assert_eq!(page.first(), Some(&message));
        message.respond_to
    };
    assert_eq!(seen().await, Some(first.id));
    f.write(move |tx| tx.message_edit(id, first.seq, &body("edited"), date(99))).await;
    assert_eq!(seen().await, Some(first.id));
    f.write(move |tx| tx.message_erase(id, first.seq)).await;
    assert_eq!(seen().await, None);
}

pub async fn an_erased_message_is_found_nowhere(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    let message = f.send(id, bob).await;
    let seq = message.seq;
    f.write(move |tx| tx.message_erase(id, seq)).await;
    // An edit that comes after does not bring it back.
    f.write(move |tx| tx.message_edit(id, seq, &body("back"), date(99))).await;
    f.read(move |tx| {
        assert_eq!(tx.message(message.id)?, None);
        for edge in [
            Edge::Newest,
            Edge::BeforeSeq(Seq(9)),
            Edge::BeforeDate(date(99)),
            Edge::AfterSeq(Seq(0)),
            Edge::AfterDate(date(0)),
        ] {
            assert_eq!(tx.messages(id, &Page { edge, limit: 9 })?, [], "{edge:?}");
        }
        assert_eq!((tx.message_at_seq(id, Seq(9))?, tx.message_at_date(id, date(99))?), (None, None));
        assert_eq!((tx.messages_by(id, bob, 9)?, tx.mark(id, ann)?.unread), (vec![], 0));
        let shown = summaries(tx, ann)?;
        assert_eq!(
            (tx.view(id)?.map(|view| view.messages.len()), shown[0].view.messages.len()),
            (Some(0), 0)
        );
        Ok(())
    })
    .await;
    assert_eq!(f.send(id, bob).await.seq, Seq(2), "its place in the log stays taken");
}

pub async fn messages_of_one_author_are_listed_in_order(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (id, other) = (f.group(&[ann, bob]).await, f.group(&[ann]).await);
    let mut own = Vec::new();
    for (author, client) in [(ann, Some("z")), (bob, None), (ann, None), (ann, Some("a")), (bob, Some("a"))] {
        let sent = f.keep(NewMessage { client_id: client.map(client_id), ..f.message(id, author) }).await;
        if author == ann {
            own.push(MessageToErase { seq: sent.seq, id: sent.id, thread: None });
        }
    }
    f.send(other, ann).await;
    assert_eq!(f.read(move |tx| tx.messages_by(id, ann, 9)).await, own);
    f.write(move |tx| tx.message_erase(id, Seq(3))).await;
    own.remove(1);
    assert_eq!(f.read(move |tx| tx.messages_by(id, ann, 9)).await, own);
}
