//! Variables that are no settings. An empty one counts as unset, as Compose passes those that nobody has set.

use std::ffi::OsString;

/// The path of the configuration file.
pub(crate) const CONFIG: &str = "CHINWAG_CONFIG";
/// The service key, which the nodes of a cluster share.
pub(crate) const SERVICE_KEY: &str = "CHINWAG_SERVICE_KEY";

pub(super) const ALL: [&str; 2] = [CONFIG, SERVICE_KEY];

/// The value of a variable.
pub(crate) fn given(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
