//! The persistent state of ACME in the data folder: account, certificate and attempts.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chinwag_core::Date;
use chinwag_core::path::folder_of;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::NamedTempFile;

use super::options::AcmeOptions;
use crate::network::tls_keys::{self, Validity};

/// The backoff after the first failure. Each further failure multiplies it by [`PAUSE_GROWTH`].
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const PAUSE_GROWTH: u32 = 4;
/// The longest backoff.
const LONGEST_PAUSE: Duration = Duration::from_secs(12 * 3600);
/// The longest pause accepted from an authority.
const LONGEST_ASKED: Duration = Duration::from_secs(7 * 86400);

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct AcmeState {
    /// The directory of the authority to which account and certificate belong.
    directory: String,
    /// The requested names.
    names: Vec<String>,
    /// The account's credentials.
    pub(super) account: Option<Value>,
    pub(super) certificate: Option<IssuedCertificate>,
    /// Attempts since the last certificate, including one in progress.
    pub(super) failures: u32,
    pub(super) problem: Option<String>,
    /// The earliest time of the next attempt, in microseconds since 1970.
    not_before: i64,
}

/// A certificate with its key, both in PEM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct IssuedCertificate {
    pub(super) names: Vec<String>,
    pub(super) chain: String,
    pub(super) key: String,
}

impl IssuedCertificate {
    pub(super) fn pair(&self) -> Result<Arc<CertifiedKey>, String> {
        tls_keys::made_pair(&self.chain, &self.key)
    }

    pub(super) fn validity(&self) -> Option<Validity> {
        tls_keys::validity(&CertificateDer::from_pem_slice(self.chain.as_bytes()).ok()?)
    }

    /// A third of the validity period, and the moment when two thirds have passed.
    fn renewal(&self) -> Option<(Duration, i64)> {
        let Validity { from, until } = self.validity()?;
        let third = (until.micros() - from.micros()) / 3;
        Some((Duration::from_micros(u64::try_from(third).ok()?), until.micros() - third))
    }
}

impl AcmeState {
    /// Loads the state from a file, if it belongs to the configured authority. An unreadable file counts as empty: a
    /// server without a certificate is better than no server.
    pub(super) fn load(options: &AcmeOptions) -> Self {
        let file = options.file.display();
        let kept: Self = match fs::read(&options.file).map(|text| serde_json::from_slice(&text)) {
            Ok(Ok(kept)) => kept,
            Ok(Err(why)) => {
                tracing::error!(%file, %why, "the account and the certificate cannot be read");
                Self::default()
            }
            Err(why) => {
                if why.kind() != ErrorKind::NotFound {
                    tracing::error!(%file, %why, "the account and the certificate cannot be read");
                }
                Self::default()
            }
        };
        let directory = options.directory.to_string();
        if kept.directory != directory {
            return Self { directory, names: options.names.clone(), ..Self::default() };
        }
        if kept.names == options.names {
            return kept;
        }
        // Failures for other names do not count for these.
        Self { names: options.names.clone(), failures: 0, problem: None, not_before: 0, ..kept }
    }

    /// Replaces the file atomically. Only the owner may read it.
    pub(super) fn save(&self, file: &Path) -> io::Result<()> {
        let folder = folder_of(file);
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut draft = NamedTempFile::new_in(folder)?;
        draft.write_all(&serde_json::to_vec_pretty(self)?)?;
        draft.as_file().sync_all()?;
        draft.persist(file)?;
        // Sync the rename as well: otherwise a loss of power could restore the previous state.
        File::open(folder)?.sync_all()
    }

    /// The time of the next attempt: immediately without a certificate for these names, else when two thirds of its
    /// validity have passed; never before `not_before`.
    pub(super) fn next(&self) -> Date {
        let issued = self.certificate.as_ref().filter(|issued| issued.names == self.names);
        let due = issued.and_then(IssuedCertificate::renewal).map_or(0, |(_, moment)| moment);
        Date::from_micros(due.max(self.not_before))
    }

    /// Ends a wait that is longer than any wait that can begin now: the clock was ahead when it began.
    pub(super) fn drop_long_wait(&mut self, now: Date) {
        let longest = match &self.certificate {
            Some(issued) if self.failures == 0 => wait_after(issued),
            _ => LONGEST_ASKED,
        };
        if self.not_before > now.plus(longest).micros() {
            self.not_before = now.micros();
        }
    }

    /// Records an attempt before it is made, so that it counts as failed if the process dies.
    pub(super) fn begin(&mut self, now: Date) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.plus(pause(self.failures)).micros();
    }

    /// Stores a new certificate. The next attempt is at least a third of the validity away, so that a wrong clock
    /// does not cause a renewal loop.
    pub(super) fn succeed(&mut self, issued: IssuedCertificate, now: Date) {
        self.not_before = now.plus(wait_after(&issued)).micros();
        (self.failures, self.problem, self.certificate) = (0, None, Some(issued));
    }

    /// Records the reason of a failure, and backs off for at least as long as the authority requests.
    pub(super) fn fail(&mut self, problem: String, asked: Option<Duration>, now: Date) {
        self.problem = Some(problem);
        let wait = asked.unwrap_or_default().min(LONGEST_ASKED).max(pause(self.failures));
        self.not_before = now.plus(wait).micros();
    }
}

