//! CPU affinity: the load and the server get one core each, so that they do not compete.

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Pins this thread to one core and reserves another for the server. Drop restores the affinity.
pub(crate) struct Cores {
    all: CpuSet,
    load: usize,
    server: usize,
}

impl Cores {
    /// Pins this thread, which drives the load, to its first core, and reserves the second for the server. They share a
    /// single core.
    pub(crate) fn split() -> Result<Self> {
        let all = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core));
        let load = cores.next().context("a thread may run somewhere")?;
        let parted = Self { all, load, server: cores.next().unwrap_or(load) };
        sched_setaffinity(None, &only(load))?;
        Ok(parted)
    }

    /// Whether the load and the server share a core.
    pub(crate) fn are_shared(&self) -> bool {
        self.load == self.server
    }

    /// Runs `work` on the server's core. Processes and threads that it starts stay there.
    pub(crate) fn on_server<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        sched_setaffinity(None, &only(self.server))?;
        let done = work();
        sched_setaffinity(None, &only(self.load))?;
        done
    }
}

impl Drop for Cores {
    fn drop(&mut self) {
        // This affinity was valid before.
        let _ = sched_setaffinity(None, &self.all);
    }
}

fn only(core: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(core);
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_comes_back_to_all_of_its_processors() {
        let before = sched_getaffinity(None).expect("it runs");
        let cores = Cores::split().expect("it runs");
        let during = cores.on_server(|| Ok(sched_getaffinity(None)?)).expect("it runs");
        assert!(during.is_set(cores.server) && during.count() == 1);
        assert!(sched_getaffinity(None).expect("it runs").is_set(cores.load));
        drop(cores);
        assert_eq!(sched_getaffinity(None).expect("it runs"), before);
    }
}
