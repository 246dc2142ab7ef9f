//! The handshake: authenticates the user, checks the origin and the bounds. A refusal is an HTTP response.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, request};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chinwag_core::Error;
use chinwag_core::rate::{Key, LimitKind};
use chinwag_hub::{Identity, RegisterError};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use metrics::counter;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tracing::Instrument;

use super::session::Session;
use super::socket::ClientSink;
use super::window::window;
use crate::auth::vouched_headers;
use crate::error::{ErrorResponse, Problem};
use crate::network::client_stream::ClientStream;
use crate::network::file_stream::FileStream;
use crate::network::lingering_body::{LINGER, LINGER_BYTES};
use crate::network::peer::{Peer, trusts};
use crate::network::write_timeout::WriteTimeout;
use crate::permits::HolderPermit;
use crate::state::ServerState;
use crate::trace::answered;

const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// How long a peer may send nothing after the server has closed the connection.
const SILENCE: Duration = Duration::from_secs(2);
const SUBPROTOCOL: &str = "chinwag";

/// `GET /chat/`: responds with 101 and serves the socket, or refuses with 400, 401, 403, 426, 429 or 503.
pub(crate) async fn handshake(State(state): State<Arc<ServerState>>, mut request: Request) -> Response<Body> {
    let span = state.tracer.as_ref().and_then(|tracer| tracer.request("/chat", &request, &state.options));
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let (parts, _) = request.into_parts();
    let answer = async {
        match accept(&state, &parts, upgrade).await {
            Ok(response) => response,
            Err(error) => ErrorResponse(error).into_response(),
        }
    };
    answered(span, answer).await
}

async fn accept(
    state: &Arc<ServerState>,
    parts: &request::Parts,
    upgrade: Option<OnUpgrade>,
) -> Result<Response<Body>, Error> {
    let (key, upgrade) = match (asked(parts), upgrade) {
        (Ok(key), Some(upgrade)) => (key, upgrade),
        (Ok(_), None) => return Err(Error::field("Upgrade", "this connection cannot become a WebSocket")),
        (Err(response), _) => return Ok(*response),
    };
    let mut window = window(parts.uri.query().unwrap_or_default())?;
    state.auth.origin_check(parts)?;
    let found = state.auth.handshake_key(parts).await?;
    let (who, bot_key) = match found {
        Some((who, key)) => (who, Some(key)),
        None => (state.auth.handshake(parts).await?, None),
    };
    if bot_key.is_some() {
        // A key has few groups, so all of them are sent.
        window.groups = None;
    }
    state.app.rates().take(Key::User(who.user.id), &[LimitKind::Connects])?;
    let identity = Identity {
        user: who.user.id,
        name: who.user.name.clone(),
        token: who.token,
        expires: who.expires,
        scope: bot_key.as_ref().map(|(_, grant)| grant.groups.clone()),
    };
    let place = place(state, parts)?;
    let connection = state.hub.register(identity).map_err(|why| refused(state, why))?;
    if let (true, Some(recheck)) = (who.by_validator, &state.recheck) {
        recheck.watch(&connection, &vouched_headers(&parts.headers));
    }
    let span = tracing::debug_span!("socket", id = connection.id().0);
    let session =
        Session::new(state.clone(), connection, window, bot_key, Peer::address_of(parts, &state.options));
    tokio::spawn(serve(session, upgrade, place).instrument(span));
    Ok(switching(&parts.headers, &key))
}

