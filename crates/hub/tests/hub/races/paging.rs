//! The same races with paged snapshots, where each page is a snapshot of its own.

use std::sync::Arc;

use bytes::Bytes;
use chinwag_core::store::Tx;
use chinwag_core::{GroupId, Result, Seq, UserId};
use chinwag_hub::{Connection, Hub};
use proptest::prelude::*;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::{HELD, Race, Stage, Step, quiet, race_shown, step};
use crate::harness::{Client, settle};

/// A page: its group's head, and whether the user is a member.
type Page = (Seq, bool);
/// A page that is read when its semaphore has permits.
type Reading = (Arc<Semaphore>, JoinHandle<Result<Option<Page>>>);

/// A socket that is receiving its groups.
pub(super) struct Paging {
    connection: Connection,
    /// The groups in the order of their pages. For pages that were read, with the head in the page.
    heads: Vec<(GroupId, Seq)>,
    at: Vec<i64>,
    next: usize,
    reading: Option<Reading>,
}

impl Paging {
    pub(super) fn begin(hub: &Hub, connection: Connection, heads: Vec<(GroupId, Seq)>, at: Vec<i64>) -> Self {
        let later: Vec<_> = heads.iter().map(|(id, _)| *id).collect();
        hub.begin_pages(&connection, Bytes::from_static(b"hello"), heads.clone(), &later);
        Self { connection, heads, at, next: 0, reading: None }
    }

    pub(super) fn abort(&self) {
        if let Some((_, task)) = &self.reading {
            task.abort();
        }
    }
}

impl Race {
    /// Starts to read a socket's next page, lets the read finish, or makes the socket live after the last
    /// page.
    pub(super) async fn turn_page(&mut self, socket: usize, mut paging: Paging) -> Stage {
        let client = Client(paging.connection);
        self.read[socket].extend(client.texts());
        let is_ready = client.is_ready().await;
        assert!(!is_ready, "all that was shown is written");
        let Client(connection) = client;
        if let Some((held, task)) = paging.reading.take() {
            held.add_permits(1);
            settle().await;
            if task.is_finished() {
                let page = task.await.expect("it ends").expect("the store reads");
                let (head, is_in) = page.expect("the user is there");
                let (id, shown) = &mut paging.heads[paging.next];
                let group = self.groups.iter().position(|group| group == id).expect("a group");
                (self.hub).send_first(&connection, vec![Bytes::from(format!("page {group} {head}"))]);
                (*shown, paging.at[group]) = (if is_in { head } else { Seq(-1) }, head.0);
                paging.next += 1;
            } else {
                paging.reading = Some((held, task));
            }
        } else if let Some((id, _)) = paging.heads.get(paging.next) {
            let (hub, socket, held) =
                (self.hub.clone(), Arc::clone(&connection), Arc::new(Semaphore::new(0)));
            let id = *id;
            let page = move |tx: &dyn Tx, user: UserId| {
                let head = tx.heads(&[id])?[0].1;
                let is_in = tx.member(id, user)?.is_some();
                Ok(((head, is_in), if is_in { vec![(id, head)] } else { vec![] }))
            };
            let read = HELD.scope(held.clone(), async move { hub.read_page(&socket, &[id], page).await });
            paging.reading = Some((held, tokio::spawn(read)));
        } else {
            self.hub.go_live(&connection, vec![Bytes::from_static(b"page")], &[]);
            paging.heads.retain(|(_, shown)| *shown != Seq(-1));
            return Stage::Live(Client(connection), paging.heads, paging.at);
        }
        Stage::Paging(Paging { connection, ..paging })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn groups_shown_one_by_one_are_followed_by_their_events_once(
        steps in prop::collection::vec(step(), 1..96),
    ) {
        race_shown(quiet(), &steps, None, true)?;
    }
}

#[test]
fn events_before_a_page_is_read_are_in_the_page_alone() {
    let mut steps = vec![Step::Turn(0, 0), Step::Turn(1, 0), Step::Dispatch, Step::Dispatch];
    // Registered, snapshot read, snapshot returned, and pages started.
    steps.extend([Step::Advance(0); 5]);
    for _ in 0..40 {
        steps.extend([Step::Say(1), Step::Dispatch]);
    }
    let options = chinwag_hub::Options { queue_frames: 8, ..quiet() };
    race_shown(options, &steps, None, true).expect("a socket that is being shown its groups stays");
}
