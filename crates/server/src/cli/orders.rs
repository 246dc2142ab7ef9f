//! Executes orders of commands: in the running server, so that connected users see the effect at once, or on the
//! store if no server runs.

use anyhow::{Context, Result, bail};
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

use super::settings::DataArgs;
use crate::admin::{Order, OrderOutcome, carry_out};
use crate::config::Config;
use crate::data::Folder;
use crate::{control, wire_up};

/// The error for an outcome that does not match the order.
pub(super) const OTHER_VERSION: &str = "the running server is of another version: start it again";

/// The administration of a data folder. Sends orders to its running server, or executes them on its store.
pub(super) struct Orders {
    runtime: Runtime,
    config: Config,
    folder: Folder,
}

impl Orders {
    /// Opens a data folder, and creates it if `create` is set.
    pub(super) fn open(place: &DataArgs, create: bool) -> Result<Self> {
        let config = place.load()?;
        let is_elsewhere = config.postgres().is_some();
        let folder =
            if create || is_elsewhere { Folder::create(&config.data)? } else { Folder::open(&config.data)? };
        if !is_elsewhere {
            folder.require_database(create)?;
        }
        if folder.made() {
            eprintln!("chinwag: made the data folder {}", folder.path().display());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self { runtime: runtime.context("no runtime could be started")?, config, folder })
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn order(&self, order: Order) -> Result<OrderOutcome> {
        match self.runtime.block_on(self.hand_in(order))? {
            OrderOutcome::Refused(why) => bail!(why),
            outcome => Ok(outcome),
        }
    }

    async fn hand_in(&self, order: Order) -> Result<OrderOutcome> {
        let is_served = self.folder.is_served();
        if is_served && let Ok(stream) = UnixStream::connect(self.folder.socket()).await {
            return control::send(stream, &order).await;
        }
        let is_silent = is_served && self.config.redis.is_none();
        if order.changes() && (is_silent || wire_up::is_served_elsewhere(&self.config).await) {
            eprintln!(
                "chinwag: the running server cannot be informed: connected users see the change after reconnecting"
            );
        }
        let store = wire_up::command_store(&self.config, &self.folder).await?;
        let outcome = carry_out(&store.app, order).await;
        store.end().await;
        Ok(outcome)
    }
}
