//! The memory limit of this process.

use std::fs::read_to_string;

/// The default where the system does not report its memory: a quarter of 2 GiB.
const QUARTER: usize = 512 * 1024 * 1024;

/// A quarter of the available memory, in bytes.
pub(crate) fn quarter() -> usize {
    available().map_or(QUARTER, |bytes| bytes / 4)
}

/// The memory of the machine, or the limit of this process's control group if that is lower. `None` if the system
/// does not report it.
fn available() -> Option<usize> {
    let machine = read_to_string("/proc/meminfo").ok().and_then(|text| total_of(&text));
    let group = read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    machine.into_iter().chain(group).min()
}

fn total_of(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.parse::<usize>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn total_is_read_in_kibibytes() {
        assert_eq!(total_of("MemFree: 1 kB\nMemTotal:       24689036 kB\n"), Some(24_689_036 * 1024));
        assert_eq!(total_of("MemTotal: much"), None);
    }
}