/// The `Sec-WebSocket-Key` of a valid upgrade request; else the response that says what is missing.
fn asked(parts: &request::Parts) -> Result<String, Box<Response<Body>>> {
    let refuse = |status, why: &'static str| Problem::new(status, why).into_response();
    let has = |name: HeaderName, word: &str| {
        let values = parts.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(word))
    };
    if parts.method != Method::GET || !has(UPGRADE, "websocket") || !has(CONNECTION, "upgrade") {
        let mut response = refuse(
            StatusCode::UPGRADE_REQUIRED,
            "this is the address of the WebSocket: open it as a WebSocket",
        );
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        return Err(Box::new(response));
    }
    if !has(SEC_WEBSOCKET_VERSION, "13") {
        let mut response = refuse(
            StatusCode::UPGRADE_REQUIRED,
            "Sec-WebSocket-Version must be 13, the only supported version",
        );
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Err(Box::new(response));
    }
    let key = parts.headers.get(SEC_WEBSOCKET_KEY).and_then(|key| key.to_str().ok()).unwrap_or("");
    match STANDARD.decode(key) {
        Ok(bytes) if bytes.len() == 16 => Ok(key.to_owned()),
        _ => Err(Box::new(refuse(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key must be 16 bytes in base 64"))),
    }
}

fn switching(headers: &HeaderMap, key: &str) -> Response<Body> {
    let accepted = STANDARD.encode(Sha1::new().chain_update(key).chain_update(MAGIC).finalize());
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let answer = response.headers_mut();
    answer.insert(UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    answer.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(&accepted).expect("base 64 is ASCII"));
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|value| value.to_str().ok());
    if offered.flat_map(|value| value.split(',')).any(|item| item.trim() == SUBPROTOCOL) {
        answer.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    response
}

/// The permit of a socket for its address; `None` for a trusted proxy's own sockets. Fails if the address has the
/// maximum.
fn place(state: &ServerState, parts: &request::Parts) -> Result<Option<HolderPermit>, Error> {
    let address = Peer::of(parts, &state.options).address;
    if trusts(&state.options, address) {
        return Ok(None);
    }
    let place = state.sockets.take(address);
    if place.is_none() {
        counter!("chinwag_sockets_refused_total", "why" => "address").increment(1);
        if state.is_due(&state.notices.sockets) {
            tracing::warn!(%address, "a socket was refused: this address has reached ws.sockets_per_address");
        }
    }
    place.map(Some).ok_or_else(Error::unavailable)
}

fn refused(state: &ServerState, why: RegisterError) -> Error {
    counter!("chinwag_sockets_refused_total", "why" => why.as_str()).increment(1);
    if state.is_due(&state.notices.refused_sockets) {
        tracing::info!(why = why.as_str(), "a socket was refused");
    }
    Error::unavailable()
}

/// Serves the socket from the upgrade to its end.
async fn serve(session: Session, upgrade: OnUpgrade, place: Option<HolderPermit>) {
    let Ok(Some((stream, early))) = upgrade.await.map(raw) else {
        tracing::debug!("the connection ended before it became a WebSocket");
        return;
    };
    let session = Arc::new(session);
    let wire = Arc::new(ClientSink(stream));
    super::socket::run(&wire, early, &session).await;
    if let Some(ClientSink(mut stream)) = Arc::into_inner(wire) {
        // Ignore a timeout or an error: the peer is gone, silent, or never closes.
        let _ = timeout(LINGER, linger(&mut stream)).await;
    }
    drop(place);
}

/// Closes the write side, then reads until the peer closes, within bounds: closing the socket with unread bytes would
/// reset the connection, and the close frame might be lost.
async fn linger(stream: &mut ClientStream) -> io::Result<()> {
    stream.shutdown().await?;
    let (mut dropped, mut left) = (Vec::with_capacity(4096), LINGER_BYTES);
    while left > 0 && timeout(SILENCE, stream.read_buf(&mut dropped)).await?? > 0 {
        left = left.saturating_sub(dropped.len() as u64);
        dropped.clear();
    }
    Ok(())
}

/// The stream under an upgraded connection, and the bytes that were read after the request.
fn raw(upgraded: Upgraded) -> Option<(ClientStream, Vec<u8>)> {
    let parts = upgraded.downcast::<TokioIo<WriteTimeout<FileStream>>>().ok()?;
    Some((parts.io.into_inner().into_inner().into_client(), parts.read_buf.to_vec()))
}
