//! Extracts a request's body, which is read completely up to a limit.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, StatusCode, header};
use chinwag_core::Error;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;

use crate::error::Problem;
use crate::options::Options;
use crate::state::ServerState;
use crate::wire::input::{Fields, Ignored, not_an_object};

const FORMS: [&str; 2] = ["application/x-www-form-urlencoded", "multipart/form-data"];
const FORM: &str =
    "the payload is an HTML form: send a JSON object instead, such as {\"name\": \"ann\"}, by a script";

/// A body of at most [`max_body`](crate::Options::max_body) bytes.
pub(crate) struct Payload {
    bytes: Bytes,
    /// Whether the content type is that of an HTML form. Some callers send JSON with it as well.
    form: bool,
    ignored: Option<Arc<Ignored>>,
    state: Arc<ServerState>,
}

impl Payload {
    /// The bytes as they were sent.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Parses the JSON object in the body, whatever the content type.
    pub(crate) fn fields(&self) -> chinwag_core::Result<Fields<'_>> {
        if self.form && !self.bytes.is_empty() && not_an_object(&self.bytes).is_some() {
            return Err(Error::field("", FORM));
        }
        let fields = Fields::parse(&self.bytes)?.limited(self.state.app.limits());
        Ok(match &self.ignored {
            Some(ignored) => fields.noting(ignored),
            None => fields,
        })
    }

    /// Like [`Payload::fields`], but an empty body is an empty object.
    pub(crate) fn maybe_fields(&self) -> chinwag_core::Result<Fields<'_>> {
        if self.bytes.is_empty() { Fields::parse(b"{}") } else { self.fields() }
    }
}

impl FromRequest<Arc<ServerState>> for Payload {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &Arc<ServerState>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let mut codings = parts.headers.get_all(header::CONTENT_ENCODING).into_iter();
        if codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            let why = "Content-Encoding is not supported: send the body unencoded";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
        }
        let bytes = read(body, &state.options).await?;
        let kind = parts.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let form = FORMS.iter().any(|form| {
            kind.get(..form.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(form.as_bytes()))
        });
        Ok(Self { bytes, form, ignored: parts.extensions.remove::<Arc<Ignored>>(), state: state.clone() })
    }
}

/// Reads a body, within the limits of size and time.
pub(crate) async fn read(body: Body, options: &Options) -> Result<Bytes, Problem> {
    let limit = options.max_body;
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    match tokio::time::timeout(options.body_timeout, collect(body, limit)).await {
        Ok(read) => read,
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive")),
    }
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(too_large(limit)),
        Err(_) => Err(Problem::new(StatusCode::BAD_REQUEST, "the body ended too early")),
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is longer than {limit} bytes"))
}
