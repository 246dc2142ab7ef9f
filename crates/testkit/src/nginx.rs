//! A real nginx, for tests of the guides with a reverse proxy.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tokio::net::TcpStream;

use crate::wait::Wait;

/// A running nginx. It stops on drop.
#[derive(Debug)]
pub struct Nginx(Child);

impl Nginx {
    /// Starts nginx in a folder with these `server` blocks, and waits until it listens on the port.
    pub async fn start(folder: &Path, servers: &str, port: u16) -> Self {
        let place = folder.display();
        let whole = format!(
            "daemon off; master_process off; error_log {place}/nginx.log; pid {place}/nginx.pid;
            events {{}}
            http {{ access_log off; client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;
            fastcgi_temp_path {place}/f; uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;\n{servers}\n}}"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, whole).expect("the folder can be written to");
        let mut nginx = Command::new("nginx");
        nginx.arg("-p").arg(folder).arg("-c").arg(&file).stdin(Stdio::null());
        let nginx = Self(nginx.spawn().expect("nginx is installed"));
        let wait = Wait::begin();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            wait.step(|| "nginx does not listen").await;
        }
        nginx
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The process may have exited already.
        let _ = (self.0.kill(), self.0.wait());
    }
}