/// The minimum pause after a certificate was issued.
fn wait_after(issued: &IssuedCertificate) -> Duration {
    issued.renewal().map_or(LONGEST_PAUSE, |(third, _)| third)
}

fn pause(failures: u32) -> Duration {
    let growth = PAUSE_GROWTH.saturating_pow(failures.saturating_sub(1));
    FIRST_PAUSE.saturating_mul(growth).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    const NAME: &str = "chat.example";
    const DAY: Duration = Duration::from_secs(86400);

    fn options(folder: &Path) -> AcmeOptions {
        let directory = "https://ca.example/directory".parse().expect("an address");
        AcmeOptions { names: vec![NAME.into()], directory, file: folder.join("acme/state.json") }
    }

    /// A certificate that is valid from May 1 to July 30, 90 days.
    fn issued() -> IssuedCertificate {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([NAME.to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (date_time_ymd(2026, 5, 1), date_time_ymd(2026, 7, 30));
        let cert = params.self_signed(&key).expect("a certificate");
        IssuedCertificate { names: vec![NAME.into()], chain: cert.pem(), key: key.serialize_pem() }
    }

    fn date(text: &str) -> Date {
        Date::parse(text).expect("a date")
    }

    #[test]
    fn failures_wait_longer_and_as_long_as_the_authority_asks() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = options(folder.path());
        let mut state = AcmeState::load(&options);
        let mut now = date("2026-05-01T00:00:00Z");
        assert!(state.next() <= now, "the first attempt is due");
        let refused = || "refused".to_owned();
        for minutes in [1, 4, 16, 64, 256, 720, 720, 720] {
            state.begin(now);
            let begun = state.clone();
            state.fail(refused(), None, now);
            for noted in [&begun, &state] {
                let wait = noted.next().micros() - now.micros();
                assert_eq!(wait, minutes * 60_000_000, "{minutes} min");
            }
            now = state.next();
        }
        for (asked, waited) in [(DAY, DAY), (30 * DAY, 7 * DAY), (Duration::ZERO, LONGEST_PAUSE)] {
            state.fail(refused(), Some(asked), now);
            assert_eq!(state.next(), now.plus(waited));
        }
        state.save(&options.file).expect("it is saved");
        assert_eq!(AcmeState::load(&options), state, "a restart forgets no failure");
        let other = AcmeOptions { names: vec!["other.example".into()], ..options.clone() };
        assert!(AcmeState::load(&other).next() <= now, "other names are tried at once");
    }

    #[test]
    fn certificate_is_renewed_after_two_thirds_of_its_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = options(folder.path());
        let mut state = AcmeState::load(&options);
        state.begin(date("2026-05-01T00:00:00Z"));
        state.succeed(issued(), date("2026-05-01T00:00:00Z"));
        assert_eq!(state.next(), date("2026-06-30T00:00:00Z"));
        assert_eq!((state.failures, &state.problem), (0, &None));
        state.save(&options.file).expect("it is saved");
        assert_eq!(AcmeState::load(&options), state);
        // If the clock is a year ahead, the certificate is expired when it arrives.
        state.succeed(issued(), date("2027-05-01T00:00:00Z"));
        assert_eq!(state.next(), date("2027-05-31T00:00:00Z"));
    }

    #[test]
    fn wait_that_began_under_a_clock_ahead_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut state = AcmeState::load(&options(folder.path()));
        let (ahead, now) = (date("2027-05-01T00:00:00Z"), date("2026-06-01T00:00:00Z"));
        state.succeed(issued(), ahead);
        state.drop_long_wait(ahead);
        assert_eq!(state.next(), date("2027-05-31T00:00:00Z"), "the wait is a usual one");
        state.drop_long_wait(now);
        assert_eq!(state.next(), date("2026-06-30T00:00:00Z"), "two thirds of the time");
        state.begin(ahead);
        state.fail("refused".into(), Some(7 * DAY), ahead);
        state.drop_long_wait(ahead);
        assert_eq!(state.next(), ahead.plus(7 * DAY), "the authority asks for it");
        state.drop_long_wait(now);
        assert_eq!(state.next(), date("2026-06-30T00:00:00Z"));
    }

    #[test]
    fn state_of_another_authority_or_of_nobody_counts_as_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = options(folder.path());
        let mut state = AcmeState::load(&options);
        state.succeed(issued(), date("2026-05-01T00:00:00Z"));
        state.save(&options.file).expect("it is saved");
        let directory = "https://other.example/".parse().expect("an address");
        assert_eq!(AcmeState::load(&AcmeOptions { directory, ..options.clone() }).certificate, None);
        fs::write(&options.file, "{").expect("it is written");
        assert_eq!(AcmeState::load(&options).certificate, None);
    }
}
