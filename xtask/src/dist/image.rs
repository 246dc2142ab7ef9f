//! The container image as an archive in the OCI layout, built without a daemon. It contains only the static
//! program and the certificates of public authorities.

use std::env::consts::ARCH;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{DistPaths, VERSION, archive, program};

/// The container's user id, which has no account on the host.
const USER: u32 = 65532;
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Makes `chinwag-VERSION-ARCHITECTURE.oci.tar`.
pub(super) fn make(places: &DistPaths) -> Result<PathBuf> {
    let stage = places.out.join("image");
    archive::empty(&stage)?;
    let (layer, content) = layer(places, &stage)?;
    let layout = Layout::new(stage.join("layout"))?;
    let config = layout.add(CONFIG, config(&content).to_string().as_bytes())?;
    let layer = layout.add(LAYER, &layer)?;
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
    let mut manifest = layout.add(MANIFEST, manifest.to_string().as_bytes())?;
    manifest["platform"] = json!({"architecture": program::architecture(), "os": "linux"});
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": VERSION});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]});
    fs::write(layout.folder.join("index.json"), index.to_string())?;
    fs::write(layout.folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    let made = places.out.join(format!("chinwag-{VERSION}-{}.oci.tar", program::architecture()));
    archive::pack(&layout.folder, &["oci-layout", "index.json", "blobs"], &made, false)?;
    Ok(made)
}

/// The single layer, compressed, and the digest of its uncompressed content.
fn layer(places: &DistPaths, stage: &Path) -> Result<(Vec<u8>, String)> {
    let root = stage.join("root");
    for folder in ["etc/ssl/certs", "data", "files", "tmp"] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::copy(program::path(places)?, root.join("chinwag"))?;
    let certificates = Path::new("/").join(CERTIFICATES);
    archive::copy(&certificates, &root.join(CERTIFICATES))
        .context("the package ca-certificates brings it")?;
    fs::write(root.join("etc/passwd"), format!("chinwag:x:{USER}:{USER}::/data:/chinwag\n"))?;
    fs::write(root.join("etc/group"), format!("chinwag:x:{USER}:\n"))?;
    let tar = stage.join("layer.tar");
    archive::pack(&root, &["chinwag", "etc"], &tar, false)?;
    // Only these folders belong to the container's user.
    let mut append = Command::new("tar");
    append.args(["--sort=name", "--mtime=@0", "--numeric-owner", "--format=ustar", "--mode=700"]);
    append.arg(format!("--owner={USER}")).arg(format!("--group={USER}"));
    append
        .arg("--directory")
        .arg(&root)
        .arg("--append")
        .arg("--file")
        .arg(&tar)
        .args(["data", "files", "tmp"]);
    archive::run(&mut append)?;
    let content = digest(&fs::read(&tar)?);
    archive::run(Command::new("gzip").arg("-n").arg(&tar))?;
    Ok((fs::read(stage.join("layer.tar.gz"))?, content))
}

fn config(content: &str) -> Value {
    let mut config = json!({
        "architecture": program::architecture(),
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "User": format!("{USER}:{USER}"),
            "Entrypoint": ["/chinwag"],
            "Cmd": ["serve"],
            "Env": ["CHINWAG_LISTEN=0.0.0.0:8000", "CHINWAG_DATA=/data", "PATH=/"],
            "ExposedPorts": {"8000/tcp": {}},
            "Volumes": {"/data": {}},
            "WorkingDir": "/data",
            "StopSignal": "SIGTERM",
            // Durations in nanoseconds. Docker and Podman use this; Kubernetes has its own probes.
            "Healthcheck": {
                "Test": ["CMD", "/chinwag", "health"],
                "Interval": 30_000_000_000_u64, "Timeout": 10_000_000_000_u64, "StartPeriod": 30_000_000_000_u64, "Retries": 3,
            },
            "Labels": {
                "org.opencontainers.image.title": "chinwag",
                "org.opencontainers.image.version": VERSION,
                "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [content]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "cargo xtask dist image"}],
    });
    if ARCH == "aarch64" {
        config["variant"] = json!("v8");
    }
    config
}

/// The folder of an image.
struct Layout {
    folder: PathBuf,
}

impl Layout {
    fn new(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(folder.join("blobs/sha256"))?;
        Ok(Self { folder })
    }

    /// Stores bytes under their digest; returns their descriptor.
    fn add(&self, kind: &str, bytes: &[u8]) -> Result<Value> {
        let digest = digest(bytes);
        fs::write(self.folder.join("blobs").join(digest.replace(':', "/")), bytes)?;
        Ok(json!({"mediaType": kind, "digest": digest, "size": bytes.len()}))
    }
}

/// `sha256:` and the hash.
fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(bytes))
}

/// The SHA-256 hash in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all");
        text
    })
}
