//! Sign-in through a certified OpenID Connect provider: the npm package `oidc-provider` as a separate process,
//! installed by `cargo xtask test`.

use std::env;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use chinwag_http::auth::oidc::{ClientSecret, OidcOptions};
use serde_json::json;

use crate::Stage;
use crate::page::Page;

const SIGN_IN: &str = "Sign in with Example";

/// A provider, killed on drop. Its client is configured later.
struct ProviderProcess {
    child: Child,
    input: ChildStdin,
    lines: Option<Lines<BufReader<ChildStdout>>>,
    issuer: String,
}

impl Drop for ProviderProcess {
    fn drop(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
    }
}

impl ProviderProcess {
    fn start() -> Self {
        let mut command = Command::new("node");
        command.arg("provider.mjs").current_dir(folder()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().expect("node starts");
        let input = child.stdin.take().expect("it was piped");
        let mut lines = BufReader::new(child.stdout.take().expect("it was piped")).lines();
        let port = find_line(&mut lines, "port ");
        Self { child, input, lines: Some(lines), issuer: format!("http://127.0.0.1:{port}") }
    }

    fn options(&self) -> OidcOptions {
        OidcOptions {
            issuer: self.issuer.clone(),
            client_id: "chinwag".into(),
            secret: Some(ClientSecret("a secret: with & signs".into())),
            scopes: vec!["openid".into(), "profile".into()],
            claim: "preferred_username".into(),
            name: "Example".into(),
            pauses: (Duration::from_secs(30), Duration::ZERO),
        }
    }

    /// Sets the client's redirect URI, and waits until the provider serves.
    fn serve(&mut self, callback: &str) {
        writeln!(self.input, "{callback}").expect("it reads");
        let mut lines = self.lines.take().expect("it serves once");
        find_line(&mut lines, "ready");
        // Drain the output: a full pipe would block the provider.
        thread::spawn(move || lines.for_each(drop));
    }
}

/// The folder in which `cargo xtask test` installs the provider.
fn folder() -> PathBuf {
    let test = env::current_exe().expect("a test is a program");
    // target/debug/deps/test
    let folder = test.ancestors().nth(3).expect("the target").join("tools/provider");
    assert!(folder.join("provider.mjs").is_file(), "there is no provider: cargo xtask test installs it");
    folder
}

/// The remainder of the first line with this prefix.
fn find_line(lines: &mut Lines<BufReader<ChildStdout>>, begin: &str) -> String {
    let mut found = lines.map_while(Result::ok).filter_map(|line| Some(line.strip_prefix(begin)?.to_owned()));
    found.next().unwrap_or_else(|| panic!("the provider does not say {begin:?}"))
}

async fn open() -> (Stage, ProviderProcess) {
    let mut provider = ProviderProcess::start();
    let options = provider.options();
    let stage = Stage::with(|app| {
        app.http.oidc = Some(options);
        app.http.signup = false;
    })
    .await;
    provider.serve(&format!("{}/oidc/callback/", stage.app.url()));
    (stage, provider)
}

/// Waits until the browser is at the provider, signs in there, consents, and waits until the browser is back.
async fn sign_in_at_provider(page: &Page, name: &str) {
    let asks = "return document.querySelector('input[name=login]') !== null";
    page.wait_for("be at the provider", asks, json!([])).await;
    let script = "if (document.querySelector('chinwag-chat')) return true;
        const form = document.querySelector('form');
        if (!form || form.dataset.sent) return false;
        form.dataset.sent = 'true';
        if (form.elements.login) [form.elements.login.value, form.elements.password.value] = [arguments[0], 'any'];
        form.submit();
        return false";
    page.wait_for(&format!("come back from the provider as {name}"), script, json!([name])).await;
}

#[tokio::test]
async fn person_signs_in_through_the_provider_and_out() {
    let (stage, _provider) = open().await;
    let ann = stage.browser("ann").await;
    ann.sees("Sign in with your name and password").await;
    ann.press(SIGN_IN).await;
    sign_in_at_provider(&ann, "ann").await;
    ann.sees("Signed in as ann").await;
    ann.is_connected().await;
    ann.press("Your profile").await;
    ann.press("Sign out").await;
    ann.sees(SIGN_IN).await;
    ann.reload().await;
    ann.sees(SIGN_IN).await;
    // The URL names a conversation, which opens after the sign-in. The provider's own session still exists.
    let service = stage.app.service();
    service.user("bob").await;
    let group = json!({ "name": "The choir", "author": "bob", "members": ["ann"] });
    let group = service.post("groups/", group).await.ok(201);
    let id = group["id"].as_str().expect("an id");
    ann.run(&format!("location.hash = '{id}'")).await;
    ann.press(SIGN_IN).await;
    ann.sees("Signed in as ann").await;
    ann.sees_in("Conversation", "The choir").await;
    let place = ann.run("return location.href").await;
    assert_eq!(place, format!("{}/#{id}", stage.app.url()));
    ann.close().await;
}

#[tokio::test]
async fn person_whose_name_is_taken_chooses_another() {
    let (stage, _provider) = open().await;
    stage.app.service().user("ann").await;
    let ann = stage.browser("ann").await;
    ann.press(SIGN_IN).await;
    sign_in_at_provider(&ann, "ann").await;
    ann.sees("Example has identified you. Choose a name that nobody has here.").await;
    ann.wait_for("see the proposed name", "return field('Name').value === 'ann'", json!([])).await;
    ann.press("Continue").await;
    ann.sees("is taken").await;
    ann.fill("Name", "anna").await;
    ann.press("Continue").await;
    ann.sees("Signed in as anna").await;
    ann.is_connected().await;
    ann.close().await;
}

#[tokio::test]
async fn person_who_declines_at_the_provider_is_told() {
    let (stage, _provider) = open().await;
    let ann = stage.browser("ann").await;
    ann.press(SIGN_IN).await;
    let decline = "const link = document.querySelector('a[href$=\"/abort\"]');
        if (link && !link.dataset.sent) { link.dataset.sent = 'true'; link.click(); }
        return document.querySelector('chinwag-chat') !== null && !location.href.includes('/oidc/')
            && document.readyState === 'complete' && pageText().includes('did not sign you in')";
    ann.wait_for("be told after declining", decline, json!([])).await;
    let place = ann.run("return location.href").await;
    assert_eq!(place, format!("{}/", stage.app.url()), "the address is clean again");
    ann.press(SIGN_IN).await;
    sign_in_at_provider(&ann, "ann").await;
    ann.sees("Signed in as ann").await;
    ann.close().await;
}
