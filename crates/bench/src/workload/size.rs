//! W18: the size of the server's binary and of the first page in a real browser, and the number of packages in Cargo.lock.

use anyhow::{Context, Result};
use chinwag_testkit::browser;
use serde_json::{Value, json};

use super::RunSettings;
use crate::subject::Subject;
use crate::table::{Goal, Measurement, Outcome};
use crate::world::block_on;

const LOCK: &str = include_str!("../../../../Cargo.lock");
const MIB: f64 = 1024.0 * 1024.0;
const BINARY_MIB: f64 = 32.0;
const REQUESTS: f64 = 6.0;
const PAGE_KB: f64 = 150.0;

/// The requests of a page and their bytes on the network, headers included.
const TRANSFERS: &str =
    "const all = ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind));
    return [all.length, all.reduce((sum, { transferSize }) => sum + transferSize, 0)]";
/// Removes the service worker, which browsers offer only over TLS.
const WITHOUT_WORKER: &str = "delete Navigator.prototype.serviceWorker;";
/// The page is complete once the form for signing in is shown.
const IS_SHOWN: &str = "document.querySelector('chinwag-chat')?.shadowRoot?.querySelector('form')";

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let bytes = std::fs::metadata(&settings.server)?.len() as f64;
    let packages = LOCK.lines().filter(|line| *line == "[[package]]").count() as f64;
    let (requests, page) = first_page(settings)?;
    let mut page = row("the first page, compressed", "KB", page / 1000.0, PAGE_KB);
    "with the heads of the answers, in English, without the service worker".clone_into(&mut page.note);
    Ok(vec![
        row("the server's program", "MiB", bytes / MIB, BINARY_MIB),
        Measurement::alone("W18: packages in Cargo.lock", "packages", vec![packages]),
        row("the first page", "requests", requests, REQUESTS),
        page,
    ])
}

fn row(what: &str, unit: &'static str, measured: f64, most: f64) -> Measurement {
    let row = Measurement::new(format!("W18: {what}"), unit, Goal::AtMost(1.0));
    Measurement { pairs: vec![(measured, most)], ..row }
}

/// The requests and bytes until a new browser shows the page.
fn first_page(settings: &RunSettings) -> Result<(f64, f64)> {
    let program = chinwag_testkit::process::Program::new(&settings.server);
    let subject = Subject::chinwag(&program)?;
    let url = format!("http://{}/", subject.address());
    let loaded = block_on(async {
        let tab = browser::blank("a visitor").await;
        let script = json!({ "source": WITHOUT_WORKER });
        tab.command("Page.addScriptToEvaluateOnNewDocument", script).await;
        tab.go(&url).await;
        tab.until(IS_SHOWN).await;
        tab.run(TRANSFERS).await
    })?;
    let number = |at: usize| loaded.get(at).and_then(Value::as_f64).context("the browser counts");
    Ok((number(0)?, number(1)?))
}
