//! The REST API.

mod join;

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use crate::access::Credential;
use crate::command::{ContactChange, GroupChange, MessageEdit, NewGroup, NewMessage};
use crate::connect::Handshake;
use crate::entry::HistoryRow;
use crate::error::{Error, Refusal};
use crate::event::ReadMark;
use crate::object::{Group, Me, MeChange, Member, Message, ServerInfo, SignIn, Ticket, Unread, User};

/// An answer of any status.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Response {
    /// A header's value, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The refusal that a status of 400 and more is, else the answer.
    pub fn accepted(self) -> Result<Self, Refusal> {
        if self.status < 400 {
            return Ok(self);
        }
        Err(Refusal::new(self.status, &self.text, self.header("retry-after")))
    }

    /// The body as an object of the protocol.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.text).map_err(|why| Error::Unexpected(format!("{why}: {}", self.text)))
    }
}

/// A part of a group's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// The newest messages, newest first.
    Newest,
    /// Messages with a smaller number, newest first.
    Before(i64),
    /// Messages with a larger number, oldest first.
    After(i64),
}

impl History {
    /// The rest of a query that asks for it.
    fn parameter(self) -> String {
        match self {
            Self::Newest => String::new(),
            Self::Before(seq) => format!("&before={seq}"),
            Self::After(seq) => format!("&after={seq}"),
        }
    }
}

/// A caller of the REST API: a user, your backend or nobody.
///
/// A call that is refused with 429 is repeated after its `Retry-After`, if [`Rest::patient`] allows it.
#[derive(Debug, Clone)]
pub struct Rest {
    http: reqwest::Client,
    server: String,
    credential: Option<Credential>,
    patience: Duration,
}

impl Rest {
    /// A caller without a credential, of the server at `https://host`, or below a path of it. Asks no
    /// proxy: for that, give [`Rest::with_http`] a client of your own.
    ///
    /// # Panics
    ///
    /// If the operating system gives no randomness or certificates for TLS.
    pub fn new(server: &str) -> Self {
        #[cfg(feature = "tls")]
        // It may have been chosen before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder().redirect(redirect::Policy::none()).no_proxy();
        Self::with_http(server, builder.build().expect("the system has randomness and certificates"))
    }

    /// The same over an HTTP client with settings of your own.
    pub fn with_http(server: &str, http: reqwest::Client) -> Self {
        let server = server.trim_end_matches('/').to_owned();
        Self { http, server, credential: None, patience: Duration::ZERO }
    }

    /// The same server with a credential.
    #[must_use]
    pub fn with_credential(&self, credential: Credential) -> Self {
        Self { credential: Some(credential), ..self.clone() }
    }

