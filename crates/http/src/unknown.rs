//! Unknown query parameters and body keys: `Chinwag-Ignored` lists them, and `http.strict` refuses them. The OpenAPI
//! document defines the known query parameters; [`act_as`] decides about one more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::Response;
use chinwag_core::Error;

use crate::act_as;
use crate::error::Problem;
use crate::openapi;
use crate::state::ServerState;
use crate::wire::input::Ignored;

pub(crate) const HEADER: HeaderName = HeaderName::from_static("chinwag-ignored");

/// The paths to which clients send passwords.
const TAKE_PASSWORDS: [&str; 4] = ["/accounts", "/accounts/me", "/sessions", "/password"];

/// The documented query parameters of one path, by method.
pub(crate) struct DocumentedParameters(BTreeMap<String, BTreeSet<String>>);

impl DocumentedParameters {
    /// The documented parameters of a path.
    pub(crate) fn at(path: &str) -> Self {
        static ALL: LazyLock<BTreeMap<String, BTreeMap<String, BTreeSet<String>>>> =
            LazyLock::new(openapi::parameters);
        Self(ALL.get(path).cloned().unwrap_or_default())
    }

    fn has(&self, method: &Method, key: &str) -> bool {
        let method = if method == Method::HEAD { "GET" } else { method.as_str() };
        self.0.get(method).is_some_and(|keys| keys.contains(key))
    }
}

/// Refuses a request with unknown parameters, if `http.strict` is set.
pub(crate) fn refuse(parts: &Parts) -> Result<(), Problem> {
    let refused = parts.extensions.get::<Arc<Ignored>>().map(|ignored| ignored.refused()).unwrap_or_default();
    if refused.is_empty() { Ok(()) } else { Err(Error::Invalid(refused).into()) }
}

/// Answers a request, and lists the ignored parts of the request in the response.
pub(crate) async fn named<F: Future<Output = Response>>(
    state: &Arc<ServerState>,
    known: &DocumentedParameters,
    mut request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let ignored = Arc::new(Ignored::new(state.options.strict));
    let query = request.uri().query().unwrap_or_default();
    for (key, _) in form_urlencoded::parse(query.as_bytes()) {
        if !known.has(request.method(), &key) && !act_as::names_user(request.method(), &key) {
            ignored.note("", &key);
        }
    }
    request.extensions_mut().insert(ignored.clone());
    let takes_password = TAKE_PASSWORDS.iter().any(|path| request.uri().path().ends_with(path));
    let mut response = answer(request).await;
    // Do not echo keys of a payload with a password: the password may have been sent as a key by mistake.
    if !takes_password && let Some(list) = ignored.list() {
        let list = HeaderValue::from_str(&list).expect("percent-encoded keys are ASCII");
        response.headers_mut().insert(HEADER, list);
    }
    response
}
