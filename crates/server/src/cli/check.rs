//! `chinwag check`: checks everything that a start needs, prints one line for each check, and says how to fix each
//! problem.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use chinwag_core::Clock;
use chinwag_core::clock::SystemClock;
use chinwag_http::auth::{jwt, oidc};
use chinwag_http::{AcmeStatus, trace};
use rustix::fs::{Access, access};

use super::backup::size;
use super::elapsed::Elapsed;
use super::serve::{bind, check_key_of};
use super::settings::Settings;
use super::stored_files::{self, StoredFiles};
use crate::banner::open_warning;
use crate::config::{Config, shown};
use crate::data::{Folder, given_key};
use crate::open_files::{self, OpenFileBounds};
use crate::upkeep::free_on_disk;
use crate::wire_up;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: Settings,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut report = Report::default();
    match args.settings.load() {
        Ok(config) => {
            ok("the configuration")?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.context("no runtime could be started")?.block_on(check(&config, &mut report))?;
            check_files(&config, &mut report)?;
        }
        Err(problems) => problems.iter().try_for_each(|problem| report.problem(problem))?,
    }
    match report.problems {
        0 => Ok(()),
        1 => bail!("there is one problem"),
        more => bail!("there are {more} problems"),
    }
}

async fn check(config: &Config, report: &mut Report) -> Result<()> {
    check_jwt(config, report).await?;
    check_provider(config, report).await?;
    check_collector(config, report).await?;
    check_tls(config, report)?;
    check_open_files(config, report)?;
    if !config.data.exists() {
        let above = nearest(&config.data);
        let shown = config.data.display();
        if access(above, Access::WRITE_OK).is_ok() {
            ok(&format!("the data folder {shown} will be created at the first start"))?;
        } else {
            report.problem(&format!(
                "the data folder {shown} cannot be created: create it and give it to this user, or name another with --data"
            ))?;
        }
        report.of(given_key())?;
        check_room(config, above, report)?;
        if check_links(config, report).await? {
            report.of(wire_up::claim(config).await)?;
        }
        return check_address(config, report).await;
    }
    let Some(folder) = report.of(Folder::open(&config.data))? else { return Ok(()) };
    let shown = folder.path().display();
    if access(folder.path(), Access::WRITE_OK).is_err() {
        return report
            .problem(&format!("the data folder {shown} cannot be written to: give it to this user"));
    }
    ok(&format!("the data folder {shown}"))?;
    if let Some((path, mode)) = folder.exposed() {
        let (path, right) = (path.display(), if path.is_dir() { "700" } else { "600" });
        report.problem(&format!("other users can access {path} (mode {mode:o}): chmod {right} {path}"))?;
    }
    let files = config.file_location().and_then(|location| location.folder(folder.path()));
    if let Some(Some(path)) = report.of(folder.misowned(files.as_deref()))? {
        let (path, of) = (path.display(), folder.path().display());
        report.problem(&format!(
            "{path} is closed to the owner of the data folder: chown -R --reference={of} {path}"
        ))?;
    }
    match report.of(folder.look_for_key())? {
        Some(true) => ok("the service key")?,
        Some(false) => ok("the service key will be created at the first start")?,
        None => {}
    }
    let may_claim = check_links(config, report).await?;
    check_room(config, folder.path(), report)?;
    if config.postgres().is_none() {
        check_database(config, &folder, report)?;
    }
    if folder.is_served() {
        return ok("a server runs on this folder: its address and store are in use");
    }
    if may_claim {
        report.of(wire_up::claim(config).await)?;
    }
    check_address(config, report).await
}

