//! Temporary PostgreSQL servers: a shared one for all test processes of a machine, each with its own databases, and private
//! ones that a test can stop, kill and restart.
//!
//! The first process starts the shared server. It stops a few seconds after the last process has released its lock, also
//! after a crash. A private server stops when the test's process closes a pipe. When the tests run as root, the servers
//! run as another user, because PostgreSQL refuses root.

mod statement;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{StatVfs, statvfs};
use tempfile::TempDir;
use tokio_postgres::error::SqlState;

pub use self::statement::{Rows, ask, try_ask};
use self::statement::{administer, ask_once, retry_while_busy, try_administer};
use crate::wait::Wait;

/// Users for PostgreSQL where the tests run as root: the first one that exists.
const USERS: [&str; 2] = ["postgres", "nobody"];
/// Linux's in-memory file system, and the size from which it is used.
const IN_MEMORY: &str = "/dev/shm";
const LARGE: u64 = 4 << 30;

/// Settings without syncs.
const UNSYNCED: &str = "fsync = off\nfull_page_writes = off\n";

/// Runs the shared server until no process holds the lock.
const SHARED_KEEPER: &str = r#"exec 9<"$1"; shift; data=$1; shift
"$@" 9<&- & server=$!
while sleep 3 && kill -0 $server; do
    if flock -n -x 9; then kill -INT $server; wait $server; rm -rf "$data"; exit; fi
done"#;
/// Runs a server until its standard input closes.
const OWN_KEEPER: &str = r#""$@" </dev/null & server=$!; cat >/dev/null; kill -QUIT $server; wait $server"#;

/// The shared server and its lock, held from the first use until the process ends.
static SHARED: OnceLock<(SocketAddr, File)> = OnceLock::new();
/// A new database on the shared or a private server. Drop deletes it.
#[derive(Debug)]
pub struct Database {
    server: SocketAddr,
    name: String,
}

/// A private server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    keeper: Option<Child>,
    folder: TempDir,
}

impl Database {
    /// A new database.
    pub fn new() -> Self {
        Self::on(SHARED.get_or_init(shared).0, "")
    }

    /// A copy of a template database, which `fill` fills once for all test processes. The template's name identifies its
    /// content.
    pub async fn copy_of(template: &str, fill: impl AsyncFnOnce(&str)) -> Self {
        let server = SHARED.get_or_init(shared).0;
        let is_made = || {
            let sql = format!("SELECT 1 FROM pg_database WHERE datname = '{template}' AND NOT datallowconn");
            !administer(server, &sql).is_empty()
        };
        if !is_made() {
            let making = lock_file(&shared_folder().join("making"));
            making.lock().expect("a lock");
            if !is_made() {
                create(server, template, "");
                fill(&address(server, template)).await;
                // PostgreSQL copies a database only while nobody is connected to it.
                administer(server, &format!("ALTER DATABASE {template} WITH ALLOW_CONNECTIONS false"));
                let sessions = format!("SELECT 1 FROM pg_stat_activity WHERE datname = '{template}'");
                let wait = Wait::begin();
                while !administer(server, &sessions).is_empty() {
                    wait.step(|| "the template is in use").await;
                }
            }
        }
        Self::on(server, &format!(" TEMPLATE {template}"))
    }

    fn on(server: SocketAddr, options: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        create(server, &name, options);
        Self { server, name }
    }

    /// Its address.
    pub fn url(&self) -> String {
        address(self.server, &self.name)
    }

    /// Its URL at another address of the server, such as a proxy.
    pub fn url_by(&self, place: SocketAddr) -> String {
        address(place, &self.name)
    }

    /// The address of its server.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements and returns the rows as text.
    pub fn ask(&self, sql: &str) -> Rows {
        ask(&self.url(), sql)
    }
}

