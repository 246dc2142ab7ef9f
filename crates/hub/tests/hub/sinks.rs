//! Frames that are written on behalf of a socket's sleeping task, and the remainder that is left to the task.

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chinwag_core::event::{Event, Kind, Origin};
use chinwag_core::message::Message;
use chinwag_core::send::Kept;
use chinwag_core::{Date, GroupId, MessageId, Seq, UserId};
use chinwag_hub::{Close, Sink, TakeOutcome};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::harness::{Client, World, name_of, quiet};

/// A connection that accepts a limited number of bytes.
#[derive(Clone, Default)]
struct Pipe {
    written: Arc<Mutex<String>>,
    writes: Arc<AtomicUsize>,
    room: Arc<AtomicUsize>,
}

impl Sink for Pipe {
    fn write(&self, frames: &[IoSlice<'_>]) -> usize {
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.iter().copied()).collect();
        let count = bytes.len().min(self.room.load(Ordering::Relaxed));
        self.room.fetch_sub(count, Ordering::Relaxed);
        self.writes.fetch_add(1, Ordering::Relaxed);
        let text = std::str::from_utf8(&bytes[..count]).expect("frames of these tests are ASCII");
        self.written.lock().push_str(text);
        count
    }
}

impl Pipe {
    /// A client of `world` with a pipe, whose task has read the first frame and sleeps.
    async fn under(world: &World, name: &str, room: usize) -> (Self, Client) {
        let user = world.user(name).await;
        world.group(7, &[user]).await;
        let (pipe, client) = (Self::default(), world.connect(user).await);
        pipe.room.store(room, Ordering::Relaxed);
        client.0.attach(Arc::new(pipe.clone()));
        assert_eq!(client.texts(), ["hello"]);
        assert!(!client.is_ready().await);
        (pipe, client)
    }

    fn written(&self) -> String {
        std::mem::take(&mut self.written.lock())
    }
}

fn group() -> GroupId {
    GroupId(Uuid::from_u128(7))
}

/// An event of a sent message, encoded as `text <group> <seq>`.
fn text(group: GroupId, seq: i64) -> Event {
    let kept = Kept { id: MessageId(Uuid::nil()), date: Date::from_micros(0), seq: Seq(seq) };
    let message = Message::new(group, kept, UserId(1), name_of("somebody"), "words".into());
    Event::in_group(Kind::MessageText(message), group, Seq(seq))
}

#[tokio::test(start_paused = true)]
async fn frames_for_a_sleeping_task_are_written_without_waking_it() {
    let world = World::new(quiet());
    let (pipe, client) = Pipe::under(&world, "ann", 1000).await;
    world.publish(vec![text(group(), 1)]).await;
    world.publish(vec![text(group(), 2), text(group(), 3)]).await;
    assert_eq!(pipe.written(), "text 7 1text 7 2text 7 3");
    assert_eq!(pipe.writes.load(Ordering::Relaxed), 2, "one write for what one commit told");
    assert!(!client.is_ready().await && client.texts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_partial_write_is_continued_by_the_task() {
    let world = World::new(quiet());
    let (pipe, client) = Pipe::under(&world, "ann", 10).await;
    world.publish(vec![text(group(), 1), text(group(), 2)]).await;
    assert_eq!(pipe.written(), "text 7 1te");
    world.publish(vec![text(group(), 3)]).await;
    pipe.room.store(1000, Ordering::Relaxed);
    let mut frames = Vec::new();
    assert_eq!(client.0.take(&mut frames), TakeOutcome::Rest);
    assert_eq!(frames, ["xt 7 2", "text 7 3"]);
    world.publish(vec![text(group(), 4)]).await;
    assert_eq!(pipe.written(), "", "who has taken writes alone, until it waits again");
    assert_eq!(client.texts(), ["text 7 4"]);
    assert!(!client.is_ready().await);
    world.publish(vec![text(group(), 5)]).await;
    assert_eq!(pipe.written(), "text 7 5");
    assert_eq!(client.0.take(&mut frames), TakeOutcome::Empty);
    world.publish(vec![text(group(), 6)]).await;
    assert_eq!((pipe.written(), client.texts()), (String::new(), vec!["text 7 6".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_close_completes_the_frame_in_progress() {
    let world = World::new(quiet());
    let (pipe, client) = Pipe::under(&world, "ann", 3).await;
    world.publish(vec![text(group(), 1), text(group(), 2)]).await;
    assert_eq!(pipe.written(), "tex");
    world.hub.close(&client.0, Close::CredentialEnded);
    let mut frames = Vec::new();
    assert_eq!(client.0.take(&mut frames), TakeOutcome::Rest);
    assert_eq!(frames, ["t 7 1text 7 2"]);
    assert_eq!(client.0.take(&mut frames), TakeOutcome::Close(Close::CredentialEnded));
}

#[tokio::test(start_paused = true)]
async fn messages_of_one_commit_stay_in_order_for_their_senders() {
    let world = World::new(quiet());
    let [ann, ben] = world.users(["ann", "ben"]).await;
    let group = world.group(9, &[ann, ben]).await;
    let (asker, other) = (world.connect(ann).await, world.connect(ben).await);
    let origin = Origin { socket: asker.0.id(), reference: Some(Arc::from("r1")) };
    let mut run: Vec<_> = (1..=100).map(|seq| text(group, seq)).collect();
    run[1] = text(group, 2).from(Some(&origin));
    world.publish(run).await;
    let plain: Vec<_> = (1..=100).map(|seq| format!("text 9 {seq}")).collect();
    let (own, received) = (asker.texts().split_off(1), other.texts().split_off(1).concat());
    assert_eq!(received, plain.concat());
    assert_eq!(own[..3], ["text 9 1", "text 9 2 #r1", "text 9 3"]);
    assert_eq!(own.concat().replace(" #r1", ""), plain.concat());
    assert_eq!(world.hub.counts().deliveries, 200);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_does_not_follow_is_delivered_one_by_one() {
    let world = World::new(quiet());
    let [ann] = world.users(["ann"]).await;
    let group = world.group(9, &[ann]).await;
    let client = world.connect(ann).await;
    world.write(move |tx, _| tx.seq_take(group, 5).map(drop)).await;
    let event = |seq| text(group, seq);
    world.publish(vec![event(1), event(2)]).await;
    world.publish(vec![event(2), event(3)]).await;
    world.publish(vec![event(4), event(4), event(5)]).await;
    let received = client.texts().split_off(1).concat();
    assert_eq!(received, "text 9 1text 9 2text 9 3text 9 4text 9 5");
}
