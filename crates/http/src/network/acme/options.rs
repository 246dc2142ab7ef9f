//! The settings of ACME.

use std::path::PathBuf;

use reqwest::Url;

/// The certificate to request.
#[derive(Debug, Clone)]
pub struct AcmeOptions {
    /// The DNS names in the certificate.
    pub names: Vec<String>,
    /// The ACME directory URL of the authority.
    pub directory: Url,
    /// The file for the account, the certificate and the attempts.
    pub file: PathBuf,
}

impl AcmeOptions {
    /// Parses the URL of a directory. The error completes a sentence that begins with the setting's name.
    pub fn parse_directory(text: &str) -> Result<Url, &'static str> {
        let url = text.parse::<Url>().ok().filter(|url| url.scheme() == "https");
        url.ok_or("must be the https address of the ACME directory of an authority")
    }
}
