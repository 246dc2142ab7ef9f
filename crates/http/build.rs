//! Packs the files that a release serves into one compressed archive: the page, the documents and their plots. A debug build reads
//! them from the repository, so that a change is seen at once.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::Compression;
use flate2::write::DeflateEncoder;

const ROOT: &str = "../..";
/// The folders of which every file is served.
const FOLDERS: [&str; 2] = ["web", "docs/plots"];
/// The list of the documents that are served.
const GUIDES: &str = "src/guides.rs";

fn main() {
    println!("cargo::rustc-check-cfg=cfg(packed)");
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("PROFILE").is_ok_and(|profile| profile == "debug") {
        return;
    }
    println!("cargo::rustc-cfg=packed");
    println!("cargo::rerun-if-changed={GUIDES}");
    let guides = fs::read_to_string(GUIDES).expect("the list of documents");
    let named = guides.split('"').map(PathBuf::from);
    let mut files: Vec<_> = named.filter(|path| path.extension().is_some_and(|kind| kind == "md")).collect();
    for folder in FOLDERS {
        println!("cargo::rerun-if-changed={ROOT}/{folder}");
        add_all(Path::new(folder), &mut files);
    }
    files.sort();
    let out = env::var_os("OUT_DIR").expect("cargo names the folder");
    let archive = fs::File::create(Path::new(&out).join("files")).expect("the archive can be made");
    let mut archive = DeflateEncoder::new(archive, Compression::best());
    for file in files {
        let name = file.to_str().expect("a name in UTF-8");
        println!("cargo::rerun-if-changed={ROOT}/{name}");
        let data = fs::read(Path::new(ROOT).join(&file)).unwrap_or_else(|why| panic!("{name}: {why}"));
        for part in [name.as_bytes(), &data] {
            let length = u32::try_from(part.len()).expect("less than 4 GiB");
            archive.write_all(&length.to_le_bytes()).expect("the archive can be written");
            archive.write_all(part).expect("the archive can be written");
        }
    }
    archive.finish().expect("the archive can be written");
}

/// Adds the files of a folder and of those in it.
fn add_all(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(Path::new(ROOT).join(folder)).expect("the folder can be read") {
        let entry = entry.expect("the folder can be read");
        let path = folder.join(entry.file_name());
        if entry.file_type().expect("its kind can be read").is_dir() {
            add_all(&path, files);
        } else {
            files.push(path);
        }
    }
}
