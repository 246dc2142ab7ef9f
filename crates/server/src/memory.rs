//! The memory limit of this process.

use std::fs::read_to_string;
use std::path::Path;

/// The default where the system does not report its memory: a quarter of 2 GiB.
const QUARTER: usize = 512 * 1024 * 1024;

/// A quarter of the available memory, in bytes.
pub(crate) fn quarter() -> usize {
    available().map_or(QUARTER, |bytes| bytes / 4)
}

/// The memory of the machine, or the limit of this process's control group, or of one above it, if that is lower.
/// `None` if the system does not report it.
fn available() -> Option<usize> {
    let machine = read_to_string("/proc/meminfo").ok().and_then(|text| total_of(&text));
    let groups = read_to_string("/proc/self/cgroup").ok();
    let group = groups.and_then(|groups| group_limit(&groups, Path::new("/sys/fs/cgroup")));
    machine.into_iter().chain(group).min()
}

/// The lowest limit of a process's control group and of those above it. `groups` is the process's list of groups, and
/// `root` the hierarchy of all groups (version 2). In a container the root is often the container's own group.
fn group_limit(groups: &str, root: &Path) -> Option<usize> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let limit = |group: &Path| read_to_string(root.join(group).join("memory.max")).ok()?.trim().parse().ok();
    Path::new(group).ancestors().filter_map(limit).min()
}

fn total_of(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.parse::<usize>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_is_the_lowest_of_the_groups_above() {
        let root = tempfile::tempdir().unwrap();
        let set = |group: &str, limit: &str| {
            let group = root.path().join(group);
            std::fs::create_dir_all(&group).unwrap();
            std::fs::write(group.join("memory.max"), format!("{limit}\n")).unwrap();
        };
        set("system.slice/chinwag.service", "max");
        assert_eq!(group_limit("0::/system.slice/chinwag.service\n", root.path()), None);
        set("system.slice", "3000");
        assert_eq!(group_limit("1:cpu:/\n0::/system.slice/chinwag.service\n", root.path()), Some(3000));
        set("system.slice/chinwag.service", "2000");
        assert_eq!(group_limit("0::/system.slice/chinwag.service\n", root.path()), Some(2000));
        set("", "1000");
        assert_eq!(group_limit("0::/\n", root.path()), Some(1000));
        assert_eq!(group_limit("4:memory:/x\n", root.path()), None);
    }

    #[test]
    fn total_is_read_in_kibibytes() {
        assert_eq!(total_of("MemFree: 1 kB\nMemTotal:       24689036 kB\n"), Some(24_689_036 * 1024));
        assert_eq!(total_of("MemTotal: much"), None);
    }
}
