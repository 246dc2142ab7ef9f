//! The Debian package, unpacked with dpkg: its program, settings and unit.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use chinwag_testkit::process::Program;
use tempfile::TempDir;

use crate::{dist, made, succeed};

fn dpkg_deb(args: &[&str], package: &Path, folder: Option<&Path>) -> String {
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.args(args).arg(package).args(folder);
    succeed(dpkg)
}

#[tokio::test]
async fn the_debian_package_has_a_program_that_serves() {
    let (packages, unpacked) = (dist("deb"), TempDir::new().expect("a temporary folder"));
    let package = made(packages.path(), ".deb");
    dpkg_deb(&["--extract"], &package, Some(unpacked.path()));
    let fields = dpkg_deb(&["--field"], &package, None);
    for field in ["Package: chinwag\n", &format!("Version: {}\n", env!("CARGO_PKG_VERSION"))] {
        assert!(fields.contains(field), "{fields}");
    }
    let file = |name: &str| unpacked.path().join(name);
    assert_eq!(file("usr/bin/chinwag").metadata().expect("the program").permissions().mode() & 0o777, 0o755);
    // Its settings and those of the unit are valid.
    let unit = fs::read_to_string(file("usr/lib/systemd/system/chinwag.service")).expect("the unit");
    let program = Program::new(file("usr/bin/chinwag"));
    let running = program.serve_with(|serve| {
        serve.env("CHINWAG_CONFIG", file("etc/chinwag/chinwag.toml"));
        for variable in unit.lines().filter_map(|line| line.strip_prefix("Environment=")) {
            let (name, value) = variable.split_once('=').expect("a variable");
            match name {
                "CHINWAG_CONFIG" => assert_eq!(value, "/etc/chinwag/chinwag.toml"),
                "CHINWAG_DATA" => assert_eq!(value, "/var/lib/chinwag"),
                _ => panic!("{name} in the unit"),
            }
        }
    });
    let listen = running.url().strip_prefix("http://").expect("http");
    assert_eq!(program.run(&["health", "--listen", listen]).code, Some(0));
    has_sound_scripts(&package);
}

fn has_sound_scripts(package: &Path) {
    let unpacked = TempDir::new().expect("a temporary folder");
    dpkg_deb(&["--control"], package, Some(unpacked.path()));
    for script in ["postinst", "prerm", "postrm"] {
        let mut sh = Command::new("sh");
        sh.arg("-n").arg(unpacked.path().join(script));
        succeed(sh);
        let mode = unpacked.path().join(script).metadata().expect("the script").permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
    }
    // Every file of the package belongs to root.
    let listed = dpkg_deb(&["--contents"], package, None);
    assert!(listed.lines().all(|line| line.split_whitespace().nth(1) == Some("root/root")), "{listed}");
    assert!(
        listed.contains("./usr/bin/chinwag\n") && listed.contains("./etc/chinwag/chinwag.toml\n"),
        "{listed}"
    );
    assert_eq!(
        fs::read_to_string(unpacked.path().join("conffiles")).expect("a list"),
        "/etc/chinwag/chinwag.toml\n"
    );
}

#[test]
fn the_unit_is_hardened() {
    let unit = crate::root().join("deploy/debian/chinwag.service");
    let mut analyze = Command::new("systemd-analyze");
    // The threshold is 2.0 of 10; lower is better.
    analyze.args(["security", "--offline=yes", "--threshold=20"]).arg(unit);
    succeed(analyze);
}

/// The calls of postinst for the service, while systemd reports that the unit is in this state and not running.
fn asked_by_postinst(args: &[&str], state: &str) -> String {
    let folder = TempDir::new().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let asked = at("asked").display().to_string();
    for (program, does) in [
        ("getent", "true".to_owned()),
        ("deb-systemd-helper", "true".to_owned()),
        ("deb-systemd-invoke", format!("echo $* >>{asked}")),
        ("systemctl", format!("case $1 in is-enabled) echo {state}; exit 1;; --quiet) exit 3;; esac")),
    ] {
        fs::write(at(program), format!("#!/bin/sh\n{does}\n")).expect("a program");
        fs::set_permissions(at(program), fs::Permissions::from_mode(0o755)).expect("it can be run");
    }
    let script = fs::read_to_string(crate::root().join("deploy/debian/postinst")).expect("the script");
    let script = script.replace("/run/systemd/system", &folder.path().display().to_string());
    let mut sh = Command::new("sh");
    sh.args(["-c", &script, "postinst"]).args(args);
    sh.env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()));
    succeed(sh);
    fs::read_to_string(asked).unwrap_or_default()
}

#[test]
fn package_that_comes_back_starts_its_service_again() {
    let upgraded = ["configure", "0.1.0"];
    assert_eq!(asked_by_postinst(&upgraded, "masked"), "start chinwag.service\n", "as its removal leaves it");
    assert_eq!(asked_by_postinst(&upgraded, "enabled"), "", "an upgrade of a service that was stopped");
}

#[test]
fn removal_that_fails_starts_the_service_again() {
    assert_eq!(asked_by_postinst(&["abort-remove"], "enabled"), "start chinwag.service\n");
    assert_eq!(asked_by_postinst(&["abort-upgrade", "0.2.0"], "enabled"), "", "an upgrade stops nothing");
}
