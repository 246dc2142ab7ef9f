//! Commands run by root on another user's data folder. Without root, files cannot be given away, and these
//! tests do nothing.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::Command;

use chinwag_testkit::process::finish;
use rustix::process::geteuid;

use crate::file_copies::sent_files;
use crate::program;

/// The user id of the server.
const OWNER: u32 = 1234;

/// Asserts that the owner owns a folder and everything in it. Returns the number of files.
fn assert_given(path: &Path) -> usize {
    let found = fs::metadata(path).expect("it is there");
    assert_eq!((found.uid(), found.gid()), (OWNER, OWNER), "{}", path.display());
    if found.is_file() {
        return 1;
    }
    fs::read_dir(path).expect("a folder").map(|entry| assert_given(&entry.expect("an entry").path())).sum()
}

#[tokio::test]
async fn files_that_root_writes_are_the_owners() {
    if !geteuid().is_root() {
        return;
    }
    let program = program();
    let running = program.serve();
    sent_files(&program, &running).await;
    assert_eq!(program.run(&["backup", "one"]).code, Some(0));
    assert_eq!(running.stop().code, Some(0));
    assert_eq!(fs::metadata(program.folder().join("one.files")).expect("a folder").uid(), 0);

    let at = |name: &str| program.folder().join(name);
    let location = format!("file://{}", at("outside/files").display());
    let of_owner = |mut command: Command| {
        command.env("CHINWAG_FILES__STORE", &location).env("CHINWAG_STORE__RESERVE", "65536");
        let output = finish(command, "");
        assert_eq!(output.code, Some(0), "{output:?}");
        output
    };
    for folder in ["theirs", "empty"] {
        fs::create_dir(at(folder)).expect("a folder");
        chown(at(folder), Some(OWNER), Some(OWNER)).expect("root may");
    }
    of_owner(program.command(&["user", "add", "zoe", "--no-password", "--data", "empty"]));
    assert!(assert_given(&at("empty")) >= 2, "the database and its reserve");
    of_owner(program.command(&["restore", "one", "--data", "theirs"]));
    assert!(assert_given(&at("theirs")) >= 1);
    assert_eq!(assert_given(&at("outside")), 3, "two files and a thumbnail");

    let check = ["check", "--data", "theirs", "--listen", "127.0.0.1:0"];
    of_owner(program.command(&check));
    chown(at("theirs/chinwag.db"), Some(0), Some(0)).expect("root may");
    let output = program.run(&check);
    assert!(output.stdout.contains("chinwag.db is closed to the owner of the data folder"), "{output:?}");
}
