//! A bot that answers each message with the same text, until it receives `stop`.
//!
//! ```sh
//! cargo run -p chinwag-client --example echo -- http://127.0.0.1:8000 echo "a long password"
//! ```
//!
//! It signs in, or signs up if the name is free. Start a server with `cargo run -- serve`, sign up on its
//! page and write to `echo`. You may restart the server in between: the bot misses nothing.

use chinwag_client::{Error, Rest, ServerEvent, Session, Update};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [server, name, password] = args.as_slice() else {
        eprintln!("usage: echo <server> <name> <password>");
        std::process::exit(2);
    };
    let nobody = Rest::new(server);
    let rest = match nobody.sign_in(name, password).await {
        Err(error) if error.status() == Some(401) => nobody.sign_up(name, password).await?,
        signed_in => signed_in?,
    };
    echo(&rest, name).await
}

/// Answers messages until one of them is `stop`.
pub(crate) async fn echo(rest: &Rest, name: &str) -> Result<(), Error> {
    let (session, mut updates) = Session::connect(rest);
    while let Some(update) = updates.next().await {
        match update {
            Update::Connected(summary) => println!("connected, in {} groups", summary.groups.len()),
            Update::Disconnected(end) => println!("{end}; connecting again"),
            Update::Ended(error) => return Err(error),
            Update::Event(frame) => {
                // The first message of a private group arrives with the group.
                let (group, message) = match frame.event {
                    ServerEvent::MessageText(message) => (message.group, Some(message)),
                    ServerEvent::GroupUpdate(mut group) => (Some(group.id), group.messages.pop()),
                    _ => continue,
                };
                let (Some(group), Some(message)) = (group, message) else { continue };
                if message.author == name {
                    continue;
                }
                if message.body == "stop" {
                    return Ok(());
                }
                // In a separate task, so that updates are read in the meantime.
                let session = session.clone();
                tokio::spawn(async move {
                    if let Err(error) = session.send(group, &message.body).await {
                        eprintln!("not answered: {error}");
                    }
                });
            }
            _ => {}
        }
    }
    Ok(())
}
