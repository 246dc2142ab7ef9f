//! Extracts objects from paths. An invalid id is answered like an unknown one.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use chinwag_core::app::identity::SpelledName;
use chinwag_core::{
    BotKeyId, Error, FileId, GroupId, HookId, KeyId, MessageId, Name, PushId, ReportId, SessionId, WebhookId,
};

use crate::error::Problem;

/// The user named by `{name}` in the path.
pub(crate) struct ByName(pub Name);

/// The user named by `{name}`, in exactly that spelling.
pub(crate) struct BySpelling(pub SpelledName);

/// The raw text of `{name}`.
pub(crate) struct ByText(pub String);

/// A value from the path, under a key of its own.
pub(crate) struct ByValue<T>(pub T);

/// A value for [`ByValue`], implemented beside the noun that it belongs to.
pub(crate) trait PathValue: Sized {
    /// The key in the route's path.
    const KEY: &str;

    /// Parses the text, which is empty if the path is not UTF-8.
    fn from_path(text: &str) -> Result<Self, Error>;
}

/// The group or message named by `{id}`.
pub(crate) struct ById<T>(pub T);

/// An id in a path.
pub(crate) trait Id: FromStr {
    /// The kind of object, for errors.
    const NOUN: &str;
}

impl Id for GroupId {
    const NOUN: &str = "group";
}

impl Id for MessageId {
    const NOUN: &str = "message";
}

impl Id for FileId {
    const NOUN: &str = "file";
}

impl Id for PushId {
    const NOUN: &str = "subscription";
}

impl Id for WebhookId {
    const NOUN: &str = "webhook";
}

impl Id for HookId {
    const NOUN: &str = "hook";
}

impl Id for KeyId {
    const NOUN: &str = "key";
}

impl Id for ReportId {
    const NOUN: &str = "report";
}

impl Id for SessionId {
    const NOUN: &str = "session";
}

impl Id for BotKeyId {
    const NOUN: &str = "key";
}

impl<S: Send + Sync> FromRequestParts<S> for ByName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name = param(parts, state, "name").await.and_then(|text| Name::parse(&text).ok());
        name.map(Self).ok_or_else(|| Error::NotFound("user").into())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for BySpelling {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name = param(parts, state, "name").await.and_then(|text| SpelledName::parse(&text).ok());
        name.map(Self).ok_or_else(|| Error::NotFound("user").into())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ByText {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = param(parts, state, "name").await;
        text.map(Self).ok_or_else(|| Error::field("name", "must be percent-encoded UTF-8").into())
    }
}

impl<S: Send + Sync, T: Id> FromRequestParts<S> for ById<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = param(parts, state, "id").await.and_then(|text| text.parse().ok());
        id.map(Self).ok_or_else(|| Error::NotFound(T::NOUN).into())
    }
}

impl<S: Send + Sync, T: PathValue> FromRequestParts<S> for ByValue<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = param(parts, state, T::KEY).await.unwrap_or_default();
        Ok(Self(T::from_path(&text)?))
    }
}

async fn param<S: Send + Sync>(parts: &mut Parts, state: &S, key: &str) -> Option<String> {
    let params = RawPathParams::from_request_parts(parts, state).await.ok()?;
    params.iter().find(|(name, _)| *name == key).map(|(_, value)| value.to_owned())
}
