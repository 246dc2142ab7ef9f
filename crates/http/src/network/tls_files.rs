//! A certificate and its key in the operator's files, which are reloaded when their content changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use super::tls_keys::{self, Pem, TlsKeys};

/// The polling interval for changes.
const RELOAD_EVERY: Duration = Duration::from_secs(2);

pub(super) struct TlsFiles {
    cert: PathBuf,
    key: PathBuf,
    /// The hash of the last content that was checked, valid or not.
    seen: Mutex<[u8; 32]>,
}

/// The content of both files.
struct PemFiles {
    cert: Vec<u8>,
    key: Vec<u8>,
}

impl PemFiles {
    fn read(cert: &Path, key: &Path) -> Result<Self, String> {
        let read =
            |path: &Path| fs::read(path).map_err(|why| format!("{} cannot be read: {why}", path.display()));
        Ok(Self { cert: read(cert)?, key: read(key)? })
    }

    /// The pair in the files, with their paths for errors.
    fn pair(&self, cert: &Path, key: &Path) -> Result<Arc<CertifiedKey>, String> {
        tls_keys::pair(
            &Pem { name: &cert.display(), content: &self.cert },
            &Pem { name: &key.display(), content: &self.key },
        )
    }

    fn hash(&self) -> [u8; 32] {
        let (cert, key) = (Sha256::digest(&self.cert), Sha256::digest(&self.key));
        Sha256::new().chain_update(cert).chain_update(key).finalize().into()
    }
}

impl TlsFiles {
    /// Loads the files. Returns the pair in them.
    pub(super) fn load(cert: PathBuf, key: PathBuf) -> Result<(Self, Arc<CertifiedKey>), String> {
        let files = PemFiles::read(&cert, &key)?;
        let pair = files.pair(&cert, &key)?;
        Ok((Self { cert, key, seen: Mutex::new(files.hash()) }, pair))
    }

    /// Reloads the files when their content changes, until the future is dropped.
    pub(super) async fn watch(self: &Arc<Self>, keys: &Arc<TlsKeys>) {
        loop {
            sleep(RELOAD_EVERY).await;
            let (files, keys) = (self.clone(), keys.clone());
            // The files may be on a slow disk.
            let _ = tokio::task::spawn_blocking(move || files.reload(&keys)).await;
        }
    }

    /// Switches to the pair in the files if it is a new one. An invalid pair, as between two writes, is logged once
    /// and tried again when the content changes.
    fn reload(&self, keys: &TlsKeys) {
        let files = match PemFiles::read(&self.cert, &self.key) {
            Ok(files) => files,
            Err(why) => {
                self.note([0; 32], &why);
                return;
            }
        };
        let content = files.hash();
        if *self.seen.lock().unwrap_or_else(PoisonError::into_inner) == content {
            return;
        }
        match files.pair(&self.cert, &self.key) {
            Ok(pair) => {
                keys.replace(pair);
                *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = content;
                tracing::info!("a new TLS certificate is in use");
            }
            Err(why) => self.note(content, &why),
        }
    }

    /// Logs why the current pair stays in use, once for each content.
    fn note(&self, content: [u8; 32], why: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen != content {
            *seen = content;
            tracing::error!(why, "the new TLS certificate cannot be used: the old one stays in use");
        }
    }
}
