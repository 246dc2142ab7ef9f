//! Indexes: the search index loses the words of erased messages, and pages of entries use the index of entries.

use std::sync::Arc;

use chinwag_core::Seq;
use chinwag_core::store::{Edge, IndexPart, NewMessage};
use chinwag_store_postgres::Options;
use chinwag_testkit::bus::Recorder;
use chinwag_testkit::postgres::Database;
use chinwag_testkit::store::{Fixture, Opened, body, date};
use chinwag_testkit::wait::Wait;

use crate::world::open;

/// The byte position of a word in the file of the index of terms; 0 if it is not there.
fn position(database: &Database, word: &str) -> usize {
    database.ask("CHECKPOINT");
    let sql = format!(
        "SELECT position('{word}'::bytea IN pg_read_binary_file(pg_relation_filepath('chinwag.search_words_by_term')))"
    );
    database.ask(&sql)[0][0].parse().expect("a number")
}

async fn fixture(database: &Database) -> Fixture {
    let url = database.url();
    Fixture::open(async |bus: Arc<Recorder>| {
        let store = open(&url, &Options::default(), &bus).await;
        Opened { store: Arc::new(store), guard: Box::new(()) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renewed_index_has_no_erased_word() {
    let database = Database::new();
    let f = fixture(&database).await;
    let ann = f.user("ann").await;
    let group = f.group(&[ann]).await;
    for text in ["an erased quokka", "a wombat that stays", "an edited wallaby"] {
        let message = NewMessage { body: body(text), ..f.message(group, ann) };
        f.keep(message).await;
    }
    f.write(move |tx| {
        let texts = tx.unindexed_texts(group, 9)?;
        tx.index_add(&[IndexPart { group, texts, position: Seq(3) }])
    })
    .await;
    let before = f.read(|tx| tx.index_removals()).await;
    f.write(move |tx| {
        tx.message_erase(group, Seq(1))?;
        tx.message_edit(group, Seq(3), &body("an edited bilby"), date(9))
    })
    .await;
    assert_eq!(f.read(|tx| tx.index_removals()).await, before + 2);
    assert!(
        position(&database, "quokka") > 0 && position(&database, "wallaby") > 0,
        "a GIN index keeps its keys"
    );

    // An interrupted attempt leaves an invalid index.
    database.ask("CREATE INDEX search_words_by_term_ccnew ON chinwag.search_words USING gin (string_to_array(terms, ' '))");
    f.store.index_renew().await.expect("it is renewed");
    assert_eq!((position(&database, "quokka"), position(&database, "wallaby")), (0, 0));
    assert!(position(&database, "wombat") > 0 && position(&database, "bilby") > 0);
    let indexes = "SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'search_words_by_term%'";
    assert_eq!(database.ask(indexes), [["1"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_entries_read_no_reactions() {
    let database = Database::new();
    let f = fixture(&database).await;
    let group = f.group(&[f.user("ann").await]).await;
    database.ask(&format!(
        "INSERT INTO chinwag.log_entries (group_id, seq, kind) SELECT '{group}', seq, 6 FROM generate_series(1, 5000) seq;
        ANALYZE chinwag.log_entries"
    ));
    for edge in [Edge::Newest, Edge::BeforeSeq(Seq(4000)), Edge::AfterSeq(Seq(0))] {
        assert_eq!(f.read(move |tx| tx.entries(group, edge, None, 9)).await, []);
    }
    let read = || {
        let read = database.ask(
            "SELECT sum(idx_scan), sum(idx_tup_read) FROM pg_stat_user_indexes
            WHERE indexrelname IN ('log_entries_shown', 'log_entries_pkey') GROUP BY relname",
        );
        [0, 1].map(|at| read[0][at].parse::<usize>().expect("a number"))
    };
    let wait = Wait::begin();
    while read()[0] < 3 {
        wait.step(|| "the server has not counted the reads").await;
    }
    assert_eq!(read()[1], 0, "rows of indexes");
}
