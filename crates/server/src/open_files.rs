//! The system's limit of open files. Each connection and each socket uses one, so the limit bounds these settings.

use std::fmt;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::config::Config;

/// Files reserved for the store, uploads and downloads, and outgoing connections.
const OTHERS: usize = 2048;
/// The limit below which `chinwag check` reports a problem.
const FEW: u64 = 1024;

/// Reduced bounds on connections and sockets, for a limit of open files that is too low for the settings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OpenFileBounds {
    files: u64,
    connections: usize,
    sockets: usize,
}

/// Raises the soft limit of open files to the hard limit. Returns the limit, if there is one.
pub(crate) fn raise() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    let had = limit.current;
    limit.current = limit.maximum;
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => limit.maximum,
        Err(why) => {
            tracing::warn!(error = %why, "the limit of open files stays as it is");
            had
        }
    }
}

impl OpenFileBounds {
    /// The reduced bounds if `files` are too few for the settings: a quarter for connections, the remainder for
    /// sockets.
    pub(crate) fn of(config: &Config, files: u64) -> Option<Self> {
        Self::within(files, config.http.connections, config.ws.sockets)
    }

    fn within(files: u64, connections: usize, sockets: usize) -> Option<Self> {
        let all = usize::try_from(files).unwrap_or(usize::MAX);
        let room = all - OTHERS.min(all / 4);
        if connections.saturating_add(sockets) <= room {
            return None;
        }
        let connections = connections.min((room / 4).max(room.saturating_sub(sockets)));
        Some(Self { files, connections, sockets: sockets.min(room - connections) })
    }

    /// Lowers the settings to the bounds. One address gets at most half of the connections.
    pub(crate) fn apply(&self, config: &mut Config) {
        let each = config.http.connections_per_address;
        config.http.connections = self.connections;
        config.http.connections_per_address = each.min(self.connections.div_ceil(2));
        config.ws.sockets = self.sockets;
    }

    /// Whether the limit is too low for a server.
    pub(crate) fn is_few(&self) -> bool {
        self.files < FEW
    }
}

impl fmt::Display for OpenFileBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, connections, sockets } = self;
        write!(
            f,
            "{files} files may be open, so that at most {connections} connections (http.connections) and {sockets} \
             sockets (ws.sockets) are taken"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_sockets_share_the_open_files() {
        let within = |files, connections, sockets| {
            let bounds = OpenFileBounds::within(files, connections, sockets)?;
            Some((bounds.connections, bounds.sockets))
        };
        assert_eq!(within(200_000, 50_000, 100_000), None);
        assert_eq!(within(20_000, 50_000, 100_000), Some((4488, 13_464)));
        assert_eq!(within(20_000, 50_000, 1000), Some((16_952, 1000)));
        assert_eq!(within(20_000, 100, 100_000), Some((100, 17_852)));
        assert_eq!(within(256, 50_000, 100_000), Some((48, 144)));
        assert_eq!(within(u64::MAX, 50_000, 100_000), None);
    }
}
