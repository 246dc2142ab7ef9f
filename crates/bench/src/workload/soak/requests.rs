//! Searches and uploads, one at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Result, ensure};
use chinwag_client::Rest;
use chinwag_client::reqwest::Method;
use tokio::sync::mpsc;

use super::ledger::SoakLedger;
use super::schedule::UserAction;
use super::user;

const FILE: usize = 64 * 1024;

/// Does one of each first, so that a server that refuses them fails early, and then those of the schedule.
pub(super) async fn run(
    users: Vec<Rest>,
    mut actions: mpsc::Receiver<UserAction>,
    ledger: Arc<SoakLedger>,
) -> Result<()> {
    let mut turn = 0_usize;
    let mut next = Some(UserAction::Upload);
    while let Some(action) = next {
        send_request(&users[turn % users.len()], action, turn).await?;
        ledger.others.fetch_add(1, Ordering::Relaxed);
        turn += 1;
        next = if turn == 1 { Some(UserAction::Search) } else { actions.recv().await };
    }
    Ok(())
}

async fn send_request(rest: &Rest, action: UserAction, turn: usize) -> Result<()> {
    let (what, request) = if action == UserAction::Upload {
        let request = rest.request(Method::POST, "files/?name=soak.bin");
        ("an upload", request.body(vec![u8::try_from(turn % 256)?; FILE]))
    } else {
        let word = user::word(turn as u64);
        ("a search", rest.request(Method::GET, &format!("messages/?q={word}&limit=20")))
    };
    let answer = rest.send(request).await?;
    let (status, text) = (answer.status, answer.text);
    ensure!(status == 200 || status == 201, "{what} was answered {status}: {text}");
    Ok(())
}
