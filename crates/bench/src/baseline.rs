//! Bare servers as baselines: the same runtime, payloads and socket options as Chinwag, without storage, rights or
//! delivery guarantees.

pub(crate) mod fanout;
pub(crate) mod hook;
pub(crate) mod http;
pub(crate) mod journal;

use std::path::PathBuf;

use anyhow::Result;
use tokio::net::TcpListener;

/// A kind of bare server.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Baseline {
    /// Builds one frame and writes it to each receiver.
    Fanout {
        /// Appends each message to this new file, and waits for the disk, before receivers get it. Without, nothing is
        /// stored.
        #[arg(long)]
        journal: Option<PathBuf>,
    },
    /// Answers each path with the same bytes.
    Http {
        /// A file with, for each path in turn, a line with it, one with the status, one with the
        /// content's length, and the content.
        answers: PathBuf,
    },
}

/// Serves on a free port, which is printed, until it is killed.
pub(crate) fn run(baseline: &Baseline) -> Result<()> {
    crate::load::raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        match baseline {
            Baseline::Fanout { journal } => fanout::serve(listener, journal.as_deref()).await,
            Baseline::Http { answers } => http::serve(listener, answers).await,
        }
    })
}
