//! Searches and uploads, one at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Result, ensure};
use chinwag_client::Rest;
use chinwag_client::reqwest::Method;
use tokio::sync::mpsc;

use super::crew::{Act, SoakLedger};
use super::person;

const FILE: usize = 64 * 1024;

/// Does one of each first, so that a server that refuses them fails early, and then those of the schedule.
pub(super) async fn run(
    people: Vec<Rest>,
    mut acts: mpsc::Receiver<Act>,
    ledger: Arc<SoakLedger>,
) -> Result<()> {
    let mut turn = 0_usize;
    let mut next = Some(Act::Upload);
    while let Some(act) = next {
        run_errand(&people[turn % people.len()], act, turn).await?;
        ledger.others.fetch_add(1, Ordering::Relaxed);
        turn += 1;
        next = if turn == 1 { Some(Act::Search) } else { acts.recv().await };
    }
    Ok(())
}

async fn run_errand(rest: &Rest, act: Act, turn: usize) -> Result<()> {
    let (what, request) = if act == Act::Upload {
        let request = rest.request(Method::POST, "files/?name=soak.bin");
        ("an upload", request.body(vec![u8::try_from(turn % 256)?; FILE]))
    } else {
        let word = person::word(turn as u64);
        ("a search", rest.request(Method::GET, &format!("messages/?q={word}&limit=20")))
    };
    let answer = rest.send(request).await?;
    let (status, text) = (answer.status, answer.text);
    ensure!(status == 200 || status == 201, "{what} was answered {status}: {text}");
    Ok(())
}
