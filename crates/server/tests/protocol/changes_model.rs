//! Clients that reconnect during random changes: each must have the state of a new client.

use std::sync::Arc;
use std::time::Duration;

use chinwag_testkit::app::TestApp;
use chinwag_testkit::setup::crowd;
use chinwag_testkit::store::Numbers;
use chinwag_testkit::trial::{RandomChanges, ReturningClient, return_during_changes, times};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_that_comes_back_equals_a_new_one() {
    let app = TestApp::with(|options| options.limits.consent = true).await;
    let users = crowd(&app.service(), "user", 4).await;
    let turmoil = RandomChanges::new(users.clone(), vec![app.url()]).await;
    let rounds = times(40, 1000);
    // Sequentially: each change is followed by a reconnect.
    let mut random = Numbers::of_seed(15);
    let mut returning: Vec<_> = users.iter().map(|_| ReturningClient::default()).collect();
    for round in 0..rounds {
        for _ in 0..=random.below(3) {
            turmoil.change(&mut random).await;
        }
        let client = round % users.len();
        assert!(returning[client].comes_back(&users[client], &mut random).await);
        returning[client].equals_a_new_client(&users[client]).await;
    }
    assert!(turmoil.changes() > rounds as u64 / 2, "changes were made: {}", turmoil.changes());
    // Then concurrently.
    let turmoil = Arc::new(turmoil);
    let time = times(Duration::from_secs(3), Duration::from_secs(120));
    let returning = return_during_changes(turmoil.clone(), users, &[app.url()], 16, time).await;
    assert!(returning.iter().all(|client| client.refused == 0), "every point was of use");
}