    /// The same server with a user token, a JWT or the service key.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        self.with_credential(Credential::Bearer(token.to_owned()))
    }

    /// Waits up to so long altogether where the server answers 429.
    #[must_use]
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The credential.
    pub fn credential(&self) -> Option<&Credential> {
        self.credential.as_ref()
    }

    /// The server's address.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The address of a path: one that begins with `/` as it is, any other below `/api/v1/`.
    pub fn url(&self, path: &str) -> String {
        let server = &self.server;
        if path.starts_with('/') { format!("{server}{path}") } else { format!("{server}/api/v1/{path}") }
    }

    /// A handshake for a WebSocket with this credential.
    pub fn handshake(&self) -> Handshake {
        let handshake = Handshake::new(&self.server);
        self.credential.iter().fold(handshake, Handshake::credential)
    }

    /// A request with this credential, for calls that have no method here.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.url(path));
        match &self.credential {
            Some(Credential::Bearer(token)) => request.bearer_auth(token),
            Some(Credential::Cookie(cookie)) => request.header("cookie", cookie),
            Some(Credential::Ticket(_)) | None => request,
        }
    }

    /// Sends a request; the answer may be a refusal.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let lost = |why: reqwest::Error| Error::Lost(why.to_string());
        let response = request.send().await.map_err(lost)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.map_err(lost)?;
        Ok(Response { status, headers, text })
    }

    /// Sends a JSON body, and reads the object that the server answers with.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<T, Error> {
        let mut left = self.patience;
        loop {
            let request = self.request(method.clone(), path);
            let request = match body {
                Some(body) => request.json(body),
                None => request,
            };
            match self.send(request).await?.accepted() {
                Ok(response) => return response.read(),
                Err(refusal) => {
                    // Nothing was done.
                    let wait = refusal.retry_after.filter(|wait| refusal.status == 429 && *wait <= left);
                    let Some(wait) = wait else { return Err(refusal.into()) };
                    left -= wait;
                    sleep(wait).await;
                }
            }
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.call(Method::GET, path, None::<&Value>).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: impl Serialize + Sync) -> Result<T, Error> {
        self.call(Method::POST, path, Some(&body)).await
    }

    async fn delete(&self, path: &str) -> Result<(), Error> {
        self.call::<Value>(Method::DELETE, path, None::<&Value>).await.map(drop)
    }

    /// The server's version, limits and features.
    pub async fn server_info(&self) -> Result<ServerInfo, Error> {
        self.get("server/").await
    }

    /// Signs a user up: a caller that is this user.
    pub async fn sign_up(&self, name: &str, password: &str) -> Result<Self, Error> {
        self.begin_session("accounts/", name, password).await
    }

    /// Signs a user in: a caller that is this user.
    pub async fn sign_in(&self, name: &str, password: &str) -> Result<Self, Error> {
        self.begin_session("sessions/", name, password).await
    }

    async fn begin_session(&self, path: &str, name: &str, password: &str) -> Result<Self, Error> {
        let signed: SignIn = self.post(path, json!({ "name": name, "password": password })).await?;
        Ok(self.with_token(&signed.token))
    }

    /// Ends this session, and the sockets opened with its token.
    pub async fn sign_out(&self) -> Result<(), Error> {
        self.delete("sessions/").await
    }

    /// Changes the user's own password, and ends its other sessions.
    pub async fn change_password(&self, old: &str, new: &str) -> Result<(), Error> {
        let change = json!({ "old": old, "new": new });
        self.call::<Value>(Method::PATCH, "accounts/me/", Some(&change)).await.map(drop)
    }

    /// Sets the password of a user who signs in with one, and ends all of its sessions. Service only.
    pub async fn set_password(&self, name: &str, password: &str) -> Result<(), Error> {
        let path = format!("users/{}/password/", encode_segment(name));
        self.call::<Value>(Method::PUT, &path, Some(&json!({ "password": password }))).await.map(drop)
    }

    /// Takes a ticket for one WebSocket.
    pub async fn ticket(&self) -> Result<Ticket, Error> {
        self.post("tickets/", json!({})).await
    }

    /// Makes a user. Service only.
    pub async fn create_user(&self, name: &str) -> Result<User, Error> {
        self.post("users/", json!({ "name": name })).await
    }

    /// Issues a token that ends after `ttl`. Service only.
    pub async fn issue_token(&self, name: &str, ttl: Duration) -> Result<SignIn, Error> {
        let path = format!("users/{}/tokens/", encode_segment(name));
        self.post(&path, json!({ "ttl": ttl.as_secs() })).await
    }

    /// Signs a user out everywhere.
    pub async fn revoke_tokens(&self, name: &str) -> Result<(), Error> {
        self.delete(&format!("users/{}/tokens/", encode_segment(name))).await
    }

    /// A user, with every key that this caller may see.
    pub async fn user(&self, name: &str) -> Result<User, Error> {
        self.get(&format!("users/{}/?fields=__all__", encode_segment(name))).await
    }

    /// Deletes a user.
    pub async fn delete_user(&self, name: &str) -> Result<(), Error> {
        self.delete(&format!("users/{}/", encode_segment(name))).await
    }

    /// Changes the relation of `author` to another user.
    pub async fn change_contact(&self, author: &str, change: &ContactChange) -> Result<User, Error> {
        let contact = json!({ "author": author, "name": change.name, "operation": change.operation });
        let path = format!("users/{}/", encode_segment(author));
        self.call(Method::PATCH, &path, Some(&json!({ "contact": contact }))).await
    }

    /// The caller's groups, with all keys.
    pub async fn groups(&self) -> Result<Vec<Group>, Error> {
        self.get("groups/?fields=__all__").await
    }

    /// A group, with all keys.
    pub async fn group(&self, id: Uuid) -> Result<Group, Error> {
        self.get(&format!("groups/{id}/?fields=__all__")).await
    }

    /// Makes a group.
    pub async fn create_group(&self, group: &NewGroup) -> Result<Group, Error> {
        self.post("groups/", group).await
    }

    /// Opens the private group with a user, or finds it.
    pub async fn open_private(&self, user: &str) -> Result<Group, Error> {
        self.call(Method::PUT, "private/", Some(&json!({ "user": user }))).await
    }

    /// Changes a group.
    pub async fn update_group(&self, change: &GroupChange) -> Result<Group, Error> {
        self.call(Method::PATCH, &format!("groups/{}/", change.id), Some(change)).await
    }

    /// Leaves a group.
    pub async fn leave_group(&self, id: Uuid) -> Result<(), Error> {
        self.post::<Value>(&format!("groups/{id}/quit/"), json!({})).await.map(drop)
    }

    /// Accepts a group that a stranger added the user to.
    pub async fn accept_group(&self, id: Uuid) -> Result<Group, Error> {
        self.post(&format!("groups/{id}/accept/"), json!({})).await
    }

    /// Changes the user's own settings of a group, and answers all of them.
    pub async fn change_settings(&self, group: Uuid, change: &MeChange) -> Result<Me, Error> {
        self.call(Method::PATCH, &format!("groups/{group}/me/"), Some(change)).await
    }

    /// Counts the user's unread messages.
    pub async fn unread(&self) -> Result<Unread, Error> {
        self.get("unread/").await
    }

    /// Deletes a group with all that is in it.
    pub async fn delete_group(&self, id: Uuid) -> Result<(), Error> {
        self.delete(&format!("groups/{id}/")).await
    }

    /// The members of a group, by role and then by the date of joining.
    pub async fn members(&self, group: Uuid) -> Result<Vec<Member>, Error> {
        self.get(&format!("groups/{group}/members/")).await
    }

    /// One page of a group's history, of at most `limit` (1 to 100) messages.
    pub async fn history(&self, group: Uuid, part: History, limit: u32) -> Result<Vec<Message>, Error> {
        self.get(&format!("groups/{group}/messages/?limit={limit}{}", part.parameter())).await
    }

    /// The same with the changes of the group among the messages.
    pub async fn history_with_entries(
        &self,
        group: Uuid,
        part: History,
        limit: u32,
    ) -> Result<Vec<HistoryRow>, Error> {
        self.get(&format!("groups/{group}/messages/?entries=all&limit={limit}{}", part.parameter())).await
    }

    /// The same without the replies in threads.
    pub async fn history_outside_threads(
        &self,
        group: Uuid,
        part: History,
        limit: u32,
    ) -> Result<Vec<Message>, Error> {
        let part = part.parameter();
        self.get(&format!("groups/{group}/messages/?thread=none&limit={limit}{part}")).await
    }

    /// One page of the replies to a message, of at most `limit` (1 to 100).
    pub async fn thread(&self, root: Uuid, part: History, limit: u32) -> Result<Vec<Message>, Error> {
        self.get(&format!("messages/{root}/thread/?limit={limit}{}", part.parameter())).await
    }

    /// Those of these messages, at most 100, that stand in a group, in this order.
    pub async fn messages_by_id(&self, group: Uuid, ids: &[Uuid]) -> Result<Vec<Message>, Error> {
        let ids: Vec<_> = ids.iter().map(Uuid::to_string).collect();
        self.get(&format!("groups/{group}/messages/?ids={}", ids.join(","))).await
    }

    /// Moves the user's read mark; where it stands now.
    pub async fn mark_read(&self, group: Uuid, seq: i64) -> Result<ReadMark, Error> {
        self.post(&format!("groups/{group}/read/"), json!({ "seq": seq })).await
    }

    /// Sends a message. With a `client_id` it may be repeated, and is stored once.
    pub async fn send_message(&self, message: &NewMessage) -> Result<Message, Error> {
        self.post("messages/", message).await
    }

    /// A message.
    pub async fn message(&self, id: Uuid) -> Result<Message, Error> {
        self.get(&format!("messages/{id}/")).await
    }

    /// Edits a message.
    pub async fn edit_message(&self, edit: &MessageEdit) -> Result<Message, Error> {
        let mut changes = serde_json::to_value(edit).unwrap_or_default();
        changes.as_object_mut().and_then(|changes| changes.remove("id"));
        self.call(Method::PATCH, &format!("messages/{}/", edit.id), Some(&changes)).await
    }

    /// Adds a reaction to a message, or removes it; the message as it stands now.
    pub async fn react(&self, message: Uuid, emoji: &str, on: bool) -> Result<Message, Error> {
        let method = if on { Method::PUT } else { Method::DELETE };
        let path = format!("messages/{message}/reactions/{}/", encode_segment(emoji));
        self.call::<Message>(method, &path, None::<&()>).await
    }

    /// Pins a message, or unpins it; the message as it stands now.
    pub async fn pin(&self, message: Uuid, on: bool) -> Result<Message, Error> {
        let method = if on { Method::PUT } else { Method::DELETE };
        self.call::<Message>(method, &format!("messages/{message}/pin/"), None::<&()>).await
    }

    /// A group's pinned messages, the most recently pinned first.
    pub async fn pins(&self, group: Uuid) -> Result<Vec<Message>, Error> {
        self.get(&format!("groups/{group}/pins/")).await
    }

    /// Deletes a message.
    pub async fn delete_message(&self, id: Uuid) -> Result<(), Error> {
        self.delete(&format!("messages/{id}/")).await
    }
}

/// A text as one segment of a path, as `encodeURIComponent` writes it.
pub fn encode_segment(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    text.bytes().map(|b| if kept(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_below_the_api_or_as_they_are() {
        let rest = Rest::new("http://127.0.0.1:8000/below/");
        assert_eq!(rest.url("users/"), "http://127.0.0.1:8000/below/api/v1/users/");
        assert_eq!(rest.url("/metrics"), "http://127.0.0.1:8000/below/metrics");
    }

    #[test]
    fn names_are_percent_encoded() {
        assert_eq!(encode_segment("auth0|5f é"), "auth0%7C5f%20%C3%A9");
    }
}
