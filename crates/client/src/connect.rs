//! The WebSocket handshake.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async_with_config, connect_async_with_config,
};

use crate::access::Credential;
use crate::error::Refusal;
use crate::socket::Socket;

/// The largest message in bytes. The largest one of a server is the summary of all groups, which has no bound: 2,000 groups
/// of a thousand members take about 60 MiB, more than the default limit of the library.
const MESSAGE: usize = 1 << 30;
/// The largest frame in bytes: a page of the summary, usually 64 KiB, and more if a single group is larger.
const FRAME: usize = 64 << 20;

/// Why a WebSocket was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The server answered with an HTTP status.
    #[error("the handshake was refused: {0}")]
    Refused(Refusal),
    /// No server answered.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The address or a header is invalid.
    #[error("{0}")]
    Invalid(String),
}

/// A handshake to make.
#[derive(Debug, Clone)]
pub struct Handshake {
    server: String,
    path: String,
    headers: Vec<(String, String)>,
    query: Vec<String>,
    timeout: Duration,
}

impl Handshake {
    /// A handshake with the server at `https://host`, or under a path of it.
    pub fn new(server: &str) -> Self {
        Self {
            server: server.trim_end_matches('/').to_owned(),
            path: "/chat/".to_owned(),
            headers: Vec::new(),
            query: Vec::new(),
            timeout: Duration::from_secs(20),
        }
    }

    /// Adds a credential.
    #[must_use]
    pub fn credential(self, credential: &Credential) -> Self {
        match credential {
            Credential::Bearer(token) => self.header("authorization", &format!("Bearer {token}")),
            Credential::Cookie(cookie) => self.header("cookie", cookie),
            Credential::Ticket(ticket) => self.query(&format!("ticket={ticket}")),
        }
    }

    /// Requests a window of the summary: this number of groups, each with this number of messages.
    #[must_use]
    pub fn window(self, groups: u32, messages: u32) -> Self {
        self.query(&format!("groups={groups}&messages={messages}"))
    }

    /// Appends to the query.
    #[must_use]
    pub fn query(mut self, pairs: &str) -> Self {
        self.query.push(pairs.to_owned());
        self
    }

    /// Sets the path. The default is `/chat/`.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Adds a header. `host` overrides that of the address.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the timeout of the handshake.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Connects.
    pub async fn connect(self) -> Result<Socket, ConnectError> {
        let request = self.request()?;
        #[cfg(feature = "tls")]
        // Fails if the program has already installed a provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        opened(timeout(self.timeout, connect_async_with_config(request, Some(bounds()), true)).await)
    }

    /// Performs the handshake over an existing connection.
    pub async fn connect_over(self, connection: TcpStream) -> Result<Socket, ConnectError> {
        let request = self.request()?;
        let connection = MaybeTlsStream::Plain(connection);
        opened(timeout(self.timeout, client_async_with_config(request, connection, Some(bounds()))).await)
    }

    fn request(&self) -> Result<Request<()>, ConnectError> {
        let Self { server, path, query, .. } = self;
        let server =
            server.strip_prefix("http").filter(|rest| rest.starts_with("://") || rest.starts_with("s://"));
        let Some(server) = server else {
            let why = format!("the server must be http://… or https://…, not {}", self.server);
            return Err(ConnectError::Invalid(why));
        };
        let mark = if query.is_empty() { "" } else { "?" };
        let address = format!("ws{server}{path}{mark}{}", query.join("&"));
        let invalid = |why: String| ConnectError::Invalid(why);
        let mut request = address.into_client_request().map_err(|why| invalid(why.to_string()))?;
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|why| invalid(why.to_string()))?;
            let value = HeaderValue::from_str(value).map_err(|why| invalid(why.to_string()))?;
            if name == "host" {
                request.headers_mut().insert(name, value);
            } else {
                request.headers_mut().append(name, value);
            }
        }
        Ok(request)
    }
}

fn bounds() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(MESSAGE)).max_frame_size(Some(FRAME))
}

type HandshakeResult =
    Result<(WebSocketStream<MaybeTlsStream<TcpStream>>, Response<Option<Vec<u8>>>), tungstenite::Error>;

fn opened(handshake: Result<HandshakeResult, tokio::time::error::Elapsed>) -> Result<Socket, ConnectError> {
    match handshake {
        Err(_) => Err(ConnectError::Unreachable("the handshake was not answered in time".to_owned())),
        Ok(Ok((stream, response))) => {
            let protocol = response.headers().get("sec-websocket-protocol");
            let protocol = protocol.and_then(|value| value.to_str().ok()).map(str::to_owned);
            Ok(Socket::new(stream, protocol))
        }
        Ok(Err(tungstenite::Error::Http(response))) => {
            let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
            let body = response.body().as_deref().unwrap_or_default();
            let body = String::from_utf8_lossy(body);
            Err(ConnectError::Refused(Refusal::new(response.status().as_u16(), &body, retry_after)))
        }
        Ok(Err(why @ (tungstenite::Error::Url(_) | tungstenite::Error::HttpFormat(_)))) => {
            Err(ConnectError::Invalid(why.to_string()))
        }
        Ok(Err(why)) => Err(ConnectError::Unreachable(why.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::SinkExt;
    use tokio::net::TcpListener;
    use tokio_tungstenite::accept_async;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

    use super::*;

    #[test]
    fn address_has_path_ticket_and_window() {
        let ticket = Credential::Ticket("cw_ticket_1".into());
        let handshake = Handshake::new("https://chat.example/below/").credential(&ticket).window(50, 1);
        let request = handshake.request().unwrap();
        let wanted = "wss://chat.example/below/chat/?ticket=cw_ticket_1&groups=50&messages=1";
        assert_eq!(request.uri().to_string(), wanted);
    }

    #[tokio::test]
    async fn summary_of_many_groups_is_read() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let serving = async {
            let mut socket = accept_async(listener.accept().await.unwrap().0).await.unwrap();
            for (opcode, is_last) in [(Data::Text, false), (Data::Continue, false), (Data::Continue, true)] {
                let page = Frame::message(vec![b' '; 24 << 20], OpCode::Data(opcode), is_last);
                socket.send(Message::Frame(page)).await.unwrap();
            }
        };
        let reading = async {
            let mut socket = Handshake::new(&server).connect().await.unwrap();
            socket.next_text().await.unwrap().len()
        };
        assert_eq!(tokio::join!(serving, reading).1, 72 << 20);
    }

    #[test]
    fn address_without_a_scheme_is_invalid() {
        let error = Handshake::new("chat.example").request().unwrap_err();
        assert!(error.to_string().contains("http://… or https://…, not chat.example"), "{error}");
    }
}
