//! The banner that a starting server prints to standard output: its address, the data folder, and the next steps.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;

use chinwag_http::PublicUrl;

/// The facts in a banner.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Banner<'a> {
    pub(crate) address: SocketAddr,
    /// Whether the server terminates TLS itself.
    pub(crate) tls: bool,
    /// The address that browsers use, if it is configured.
    pub(crate) public: Option<&'a PublicUrl>,
    pub(crate) data: &'a Path,
    /// The address of the database without its password, unless the database is in the data folder.
    pub(crate) database: Option<&'a str>,
    /// Whether callers without a credential count as the service.
    pub(crate) open: bool,
    /// Whether anyone may create an account.
    pub(crate) signup: bool,
    /// Whether the service key is stored in the data folder, so that `chinwag key` can print it.
    pub(crate) key_is_kept: bool,
}

impl Banner<'_> {
    /// Prints the banner. Errors are ignored: standard output may be closed.
    pub(crate) fn show(&self) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(self.text().as_bytes()).and_then(|()| out.flush());
    }

    fn text(&self) -> String {
        let (url, data) = (url(self.address, self.tls), self.data.display());
        let mut text = format!("\nChinwag {}\n\n", env!("CARGO_PKG_VERSION"));
        let mut row = |name: &str, what: &str| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {name:<10}{what}");
        };
        row("Address", &url);
        if self.address.ip().is_unspecified() {
            row("", "and at every other address of this machine");
        }
        match self.database {
            Some(database) => {
                row("Data", database);
                row("", &format!("{data} holds what this node keeps for itself"));
            }
            None => row("Data", &data.to_string()),
        }
        let public = self.public.map_or(url, |public| format!("{public}/"));
        if self.public.is_some() {
            row("Public", &public);
        }
        let enter = if self.signup { "sign up" } else { "sign in" };
        row("Next", &format!("open the address in a browser, and {enter}"));
        if self.key_is_kept {
            row("", &format!("chinwag key --data {}   shows the key for your services", quoted(self.data)));
        }
        row("", &format!("{public}docs/   the documentation"));
        if self.open {
            row("WARNING", open_warning(self.address));
        }
        text.push('\n');
        text
    }
}

/// The meaning of `--open` at an address.
pub(crate) fn open_warning(address: SocketAddr) -> &'static str {
    if address.ip().is_loopback() {
        "--open: every program on this machine may do everything without a key"
    } else {
        "--open: EVERYBODY WHO REACHES THIS ADDRESS MAY DO EVERYTHING WITHOUT A KEY. Listen on a private network only, or leave --open out"
    }
}

/// The server's URL for a browser.
fn url(address: SocketAddr, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    if address.ip().is_unspecified() {
        format!("{scheme}://localhost:{}/", address.port())
    } else {
        format!("{scheme}://{address}/")
    }
}

/// A path, quoted for a shell if necessary.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:=@%".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(address: &str, data: &str, open: bool) -> String {
        let address = address.parse().unwrap();
        let data = Path::new(data);
        Banner {
            address,
            tls: false,
            public: None,
            data,
            database: None,
            open,
            signup: true,
            key_is_kept: true,
        }
        .text()
    }

    #[test]
    fn a_database_that_is_elsewhere_is_named() {
        let (address, data, database) =
            ("127.0.0.1:8000".parse().unwrap(), Path::new("/d"), Some("postgres://ann:…@db/chat"));
        let public = "https://app.example/chinwag".parse().unwrap();
        let public = Some(&public);
        let text = Banner {
            address,
            tls: false,
            public,
            data,
            database,
            open: false,
            signup: true,
            key_is_kept: false,
        }
        .text();
        assert!(text.contains("  Public    https://app.example/chinwag/\n"), "{text}");
        assert!(text.contains("https://app.example/chinwag/docs/ "), "{text}");
        assert!(text.contains("  Data      postgres://ann:…@db/chat\n"), "{text}");
        assert!(text.contains("/d holds what this node keeps"), "{text}");
    }

    #[test]
    fn a_start_says_where_it_is_and_what_to_do_next() {
        let text = banner("127.0.0.1:8000", "/srv/chat data", false);
        assert!(text.contains("  Address   http://127.0.0.1:8000/\n"), "{text}");
        assert!(text.contains("  Data      /srv/chat data\n"), "{text}");
        assert!(text.contains("chinwag key --data '/srv/chat data' "), "{text}");
        assert!(text.contains("http://127.0.0.1:8000/docs/"), "{text}");
        assert!(!text.contains("WARNING"), "{text}");
    }

    #[test]
    fn a_server_open_to_a_network_is_warned_of_loudly() {
        let text = banner("0.0.0.0:8000", "/d", true);
        assert!(text.contains("http://localhost:8000/\n") && text.contains("EVERYBODY"), "{text}");
        assert!(!banner("[::1]:8000", "/d", true).contains("EVERYBODY"));
        assert!(banner("[::1]:8000", "/d", true).contains("http://[::1]:8000/"));
    }
}