impl Default for Database {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A database that is not dropped goes with the server's folder.
        let _ = try_administer(self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

impl Server {
    /// Starts a private server, which syncs nothing to the disk.
    pub fn start_new() -> Self {
        Self::start_with(UNSYNCED)
    }

    /// Starts a private server that syncs at each commit.
    pub fn start_durable() -> Self {
        Self::start_with("")
    }

    fn start_with(settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let runner = Runner::of(folder.path());
        runner.give(folder.path());
        let port = free_port();
        runner.make(&folder.path().join("data"), port, settings);
        let mut server = Self { address: ([127, 0, 0, 1], port).into(), keeper: None, folder };
        server.start();
        server
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Creates a database. Drop deletes it.
    pub fn database(&self) -> Database {
        Database::on(self.address, "")
    }

    /// The folder with its data and configuration.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Writes a file to its data folder, readable by the server only.
    pub fn put(&self, file: &str, text: &str) {
        let path = self.data().join(file);
        fs::write(&path, text).expect("it can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode can be set");
        if let Some((user, group)) = self.runner().user {
            chown(&path, Some(user), Some(group)).expect("root may");
        }
    }

    /// Adds settings for its next start.
    pub fn set(&self, settings: &str) {
        set(&self.data(), settings);
    }

    /// Restarts it after [`Server::stop`] or [`Server::kill`].
    pub fn start(&mut self) {
        let mut command = self.runner().command("sh");
        command.args(["-c", OWN_KEEPER, "sh"]).arg(program("postgres")).arg("-D").arg(self.data());
        let keeper = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.keeper = Some(keeper.expect("sh starts"));
        wait_for(self.address, &self.data());
    }

    /// Shuts it down cleanly.
    pub fn stop(&mut self) {
        self.end("fast");
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.end("immediate");
    }

    fn end(&mut self, mode: &str) {
        let mut command = self.runner().command(program("pg_ctl"));
        command.arg("-D").arg(self.data()).args(["-m", mode, "stop"]);
        run(&mut command);
        self.end_keeper();
    }

    fn end_keeper(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            // It exits when its standard input closes.
            let _ = keeper.wait();
        }
    }

    fn runner(&self) -> Runner {
        Runner::of(self.folder.path())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end_keeper();
    }
}

/// Creates a database, and drops one that an earlier process with the same id has left.
fn create(server: SocketAddr, name: &str, options: &str) {
    let create = format!("CREATE DATABASE {name}{options}");
    match retry_while_busy(|| try_administer(server, &create)) {
        Err(why) if why.code() == Some(&SqlState::DUPLICATE_DATABASE) => {
            administer(server, &format!("DROP DATABASE {name} WITH (FORCE)"));
            administer(server, &create);
        }
        answer => drop(answer.unwrap_or_else(|why| panic!("{create}: {why:?}"))),
    }
}

/// The folder of the shared server, in memory if that is large enough: creating and dropping a database, which has hundreds
/// of files, takes a tenth of the time there.
fn shared_folder() -> PathBuf {
    let owner = tempfile::tempdir().expect("a temporary folder").path().metadata().map_or(0, |m| m.uid());
    // The total and not the free size, so that all test processes decide alike.
    let size = |disk: StatVfs| disk.f_blocks.saturating_mul(disk.f_frsize);
    let is_large = statvfs(IN_MEMORY).is_ok_and(|disk| size(disk) >= LARGE);
    let folder = if is_large { PathBuf::from(IN_MEMORY) } else { std::env::temp_dir() };
    folder.join(format!("chinwag-test-postgres-{owner}"))
}

/// Starts the shared server unless it runs, and takes the lock that keeps it running.
fn shared() -> (SocketAddr, File) {
    let base = shared_folder();
    fs::create_dir_all(&base).expect("a folder");
    let runner = Runner::of(&base);
    runner.give(&base);
    let users = lock_file(&base.join("users"));
    users.lock_shared().expect("a lock");
    let starting = lock_file(&base.join("starting"));
    starting.lock().expect("a lock");
    let (data, ready) = (base.join("data"), base.join("ready"));
    let running = fs::read_to_string(&ready).ok().and_then(|place| place.parse().ok());
    // A busy server must not count as stopped: other processes have their data there.
    let answers =
        |place: &SocketAddr| retry_while_busy(|| ask_once(&address(*place, "postgres"), "SELECT 1")).is_ok();
    if let Some(place) = running.filter(answers) {
        return (place, users);
    }
    // Remove the remains of a crashed server, if any.
    let _ = (fs::remove_file(&ready), fs::remove_dir_all(&data));
    let port = free_port();
    runner.make(&data, port, &format!("{UNSYNCED}max_connections = 300\nmax_wal_size = 256MB\n"));
    let mut command = runner.command("sh");
    command.args(["-c", SHARED_KEEPER, "sh"]).arg(base.join("users")).arg(&data);
    command.arg(program("postgres")).arg("-D").arg(&data);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    // It outlives this process; init adopts it.
    drop(command.spawn().expect("sh starts"));
    let place = SocketAddr::from(([127, 0, 0, 1], port));
    wait_for(place, &data);
    fs::write(&ready, place.to_string()).expect("it can be written");
    (place, users)
}

fn lock_file(path: &Path) -> File {
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o666).open(path);
    file.expect("a lock's file")
}

fn address(place: SocketAddr, database: &str) -> String {
    format!("postgres://chinwag@{place}/{database}?sslmode=disable")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn wait_for(place: SocketAddr, data: &Path) {
    let wait = Wait::begin();
    while let Err(why) = try_ask(&address(place, "postgres"), "SELECT 1") {
        let log = || fs::read_to_string(data.join("log")).unwrap_or_default();
        wait.step_blocking(|| format!("PostgreSQL does not start: {why}\n{}", log()));
    }
}

/// A program of PostgreSQL, from the `PATH` or from Debian's folder of the newest version.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    places.sort_by_key(|place| {
        let version = place.parent().and_then(Path::file_name).and_then(|v| v.to_str()?.parse::<u32>().ok());
        std::cmp::Reverse(version)
    });
    places.extend(std::env::split_paths(&path));
    let found = places.into_iter().map(|place| place.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| {
        panic!("there is no {name}: install PostgreSQL (on Debian: apt-get install postgresql)")
    })
}

