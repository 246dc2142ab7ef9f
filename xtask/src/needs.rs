//! The programs that the tests require, and their installation.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// A program that tests start.
struct Need {
    /// Its name on the `PATH`.
    program: &'static str,
    /// The Debian package that contains it.
    package: &'static str,
    /// The tests that fail without it.
    why: &'static str,
}

const NEEDS: &[Need] = &[
    Need {
        program: "chromium",
        package: "chromium",
        why: "the tests of the client module in a browser with settings of its own",
    },
    Need {
        program: "chromium-headless-shell",
        package: "chromium-headless-shell",
        why: "the tests of the page and of the client module",
    },
    Need { program: "curl", package: "curl", why: "the README's tour" },
    Need { program: "jq", package: "jq", why: "the README's tour" },
    Need { program: "initdb", package: "postgresql", why: "the tests of the store on PostgreSQL" },
    Need { program: "nginx", package: "nginx", why: "the guides to proxies" },
    Need { program: "openssl", package: "openssl", why: "the tests of the link between nodes" },
    Need { program: "mypy", package: "mypy", why: "the types of the Python client" },
    Need { program: "node", package: "nodejs", why: "the package for npm" },
    Need { program: "npm", package: "npm", why: "the provider of OpenID Connect for the tests of the page" },
    Need { program: "pebble", package: "pebble", why: "the certificates that an authority issues" },
    Need { program: "promtool", package: "prometheus", why: "the alerts for Prometheus" },
    Need { program: "python3", package: "python3", why: "the README's tour, and the Python client" },
    Need { program: "redis-server", package: "redis-server", why: "the tests of many nodes" },
    Need { program: "strace", package: "strace", why: "the trials of the disk" },
    Need { program: "systemd-analyze", package: "systemd", why: "the unit of the Debian package" },
    Need { program: "tsc", package: "node-typescript", why: "the types of the client module" },
];

/// Ensures that every program is present. As root on a machine with apt-get, missing ones are installed;
/// otherwise the error names them and the way to install them.
pub(crate) fn require_programs() -> Result<()> {
    let missing = missing(NEEDS, is_there);
    if missing.is_empty() {
        println!("{}", NEEDS.iter().map(|need| need.program).collect::<Vec<_>>().join(", "));
        return Ok(());
    }
    if !(is_on_path("apt-get") && is_root()) {
        bail!("{}", advice(&missing));
    }
    install(&missing)?;
    let still = self::missing(NEEDS, is_there);
    ensure!(still.is_empty(), "apt-get succeeded, and yet {}", advice(&still));
    Ok(())
}

/// Whether a directory on the `PATH` has a program of this name.
pub(crate) fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Debian's folder for PostgreSQL's server programs by version, which are not on the `PATH`.
const POSTGRES: &str = "/usr/lib/postgresql";

fn is_there(program: &str) -> bool {
    let versions = std::fs::read_dir(POSTGRES).into_iter().flatten().flatten();
    is_on_path(program)
        || versions.into_iter().any(|version| version.path().join("bin").join(program).is_file())
}

fn missing(needs: &[Need], is_there: impl Fn(&str) -> bool) -> Vec<&Need> {
    needs.iter().filter(|need| !is_there(need.program)).collect()
}

fn advice(missing: &[&Need]) -> String {
    let line = |need: &&Need| {
        let Need { program, package, why } = need;
        format!("  {program}, for {why} (Debian package {package})\n")
    };
    let lines: String = missing.iter().map(line).collect();
    let packages = packages(missing).join(" ");
    format!(
        "these programs are missing:\n{lines}on Debian: sudo apt-get install --no-install-recommends {packages}"
    )
}

/// Each package once, even if it contains several missing programs.
fn packages(missing: &[&Need]) -> Vec<&'static str> {
    let mut packages: Vec<_> = missing.iter().map(|need| need.package).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn install(missing: &[&Need]) -> Result<()> {
    let packages = packages(missing);
    println!("installing {} with apt-get", packages.join(", "));
    apt_get(&["-qq", "update"])?;
    apt_get(&[&["-qq", "install", "-y", "--no-install-recommends"], &packages[..]].concat())
}

fn apt_get(args: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .context("could not start apt-get")?;
    ensure!(status.success(), "`apt-get {}` failed ({status})", args.join(" "));
    Ok(())
}

/// False if unknown.
fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_OF_ONE: &[Need] = &[
        Need { program: "saw", package: "tools", why: "cutting" },
        Need { program: "plane", package: "tools", why: "smoothing" },
    ];

    #[test]
    fn only_absent_programs_are_missing() {
        let missing = missing(TWO_OF_ONE, |program| program == "saw");
        assert_eq!(missing.iter().map(|need| need.program).collect::<Vec<_>>(), ["plane"]);
    }

    #[test]
    fn the_advice_names_each_program_and_each_package_once() {
        let advice = advice(&missing(TWO_OF_ONE, |_| false));
        assert!(advice.contains("saw, for cutting") && advice.contains("plane, for smoothing"), "{advice}");
        assert!(advice.ends_with("--no-install-recommends tools"), "{advice}");
    }

    #[test]
    fn every_path_has_a_shell() {
        assert!(is_on_path("sh"));
        assert!(!is_on_path("no-such-program"));
    }
}
