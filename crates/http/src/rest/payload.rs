//! A request's body, read whole and no further than the limit.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;

use crate::doors::Doors;
use crate::error::Problem;
use crate::wire::input::Fields;

/// A body of at most [`max_body`](crate::Options::max_body) bytes.
pub(crate) struct Payload(Bytes);

impl Payload {
    /// The object that it holds, whatever the content type says.
    pub(crate) fn fields(&self) -> chinwag_core::Result<Fields<'_>> {
        Fields::parse(&self.0)
    }
}

impl FromRequest<Arc<Doors>> for Payload {
    type Rejection = Problem;

    async fn from_request(request: Request, doors: &Arc<Doors>) -> Result<Self, Problem> {
        let (body, limit) = (request.into_body(), doors.options.max_body);
        if body.size_hint().lower() > limit as u64 {
            return Err(too_large(limit));
        }
        match tokio::time::timeout(doors.options.body_timeout, read(body, limit)).await {
            Ok(read) => read.map(Self),
            Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body took too long to come")),
        }
    }
}

async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(too_large(limit)),
        Err(_) => Err(Problem::new(StatusCode::BAD_REQUEST, "the body ended before its end")),
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is longer than {limit} bytes"))
}
