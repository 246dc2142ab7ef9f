//! Environment variables that are not settings. An empty one counts as unset, because Compose passes unset variables so.

use std::ffi::OsString;

use anyhow::{Context, Result, anyhow};

/// The path of the configuration file.
pub(crate) const CONFIG: &str = "CHINWAG_CONFIG";
/// The service key, which the nodes of a cluster share.
pub(crate) const SERVICE_KEY: &str = "CHINWAG_SERVICE_KEY";
/// The address of the other database of `migrate`.
pub(crate) const MIGRATE_URL: &str = "CHINWAG_MIGRATE_URL";
/// The address of the database that `import django` reads.
pub(crate) const IMPORT_URL: &str = "CHINWAG_IMPORT_URL";

pub(super) const ALL: [&str; 4] = [CONFIG, SERVICE_KEY, MIGRATE_URL, IMPORT_URL];

/// The value of a variable.
pub(crate) fn given(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The address of a database from the command line, or from a variable. Other users of the machine can read a password on
/// the command line.
pub(crate) fn address(argument: Option<&str>, name: &str) -> Result<String> {
    if let Some(address) = argument {
        return Ok(address.to_owned());
    }
    let address = given(name).with_context(|| format!("name the address of the database, or set {name}"))?;
    address.into_string().map_err(|_| anyhow!("{name} is not text"))
}