/// The nearest existing folder above a path that does not exist yet.
fn nearest(path: &Path) -> &Path {
    let above = path.ancestors().skip(1).find(|path| path.exists() || path.as_os_str().is_empty());
    above.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Checks the certificate, and the outcome of the last ACME order. Places no order.
fn check_tls(config: &Config, report: &mut Report) -> Result<()> {
    let Some(Some(acceptor)) = report.of(wire_up::tls(config))? else { return Ok(()) };
    let expires = acceptor.expires();
    let until = expires.map(|date| format!(", valid until {date}")).unwrap_or_default();
    let ended = expires.filter(|date| *date < SystemClock::default().now());
    match (acceptor.acme_status(), ended) {
        (None, Some(date)) => report
            .problem(&format!("tls.cert: the certificate was valid until {date}: replace it and its key")),
        (None, None) => ok(&format!("the certificate and the key of TLS{until}")),
        (Some(AcmeStatus { problem: Some(problem), failures, next, .. }), _) => report.problem(&format!(
            "tls.acme: no certificate was issued in {failures} attempts, and the next is at {next}: {problem}"
        )),
        (Some(AcmeStatus { expires: None, .. }), _) => {
            ok("a certificate will be requested at the start (tls.acme)")
        }
        (Some(AcmeStatus { next, .. }), _) => {
            ok(&format!("the certificate of tls.acme{until}, renewed at {next}"))
        }
    }
}

/// Compares the system's limit of open files with the settings.
fn check_open_files(config: &Config, report: &mut Report) -> Result<()> {
    match open_files::raise().and_then(|files| OpenFileBounds::of(config, files)) {
        None => Ok(()),
        Some(bounds) if bounds.is_few() => {
            report.problem(&format!("{bounds}: raise the hard limit (ulimit -Hn, LimitNOFILE)"))
        }
        Some(bounds) => ok(&bounds.to_string()),
    }
}

/// Compares the free space on the disk of the embedded store with `store.min_free`.
fn check_room(config: &Config, folder: &Path, report: &mut Report) -> Result<()> {
    let (Some(free), true) = (free_on_disk(folder), config.postgres().is_none()) else { return Ok(()) };
    if free >= config.store.min_free {
        return Ok(());
    }
    report.problem(&format!(
        "the disk of {} has {} of free room, less than store.min_free ({}): nothing new would be stored",
        folder.display(),
        size(free),
        size(config.store.min_free)
    ))
}

/// Verifies the whole database, also beside a running server. Changes nothing.
fn check_database(config: &Config, folder: &Folder, report: &mut Report) -> Result<()> {
    let (database, shown) = (folder.database(), folder.database().display().to_string());
    if !database.exists() {
        return match report.of(folder.require_finished())? {
            Some(()) => ok(&format!("the database {shown} will be created at the first start")),
            None => Ok(()),
        };
    }
    let length = fs::metadata(&database).map_or(0, |found| found.len());
    let mut elapsed = Elapsed::new(format!("checking the database {shown} ({})", size(length)));
    let checked = wire_up::backup::check(&database, move || elapsed.show());
    Elapsed::erase();
    match report.of(checked.map_err(Into::into))? {
        Some(()) => ok(&format!("the database {shown}"))?,
        None => return Ok(()),
    }
    if let Some(aside) = folder.aside() {
        let aside = aside.display();
        ok(&format!(
            "files that belong to no row are kept as long as {aside} is there: remove it once nobody needs it"
        ))?;
    }
    report.of(wire_up::names_fit(&database, config.users.name_case()).map_err(Into::into))?;
    if report.of(wire_up::dates_match(&database).map_err(Into::into))? == Some(false) {
        report.problem("the index of messages by date does not match the messages: restore a backup, and report this fault")?;
    }
    match report.of(wire_up::index_matches(&database).map_err(Into::into))? {
        Some(true) => ok("the search index"),
        Some(false) => report.problem(
            "the search index does not match the messages: stop the server and run chinwag search rebuild",
        ),
        None => Ok(()),
    }
}

/// Compares the files of the database with their storage. Changes nothing.
fn check_files(config: &Config, report: &mut Report) -> Result<()> {
    let Some(location) = config.file_location() else {
        return ok("files are off: nodes share no data folder, so set files.store to use them");
    };
    let Ok(folder) = Folder::open(&config.data) else { return Ok(()) };
    let Ok(Some(mut rows)) = stored_files::inspect(config, &folder) else {
        // The check of the database has reported the reason.
        return Ok(());
    };
    let Some(has_files) = report.of(stored_files::has_files(&mut *rows))? else { return Ok(()) };
    if let Some(path) = location.folder(folder.path())
        && (if has_files { wire_up::is_bare(&path) } else { !path.exists() })
    {
        let shown = path.display();
        return if has_files {
            report.problem(&wire_up::without_files(&path))
        } else if access(nearest(&path), Access::WRITE_OK).is_err() {
            report.problem(&format!(
                "the folder {shown} of the files cannot be created: create it and give it to this user, or name another as files.store"
            ))
        } else {
            ok(&format!("the folder {shown} of the files will be created at the start"))
        };
    }
    let checked =
        StoredFiles::configured(config, &folder).and_then(|files| stored_files::check(&files, &mut *rows));
    let Some(found) = report.of(checked)? else { return Ok(()) };
    let problems = found.problems();
    if problems.is_empty() {
        let files = if found.files == 1 { "1 file".to_owned() } else { format!("{} files", found.files) };
        return ok(&format!("the bytes of {files}"));
    }
    problems.iter().try_for_each(|problem| report.problem(problem))
}

/// Loads the host application's JWT keys, if any are configured.
async fn check_jwt(config: &Config, report: &mut Report) -> Result<()> {
    let Some(options) = report.of(config.auth.jwt.options())? else { return Ok(()) };
    if options.secret.is_some() {
        ok("the secret of JWTs (HS256)")?;
    }
    let Some(source) = options.jwks else { return Ok(()) };
    match jwt::check(source).await {
        Ok(algorithms) => ok(&format!("the JWKS ({algorithms})")),
        Err(why) => report.problem(&format!("auth.jwt.jwks: {why}")),
    }
}

/// Sends a request to the OpenID Connect provider, if one is configured.
async fn check_provider(config: &Config, report: &mut Report) -> Result<()> {
    let Some(options) = report.of(config.auth.oidc.options())?.flatten() else { return Ok(()) };
    let issuer = options.issuer.clone();
    let redirect = config.http.public_url().map_or_else(String::new, |url| {
        format!(", which must allow the redirect address {url}/oidc/callback/")
    });
    match oidc::check(options).await {
        Ok(algorithms) => ok(&format!("the provider {issuer} ({algorithms}){redirect}")),
        Err(why) => report.problem(&format!("auth.oidc.issuer: {issuer}: {why}")),
    }
}

/// Sends a request to the trace collector, if one is configured.
async fn check_collector(config: &Config, report: &mut Report) -> Result<()> {
    let Some(options) = config.traces.options() else { return Ok(()) };
    let shown = shown(options.url.as_str());
    let shown = shown.split(['?', '#']).next().unwrap_or_default();
    match trace::check(&options).await {
        Ok(()) => ok(&format!("the collector of traces {shown}")),
        Err(why) => report.problem(&format!("traces.otlp: {shown} takes no traces: {why}")),
    }
}

/// Checks the service key and the links to PostgreSQL and Redis. Changes nothing there. Returns whether the node may
/// try to claim a PostgreSQL: one is configured, and all links work.
async fn check_links(config: &Config, report: &mut Report) -> Result<bool> {
    report.of(check_key_of(config))?;
    let mut is_good = true;
    for link in wire_up::check_links(config).await {
        match report.of(link)? {
            Some(found) => ok(&found)?,
            None => is_good = false,
        }
    }
    Ok(is_good && config.postgres().is_some())
}

async fn check_address(config: &Config, report: &mut Report) -> Result<()> {
    let Some(listener) = report.of(bind(&config.listen).await)? else { return Ok(()) };
    let address = listener.local_addr().context("the listening address is not known")?;
    let open = if config.open { format!(" ({})", open_warning(address)) } else { String::new() };
    ok(&format!("the address {}{open}", config.listen))
}

fn ok(what: &str) -> Result<()> {
    super::say(&format!("ok       {what}"))
}

/// Counts the problems that were reported.
#[derive(Default)]
struct Report {
    problems: usize,
}

impl Report {
    fn problem(&mut self, what: &str) -> Result<()> {
        self.problems += 1;
        super::say(&format!("problem  {}", what.replace('\n', " ")))
    }

    /// Unwraps a result, or reports its error as a problem and returns `None`.
    fn of<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(why) => self.problem(&format!("{why:#}")).map(|()| None),
        }
    }
}
