//! A mail server for tests: the part of SMTP that Python's library needs. It keeps the mails.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A mail server that runs until the test's process exits.
pub(crate) struct MailServer {
    address: String,
    received: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it listens").to_string();
        let received = Arc::new(Mutex::default());
        let kept = Arc::clone(&received);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that disconnects has sent no mail.
                let _ = serve(stream, &kept);
            }
        });
        Self { address, received }
    }

    /// Its address as `127.0.0.1:port`.
    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    /// The mails received so far.
    pub(crate) fn received(&self) -> Vec<String> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    stream.write_all(b"220 test\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let answer: &[u8] = match line.split(' ').next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                let mut mail = String::new();
                while let Some(line) = lines.next().transpose()?.filter(|line| line != ".") {
                    mail += &line;
                    mail.push('\n');
                }
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
                b"250 kept\r\n"
            }
            "QUIT" => {
                stream.write_all(b"221 goodbye\r\n")?;
                return Ok(());
            }
            _ => b"250 well\r\n",
        };
        stream.write_all(answer)?;
    }
    Ok(())
}
