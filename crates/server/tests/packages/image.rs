//! The container image, unpacked like a runtime does, and its program in a root with nothing but the layer.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use chinwag_testkit::process::{Running, finish};
use chinwag_testkit::wait::Wait;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::{BINARY, dist, made, succeed};

/// Creates a certificate authority, a certificate signed by it, and a key set (the example of RFC 8037).
const CERTIFICATES: &str = r#"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=authority \
  -addext basicConstraints=critical,CA:TRUE -keyout authority.key -out authority.pem 2>openssl.log
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=server -keyout server.key -out server.csr 2>openssl.log
echo subjectAltName=IP:127.0.0.1 > extensions
openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 -extfile extensions \
  -out server.pem 2>openssl.log
echo '{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}' > keys.json
"#;

/// An unpacked image.
struct Image {
    folder: TempDir,
}

impl Image {
    fn new() -> Self {
        let (packages, folder) = (dist("image"), TempDir::new().expect("a temporary folder"));
        unpack(&made(packages.path(), ".oci.tar"), folder.path(), "-xf");
        Self { folder }
    }

    fn json(&self, path: &str) -> Value {
        let text = fs::read_to_string(self.folder.path().join(path)).expect("the image has it");
        serde_json::from_str(&text).expect("it is JSON")
    }

    /// The path of a blob, whose content is checked against its digest.
    fn blob(&self, described: &Value) -> String {
        let digest = described["digest"].as_str().expect("a digest");
        let path = format!("blobs/{}", digest.replace(':', "/"));
        let bytes = fs::read(self.folder.path().join(&path)).expect("the image has the blob");
        assert_eq!(format!("sha256:{}", hex(&bytes)), digest);
        assert_eq!(described["size"], bytes.len());
        path
    }
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn unpack(archive: &Path, folder: &Path, how: &str) {
    let mut tar = Command::new("tar");
    tar.arg("--numeric-owner").arg(how).arg(archive).arg("-C").arg(folder);
    succeed(tar);
}

#[test]
fn the_program_of_the_image_serves_in_its_own_root() {
    let image = Image::new();
    assert_eq!(image.json("oci-layout")["imageLayoutVersion"], "1.0.0");
    let manifest = image.json(&image.blob(&image.json("index.json")["manifests"][0]));
    let config = image.json(&image.blob(&manifest["config"]));
    let settings = &config["config"];
    assert_eq!((&settings["User"], &settings["Entrypoint"][0]), (&json!("65532:65532"), &json!("/chinwag")));
    assert_eq!(settings["Healthcheck"]["Test"], json!(["CMD", "/chinwag", "health"]));
    let layer = image.folder.path().join(image.blob(&manifest["layers"][0]));
    let mut gunzip = Command::new("sh");
    gunzip.args(["-c", "gzip -dc \"$1\" | sha256sum", "sh"]).arg(&layer);
    let content = succeed(gunzip);
    let content = content.split(' ').next().expect("a hash");
    assert_eq!(config["rootfs"]["diff_ids"], json!([format!("sha256:{content}")]));
    serves_in_its_root(&layer, &settings["Env"]);
}

/// Runs the program in a root with only the layer, as the image's user.
fn serves_in_its_root(layer: &Path, variables: &Value) {
    let root = TempDir::new().expect("a temporary folder");
    unpack(layer, root.path(), "-xzf");
    if fs::metadata(root.path()).expect("the root").uid() != 0 {
        println!("only root may change its root: nothing was tried");
        return;
    }
    // A runtime makes the root readable for everyone; a temporary folder is private.
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).expect("the folder is ours");
    add_libraries(root.path());
    for folder in ["data", "files", "tmp"] {
        let owner = fs::metadata(root.path().join(folder)).expect("the image has it").uid();
        assert_eq!(owner, 65532, "{folder}");
    }
    let run = |args: &[&str]| {
        // The image's variables do not include a path to `chroot`.
        let mut chroot = Command::new("/usr/sbin/chroot");
        chroot.arg("--userspec=65532:65532").arg(root.path()).arg("/chinwag").args(args).env_clear();
        for variable in variables.as_array().expect("variables") {
            let (name, value) = variable.as_str().and_then(|text| text.split_once('=')).expect("a variable");
            chroot.env(name, value);
        }
        chroot.env("CHINWAG_STORE__RESERVE", "0").stdin(Stdio::null());
        chroot
    };
    let running = Running::start(run(&["serve", "--listen", "127.0.0.1:0"]));
    let listen = running.url().strip_prefix("http://").expect("http").to_owned();
    succeed(run(&["health", "--listen", &listen]));
    assert_eq!(running.stop().code, Some(0));
    assert!(root.path().join("data/chinwag.db").is_file());
    calls_by_tls(root.path(), run);
    // A volume owned by root: the error names the folder and the required user.
    chown(root.path().join("data"), Some(0), Some(0)).expect("this is root");
    let output = finish(run(&["serve", "--listen", "127.0.0.1:0"]), "");
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("/data") && output.stderr.contains("65532"), "{}", output.stderr);
}

/// Fetches keys over TLS with the image's certificate authorities, or with those of a file named by a variable.
fn calls_by_tls(root: &Path, run: impl Fn(&[&str]) -> Command) {
    let folder = TempDir::new().expect("a temporary folder");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let mut make = Command::new("sh");
    make.args(["-euc", CERTIFICATES]).current_dir(folder.path());
    succeed(make);
    let mut serve = Command::new("openssl");
    serve.args(["s_server", "-WWW", "-quiet", "-cert", "server.pem", "-key", "server.key", "-accept"]);
    serve.arg(format!("127.0.0.1:{port}")).current_dir(folder.path());
    let serving =
        TlsServer(serve.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("openssl starts"));
    let wait = Wait::begin();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        wait.step_blocking(|| "openssl does not listen");
    }
    fs::copy(folder.path().join("authority.pem"), root.join("authority.pem")).expect("the root is ours");
    let check = |authorities: Option<&str>| {
        let mut check = run(&["check", "--listen", "127.0.0.1:0"]);
        check.env("CHINWAG_AUTH__JWT__JWKS", format!("https://127.0.0.1:{port}/keys.json"));
        check.envs(authorities.map(|file| ("SSL_CERT_FILE", file)));
        let output = finish(check, "");
        output.stdout + &output.stderr
    };
    let own = check(Some("/authority.pem"));
    assert!(own.contains("the JWKS ("), "{own}");
    let public = check(None);
    assert!(public.contains("auth.jwt.jwks: ") && !public.contains("the JWKS ("), "{public}");
    drop(serving);
}

/// A process that is killed on drop.
struct TlsServer(Child);

impl Drop for TlsServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = (self.0.kill(), self.0.wait());
    }
}

/// A release's program is static; the one under test needs this machine's libraries.
fn add_libraries(root: &Path) {
    let mut ldd = Command::new("ldd");
    ldd.arg(BINARY);
    let listed = succeed(ldd);
    for library in listed.split_whitespace().filter(|word| word.starts_with('/')) {
        let to = root.join(library.trim_start_matches('/'));
        fs::create_dir_all(to.parent().expect("a folder")).expect("the folder is ours");
        fs::copy(library, to).expect("the library can be copied");
    }
}
