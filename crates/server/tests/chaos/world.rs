//! The real program with one group, and writers on both transports.

use std::sync::Arc;

use chinwag_testkit::client::Client;
use chinwag_testkit::process::{Program, Running};
use chinwag_testkit::setup::crowd;
use chinwag_testkit::trial::{Ledger, RunEnd, Transport, Verdict, WriteTask, Writer, group, history};
use futures_util::future::join_all;
use serde_json::json;

/// Number of writers, alternating between the transports.
pub(crate) const WRITERS: usize = 8;

/// The program's data and the writers.
pub(crate) struct World {
    pub(crate) program: Program,
    pub(crate) ledger: Arc<Ledger>,
    group: String,
    writers: Vec<Writer>,
}

/// Writers in progress.
pub(crate) struct Work {
    tasks: Vec<tokio::task::JoinHandle<(Writer, RunEnd)>>,
}

impl World {
    /// Creates the users, a group of all of them, and a writer for each.
    pub(crate) async fn new() -> Self {
        let (program, ledger) = (crate::program(), Arc::new(Ledger::new()));
        let running = program.serve();
        let service = program.service(&running);
        let users = crowd(&service, "writer", WRITERS).await;
        let names: Vec<&str> = users.iter().map(Client::name).collect();
        let group = group(&service, &names).await;
        let writer = |(transport, user)| Writer::new(transport, user, &group, ledger.clone());
        let writers =
            [Transport::WebSocket, Transport::Rest].into_iter().cycle().zip(&users).map(writer).collect();
        assert_eq!(running.stop().code, Some(0));
        Self { program, ledger, group, writers }
    }

    /// Starts every writer.
    pub(crate) fn write(&mut self, running: &Running, aim: WriteTask) -> Work {
        let start = |writer: Writer| tokio::spawn(writer.run(running.url().to_owned(), aim));
        Work { tasks: self.writers.drain(..).map(start).collect() }
    }

    /// Waits until every writer has ended its run.
    pub(crate) async fn join(&mut self, work: Work) -> Vec<RunEnd> {
        let mut ends = Vec::new();
        for ended in join_all(work.tasks).await {
            let (writer, end) = ended.expect("a writer does not panic");
            self.writers.push(writer);
            ends.push(end);
        }
        ends
    }

    /// Renames the group, which also takes a number of its log.
    pub(crate) async fn rename(&self, running: &Running, name: &str) {
        let path = format!("groups/{}/", self.group);
        self.program.service(running).patch(&path, json!({ "name": name })).await.ok(200);
    }

    /// Restarts the program, lets every writer retry its unanswered messages, stops the program, and compares
    /// the store with the acknowledgements. `changes` is the number of renames.
    pub(crate) async fn settle(mut self, changes: usize) -> Verdict {
        let running = self.program.serve();
        let work = self.write(&running, WriteTask::Settle);
        self.join(work).await;
        assert!(self.writers.iter().all(Writer::is_settled), "{}", running.stderr());
        let service = self.program.service(&running);
        let history = history(&service, &self.group).await;
        let shown = service.get(&format!("groups/{}/?fields=head", self.group)).await.ok(200);
        assert_eq!(running.stop().code, Some(0));

        let numbers = numbers(&self.program);
        let count = i64::try_from(numbers.len()).expect("a count");
        assert_eq!(numbers, (1..=count).collect::<Vec<_>>(), "each number once, and no gap");
        assert_eq!(shown["head"], count);
        assert_eq!(numbers.len(), history.len() + 1 + changes, "messages, the beginning, and each renaming");
        self.ledger.compare(&history)
    }
}

/// Every number of the group's log in ascending order, read from the database file.
fn numbers(program: &Program) -> Vec<i64> {
    let file = rusqlite::Connection::open(program.data().join("chinwag.db")).expect("the file opens");
    let sound: String =
        file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it is checked");
    assert_eq!(sound, "ok");
    let all = "SELECT seq FROM messages UNION ALL SELECT seq FROM log_entries ORDER BY seq";
    let mut statement = file.prepare(all).expect("the tables are there");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("numbers")
}
