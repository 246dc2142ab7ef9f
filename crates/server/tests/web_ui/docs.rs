//! The documentation at `/docs/`, as a reader uses it.

use chinwag_testkit::app::SERVICE_KEY;
use chinwag_testkit::browser::Key;
use serde_json::json;

use crate::Stage;
use crate::access::check_accessibility;
use crate::page::Page;

const SEARCH: &str = "Search the documentation";
const TOKEN: &str = "Token or service key for test requests. It is not stored. Without one, requests are made as the user who is signed in here.";

async fn reader(stage: &Stage, path: &str) -> Page {
    Page::open("reader", &format!("{}/docs/{path}", stage.app.url())).await
}

#[tokio::test]
async fn documentation_is_searched_and_read() {
    let stage = Stage::open().await;
    let (reader, mut violations) = (reader(&stage, "").await, Vec::new());
    reader.sees_title("Overview · Chinwag").await;
    reader.sees_in("Documentation", "Events, webhooks and bots").await;
    check_accessibility(&reader, "the first page", &mut violations).await;
    reader.fill(SEARCH, "xyzzy").await;
    reader.sees("Nothing was found.").await;
    reader.fill(SEARCH, "webhooks").await;
    reader.sees_in("Results", "Webhooks · Events, webhooks and bots").await;
    check_accessibility(&reader, "results", &mut violations).await;
    reader.key(Key::Enter).await;
    reader.sees_title("Events, webhooks and bots · Chinwag").await;
    reader.wait_for("be at the section", "return location.hash === '#webhooks'", json!([])).await;
    reader.resize(390, 800).await;
    let fits =
        "return document.documentElement.scrollWidth <= innerWidth && !document.getElementById('parts').open";
    reader.wait_for("fit a narrow screen", fits, json!([])).await;
    reader.press("Contents").await;
    reader.sees_in("Documentation", "Guarantees").await;
    assert_eq!(violations, [""; 0]);
    reader.reports_errors(&[]).await;
    reader.close().await;
}

#[tokio::test]
async fn plots_are_shown_with_their_texts() {
    let stage = Stage::open().await;
    let (reader, mut violations) = (reader(&stage, "performance/").await, Vec::new());
    let loaded = "const plots = [...document.images];
        return plots.length > 3 && plots.every((plot) => plot.complete && plot.naturalWidth > 0 && plot.alt)";
    reader.wait_for("show the plots", loaded, json!([])).await;
    check_accessibility(&reader, "the plots", &mut violations).await;
    reader.resize(390, 800).await;
    let fits = "return document.documentElement.scrollWidth <= innerWidth";
    reader.wait_for("fit a narrow screen", fits, json!([])).await;
    assert_eq!(violations, [""; 0]);
    reader.close().await;
}

#[tokio::test]
async fn reference_is_shown_for_a_malformed_fragment() {
    let stage = Stage::open().await;
    let reader = reader(&stage, "api/#%").await;
    let shown = "return document.querySelector('#operations details') !== null && document.getElementById('failure').hidden";
    reader.wait_for("see the reference", shown, json!([])).await;
    reader.close().await;
}

#[tokio::test]
async fn request_of_the_reference_is_tried() {
    let stage = Stage::open().await;
    let (reader, mut violations) = (reader(&stage, "api/").await, Vec::new());
    let open = "const found = [...document.querySelectorAll('details')].find((each) => {
            const summary = each.querySelector('summary');
            return summary.querySelector('.method')?.textContent === 'POST'
                && summary.querySelector('.path')?.textContent === '/api/v1/users/';
        });
        if (!found) return false;
        found.open = true;
        found.querySelector('.trial').open = true;
        return true;";
    reader.wait_for("open a request", open, json!([])).await;
    reader.sees("curl --request POST").await;
    reader.press("Send").await;
    reader.sees("401 Unauthorized").await;
    reader.fill(TOKEN, SERVICE_KEY).await;
    reader.fill("body", r#"{ "name": "cleo" }"#).await;
    reader.press("Send").await;
    reader.sees("201 Created").await;
    assert_eq!(stage.app.service().get("users/cleo/").await.ok(200)["name"], "cleo");
    check_accessibility(&reader, "a request", &mut violations).await;
    assert_eq!(violations, [""; 0]);
    reader.close().await;
}
