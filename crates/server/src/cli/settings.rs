//! The settings that commands take as flags.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::Value;

use crate::config::variables::{self, CONFIG};
use crate::config::{Config, Flags, Problems, load};

/// The arguments of every command that reads the data folder.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DataArgs {
    /// The configuration file [default: `CHINWAG_CONFIG`, or ./chinwag.toml if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of the service key and the embedded database [default: ./chinwag-data]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// The database: postgres://…, or sqlite for the one in the data folder [default: sqlite]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// The arguments of `serve` and `check`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    place: DataArgs,
    /// The address and port to listen on; port 0 chooses a free one [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The Redis that connects several nodes: redis://…
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// Treat callers without a credential as the service; only for private networks
    #[arg(long)]
    open: bool,
    /// The URL of the host application that validates credentials
    #[arg(long, value_name = "URL")]
    validate_url: Option<String>,
}

impl DataArgs {
    /// Loads all layers of the configuration.
    pub(crate) fn load(&self) -> Result<Config> {
        Ok(load(&self.flags(), std::env::vars_os())?)
    }

    fn flags(&self) -> Flags {
        let data = self.data.as_deref().map(|data| ("data", Value::from(data)));
        let database = self.database.as_deref().map(|url| ("database", Value::from(url)));
        let file = self.config.clone().or_else(|| variables::given(CONFIG).map(PathBuf::from));
        Flags { file, settings: data.into_iter().chain(database).collect() }
    }
}

impl Settings {
    /// Loads all layers of the configuration.
    pub(crate) fn load(&self) -> Result<Config, Problems> {
        let mut flags = self.place.flags();
        let texts =
            [("listen", &self.listen), ("redis", &self.redis), ("auth.validate_url", &self.validate_url)];
        for (path, text) in texts {
            flags.settings.extend(text.as_deref().map(|text| (path, Value::from(text))));
        }
        flags.settings.extend(self.open.then(|| ("open", Value::from(true))));
        load(&flags, std::env::vars_os())
    }
}
