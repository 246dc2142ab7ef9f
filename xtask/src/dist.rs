//! The packages for adopters, made in `target/dist/` by `cargo xtask dist`.

mod archive;
mod debian;
mod image;
mod npm;
mod program;
mod python;
mod release;
mod sbom;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::steps::Steps;
use crate::tools;

/// The version of all packages.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A product of `dist`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Package {
    Npm,
    Python,
    Program,
    Debian,
    Image,
    Sbom,
    Notes,
    /// The checksums of the others; must be last.
    Sums,
}

/// The package to make, and its destination.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DistOptions {
    /// A single package; all if absent.
    package: Option<Package>,
    /// The output folder; default `target/dist`.
    out: Option<PathBuf>,
    /// The program to pack; if absent, a static one is built.
    binary: Option<PathBuf>,
}

/// The source and output folders of a package.
struct DistPaths {
    root: PathBuf,
    out: PathBuf,
    binary: Option<PathBuf>,
}

impl Package {
    const ALL: &[(&str, Self)] = &[
        ("npm", Self::Npm),
        ("python", Self::Python),
        ("program", Self::Program),
        ("deb", Self::Debian),
        ("image", Self::Image),
        ("sbom", Self::Sbom),
        ("notes", Self::Notes),
        ("sums", Self::Sums),
    ];
}

impl DistOptions {
    /// Parses the arguments after `dist`.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = Self { package: None, out: None, binary: None };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--out" => options.out = Some(words.next().ok_or("--out needs a folder")?.into()),
                "--binary" => options.binary = Some(words.next().ok_or("--binary needs a file")?.into()),
                word => {
                    let known = Package::ALL.iter().find(|(name, _)| *name == word);
                    let (_, package) =
                        known.ok_or_else(|| format!("`{word}`: the packages are {}", names()))?;
                    options.package = Some(*package);
                }
            }
        }
        Ok(options)
    }
}

/// Makes the packages; returns whether all succeeded.
pub(crate) fn run(root: &Path, options: &DistOptions) -> Result<bool> {
    let out = options.out.clone().unwrap_or_else(|| tools::target(root).join("dist"));
    fs::create_dir_all(&out).with_context(|| format!("could not make {}", out.display()))?;
    let out = fs::canonicalize(&out)?;
    let places = DistPaths { root: root.to_owned(), out, binary: options.binary.clone() };
    let mut steps = Steps::new("dist");
    for (name, package) in Package::ALL {
        if options.package.is_none_or(|only| only == *package) {
            steps.run(name, || make(&places, *package));
        }
    }
    Ok(steps.finish())
}

fn make(places: &DistPaths, package: Package) -> Result<()> {
    let made = match package {
        Package::Npm => npm::make(places)?,
        Package::Python => python::make(places)?,
        Package::Program => program::make(places)?,
        Package::Debian => debian::make(places)?,
        Package::Image => image::make(places)?,
        Package::Sbom => sbom::make(places)?,
        Package::Notes => release::notes(places)?,
        Package::Sums => release::sums(places)?,
    };
    println!("{}", made.display());
    Ok(())
}

fn names() -> String {
    Package::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_and_its_folder_are_read() {
        let (out, binary) = (Some("there".into()), Some("this".into()));
        let options = DistOptions { package: Some(Package::Npm), out, binary };
        assert_eq!(DistOptions::parse(&["npm", "--out", "there", "--binary", "this"]), Ok(options));
        assert_eq!(DistOptions::parse(&[]), Ok(DistOptions { package: None, out: None, binary: None }));
        assert!(DistOptions::parse(&["rpm"]).unwrap_err().contains("`rpm`"));
        assert!(DistOptions::parse(&["--out"]).is_err());
    }
}