/// The user under which PostgreSQL runs.
struct Runner {
    /// `None` for the user who runs the tests.
    user: Option<(u32, u32)>,
    folder: PathBuf,
}

impl Runner {
    /// Chooses the user for a server in `folder`.
    fn of(folder: &Path) -> Self {
        let is_root = rustix::process::geteuid().is_root();
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let user = |name: &str| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut numbers = line.split(':').skip(2).map_while(|field| field.parse().ok());
            Some((numbers.next()?, numbers.next()?))
        };
        let user = is_root.then(|| USERS.into_iter().find_map(user).expect("a user who is not root"));
        Self { user, folder: folder.into() }
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder);
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// Changes the owner of a folder to this user.
    fn give(&self, folder: &Path) {
        if let Some((user, group)) = self.user {
            chown(folder, Some(user), Some(group)).expect("root may");
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("root may");
        }
    }

    /// Initialises the data of a new server. Its collation is one that no store may rely on, and autovacuum is off, so that
    /// statistics do not change plans.
    fn make(&self, data: &Path, port: u16, settings: &str) {
        let mut command = self.command(program("initdb"));
        command.arg("-D").arg(data).args(["--no-sync", "--username", "chinwag", "--auth", "trust"]);
        command.args(["--encoding", "UTF8", "--locale", "C.UTF-8"]);
        run(command.args(["--locale-provider", "icu", "--icu-locale", "en-US"]));
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\n\
            logging_collector = on\nlog_directory = '.'\nlog_filename = 'log'\n\
            autovacuum = off\n{settings}",
            data.display()
        );
        set(data, &settings);
    }
}

fn set(data: &Path, settings: &str) {
    let mut kept =
        OpenOptions::new().append(true).open(data.join("postgresql.conf")).expect("initdb wrote it");
    kept.write_all(settings.as_bytes()).expect("it can be written");
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_apart_and_begin_empty() {
        let (one, other) = (Database::new(), Database::new());
        one.ask("CREATE TABLE t (n integer); INSERT INTO t VALUES (1)");
        assert_eq!(one.ask("SELECT n FROM t"), [["1"]]);
        assert!(try_ask(&other.url(), "SELECT n FROM t").is_err());
    }

    #[tokio::test]
    async fn copies_of_a_database_are_filled_once_and_apart() {
        let template = format!("template_{}", std::process::id());
        let fill = async |url: &str| drop(ask(url, "CREATE TABLE t (n integer)"));
        let (one, other) =
            (Database::copy_of(&template, fill).await, Database::copy_of(&template, fill).await);
        one.ask("INSERT INTO t VALUES (1)");
        assert_eq!(one.ask("SELECT n FROM t"), [["1"]]);
        assert_eq!(other.ask("SELECT n FROM t"), Vec::<Vec<String>>::new());
        administer(one.server(), &format!("DROP DATABASE {template}"));
    }

    #[test]
    fn a_server_of_ones_own_ends_and_starts_with_what_it_held() {
        let mut server = Server::start_durable();
        let database = server.database();
        database.ask("CREATE TABLE t (n integer); INSERT INTO t VALUES (1)");
        server.kill();
        assert!(try_ask(&database.url(), "SELECT 1").is_err());
        server.start();
        assert_eq!(database.ask("SELECT n FROM t"), [["1"]]);
        server.stop();
        server.start();
        assert_eq!(database.ask("SHOW fsync"), [["on"]]);
    }
}
