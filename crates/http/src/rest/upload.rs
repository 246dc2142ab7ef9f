//! `files/uploads/`: resumable uploads by the tus protocol 1.0.

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chinwag_core::app::Context;
use chinwag_core::app::file::ReserveFile;
use chinwag_core::file::{FileName, Reservation, StoredFile};
use chinwag_core::file_store::Attempt;
use chinwag_core::{Error, FileId};
use chinwag_media::name;
use hyper::body::Body as _;

use super::answer::OtherTus;
use super::prelude::*;
use crate::admission::detach;
use crate::error::Problem;
use crate::extract::path::ById;
use crate::extract::query::Query;
use crate::files::body::{PacedBody, StoredParts, reach};
use crate::files::part::{Checksum, NewPart};
use crate::files::receive::Reception;
use crate::files::running::UploadTurn;

const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const VERSIONS: HeaderName = HeaderName::from_static("tus-version");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
/// The content type of bodies that append bytes.
const CONTENT_TYPE: &str = "application/offset+octet-stream";
/// The maximum number of parts of an upload.
const PARTS: usize = 10_000;

/// Returns the supported version and extensions of tus.
#[utoipa::path(
    options, path = "/api/v1/files/uploads/", tag = "files", operation_id = "upload_options",
    responses((status = 204, description = "The headers contain the versions and extensions."), Refusals),
    security(()),
)]
pub(crate) async fn options(State(state): State<Arc<ServerState>>) -> Response {
    let headers = [
        (VERSIONS, VERSION),
        (HeaderName::from_static("tus-extension"), HeaderValue::from_static("creation,termination,checksum")),
        (HeaderName::from_static("tus-checksum-algorithm"), HeaderValue::from_static("sha1,sha256")),
        (HeaderName::from_static("tus-max-size"), state.app.limits().files.max_size.into()),
    ];
    tus(state.files().map(|_| (StatusCode::NO_CONTENT, headers).into_response()))
}

/// Creates an upload.
///
/// `Location` is its address.
#[utoipa::path(
    post, path = "/api/v1/files/uploads/", tag = "files", operation_id = "upload_create",
    params(
        ("author" = Option<String>, Query, description = "The uploader. Required for services, and only for them."),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Length" = u64, Header, description = "The bytes of the file."),
        ("Upload-Metadata" = Option<String>, Header, description = "`filename`, in base64."),
    ),
    responses(
        (status = 201, description = "It has begun."),
        OtherTus,
        Refusals,
    ),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    query: Query,
    parts: Parts,
) -> Response {
    tus(begin(&state, &context, &query, &parts.headers).await)
}

async fn begin(
    state: &ServerState,
    context: &Context,
    query: &Query,
    headers: &HeaderMap,
) -> Result<Response> {
    state.files()?;
    require_version(headers)?;
    let size = number(headers, &LENGTH)?;
    state.app.limits().files.admit_size(size)?;
    let name = FileName::cleaned(&name::clean(&file_name(headers)?));
    let reserve = ReserveFile { author: query.author()?, name, size, resumable: true };
    let reserved = state.app.file_reserve(context, reserve).await?;
    if size == 0 {
        complete(state, &reserved).await?;
    }
    let address = state.options.public_url.as_ref().map_or_else(String::new, ToString::to_string);
    let location = format!("{address}/api/v1/files/uploads/{}/", reserved.id);
    let location = HeaderValue::from_str(&location).map_err(|_| Problem::fault())?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)]).into_response())
}

/// Returns the number of stored bytes of an upload.
///
/// Aborts another request that is still sending to it.
#[utoipa::path(
    head, path = "/api/v1/files/uploads/{id}/", tag = "files", operation_id = "upload_get",
    params(
        ("id" = Uuid, Path, description = "The upload's id, which becomes the file's."),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
    ),
    responses(
        (status = 200, description = "`Upload-Offset` contains the number of stored bytes."),
        OtherTus,
        Refusals,
    ),
)]
pub(crate) async fn offset(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<FileId>,
    parts: Parts,
) -> Response {
    tus(find_offset(&state, &context, id, &parts.headers).await)
}

async fn find_offset(
    state: &ServerState,
    context: &Context,
    id: FileId,
    headers: &HeaderMap,
) -> Result<Response> {
    let files = state.files()?;
    require_version(headers)?;
    let (reserved, _turn) = match take(state, context, id).await {
        Ok(taken) => taken,
        // The upload may be complete already.
        Err(Error::NotFound(_)) => {
            let file = state.app.file(context, id).await?;
            return Ok(position(StatusCode::OK, &file.name, file.size, file.size));
        }
        Err(error) => return Err(error.into()),
    };
    let stored = reach(&files.store().parts(id).await?);
    if stored >= reserved.size {
        // A fault, or the end of the process, prevented the completion after the last byte.
        complete(state, &reserved).await?;
    }
    Ok(position(StatusCode::OK, &reserved.name, stored.min(reserved.size), reserved.size))
}

/// Adds bytes to an upload.
///
/// The last byte completes the file.
#[utoipa::path(
    patch, path = "/api/v1/files/uploads/{id}/", tag = "files", operation_id = "upload_append",
    params(
        ("id" = Uuid, Path, description = "The upload's id."),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Offset" = u64, Header, description = "The bytes that are stored so far."),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha1` or `sha256`, and the hash of the body in base64."),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "The bytes are stored."),
        (status = 409, description = "`Upload-Offset` is not the number of bytes that are stored.",
         body = crate::error::Body<'static>, content_type = "application/problem+json"),
        OtherTus,
        (status = 460, description = "The bytes do not match `Upload-Checksum`.",
         body = crate::error::Body<'static>, content_type = "application/problem+json"),
        Refusals,
    ),
)]
pub(crate) async fn append(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<FileId>,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let length = body.size_hint().exact();
    let body = PacedBody::new(body, state.options.body_timeout);
    let headers = std::mem::take(&mut parts.headers);
    // Detached, so that received bytes are stored even if the client disconnects.
    let appending = async move { append_body(&state, &context, id, &headers, (body, length)).await };
    tus(detach(&mut parts, appending).await)
}

async fn append_body(
    state: &ServerState,
    context: &Context,
    id: FileId,
    headers: &HeaderMap,
    (mut body, length): (PacedBody, Option<u64>),
) -> Result<Response> {
    let files = state.files()?;
    require_version(headers)?;
    require_content_type(headers)?;
    let from = number(headers, &OFFSET)?;
    let checksum = headers.get(&CHECKSUM).map(Checksum::parse).transpose()?;
    let (reserved, mut turn) = match take(state, context, id).await {
        Ok(taken) => taken,
        Err(Error::NotFound(_)) => return Err(ended(state, context, id).await),
        Err(error) => return Err(error.into()),
    };
    let parts = files.store().parts(id).await?;
    let stored = reach(&parts);
    if from != stored {
        let why = format!("Upload-Offset must be {stored}, the number of stored bytes: request it with HEAD");
        return Err(Problem::new(StatusCode::CONFLICT, why));
    }
    let left = reserved.size - stored;
    if length.is_some_and(|length| length > left) {
        return Err(Error::TooLarge("the body extends past Upload-Length".into()).into());
    }
    if parts.len() >= PARTS {
        let why =
            format!("the upload has {PARTS} parts, which is the limit: start it again with larger parts");
        return Err(Error::TooLarge(why).into());
    }
    let number = state.app.clock().uuid().as_u64_pair().1;
    let part = NewPart { store: files.store(), id, offset: stored, number, most: left, checksum };
    let written = part.write(&mut body, &mut turn).await?;
    if written.size > 0 {
        match state.app.file_extend(context, id).await {
            Ok(_) => {}
            // A request at another node has completed or ended the upload meanwhile.
            Err(Error::NotFound(_)) => {
                state.app.file_clear(id, &**files.store()).await?;
                return Err(ended(state, context, id).await);
            }
            // The bytes are stored anyway.
            Err(error) => tracing::debug!(%error, %id, "the life of an upload was not extended"),
        }
    }
    if let Some(refused) = written.cut {
        return Err(refused);
    }
    let stored = stored + written.size;
    if stored == reserved.size {
        complete(state, &reserved).await?;
    }
    Ok(position(StatusCode::NO_CONTENT, &reserved.name, stored, reserved.size))
}

/// Cancels an upload, and deletes its bytes.
#[utoipa::path(
    delete, path = "/api/v1/files/uploads/{id}/", tag = "files", operation_id = "upload_delete",
    params(
        ("id" = Uuid, Path, description = "The upload's id."),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
    ),
    responses(
        (status = 204, description = "It has ended."),
        OtherTus,
        Refusals,
    ),
)]
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<FileId>,
    parts: Parts,
) -> Response {
    let end = async {
        state.files()?;
        require_version(&parts.headers)?;
        // Interrupt a request in progress first, so that it stores nothing later.
        let _turn = match take(&state, &context, id).await {
            Ok((_, turn)) => Some(turn),
            Err(Error::NotFound(_)) => None,
            Err(error) => return Err(error.into()),
        };
        state.app.file_abandon(&context, id).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    tus(end.await)
}

/// Interrupts a request in progress for an unfinished upload of the caller, and takes its turn.
async fn take(
    state: &ServerState,
    context: &Context,
    id: FileId,
) -> chinwag_core::Result<(Reservation, UploadTurn)> {
    let files = state.files().map_err(|_| Error::NotFound("file"))?;
    // Check first, so that a caller cannot interrupt another user's upload.
    state.app.file_reservation(context, id).await?;
    let turn = files.running.take(id).await?;
    // Read again: the interrupted request may have completed the upload.
    Ok((state.app.file_reservation(context, id).await?, turn))
}

/// Turns an upload whose bytes are all stored into a file.
async fn complete(state: &ServerState, reserved: &Reservation) -> Result<StoredFile> {
    let (files, limits) = (state.files()?, &state.app.limits().files);
    let (id, size) = (reserved.id, reserved.size);
    let parts = files.store().parts(id).await?;
    let mut pieces = StoredParts::new(&**files.store(), id, &parts, size);
    // Attempt 0 is reserved for files that arrive in one request.
    let attempt = Attempt(state.app.clock().uuid().as_u64_pair().1.max(1));
    let reception = Reception { files, limits, id, attempt, most: size };
    let stored = match reception.receive(&mut pieces).await {
        Ok(complete) => state.app.file_complete(complete).await.map_err(Problem::from),
        Err(refused) => Err(refused),
    };
    if let Err(refused) = &stored {
        if !refused.status.is_client_error() {
            return stored;
        }
        // Drop the file, since it would be refused again.
        state.app.file_drop(id).await?;
    }
    // Removes the parts and, if another node has completed or ended the upload, the objects that this request has
    // written.
    if let Err(error) = state.app.file_clear(id, &**files.store()).await {
        tracing::warn!(%error, %id, "the remains of an upload could not be removed: they are removed with the file, or in a day");
    }
    stored
}

/// The error for bytes to an upload that is complete or does not exist.
async fn ended(state: &ServerState, context: &Context, id: FileId) -> Problem {
    match state.app.file(context, id).await {
        Ok(_) => Problem::new(StatusCode::CONFLICT, "the upload is complete: request its state with HEAD"),
        Err(error) => error.into(),
    }
}

/// Adds the headers that tus requires in every response.
fn tus(answer: Result<Response>) -> Response {
    let mut response = answer.unwrap_or_else(Problem::into_response);
    let refused = response.status() == StatusCode::PRECONDITION_FAILED;
    let headers = response.headers_mut();
    headers.insert(RESUMABLE, VERSION);
    if refused {
        headers.insert(VERSIONS, VERSION);
    }
    response
}

fn position(status: StatusCode, name: &FileName, offset: u64, length: u64) -> Response {
    let metadata = format!("filename {}", STANDARD.encode(name.as_str()));
    let metadata = HeaderValue::from_str(&metadata).expect("base64 is ASCII");
    let headers = [(OFFSET, offset.into()), (LENGTH, length.into()), (METADATA, metadata)];
    (status, headers).into_response()
}

fn require_version(headers: &HeaderMap) -> Result<()> {
    if headers.get(&RESUMABLE) == Some(&VERSION) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::PRECONDITION_FAILED, "Tus-Resumable must be 1.0.0"))
}

fn require_content_type(headers: &HeaderMap) -> Result<()> {
    let found = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if found.eq_ignore_ascii_case(CONTENT_TYPE.as_bytes()) {
        return Ok(());
    }
    let why = format!("Content-Type must be {CONTENT_TYPE}");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why))
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64> {
    let text = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| text.parse().ok())
        .flatten()
        .ok_or_else(|| Error::field(name.to_string(), "is required: a number of bytes").into())
}

/// The value of `filename` in `Upload-Metadata`, or an empty string.
fn file_name(headers: &HeaderMap) -> Result<String> {
    let Some(metadata) = headers.get(&METADATA) else { return Ok(String::new()) };
    let refused =
        || Error::field("upload-metadata", "must be keys with values in base64, separated by commas");
    let metadata = metadata.to_str().map_err(|_| refused())?;
    for pair in metadata.split(',').map(str::trim) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        if key == "filename" {
            let value = STANDARD.decode(value.trim()).map_err(|_| refused())?;
            return Ok(String::from_utf8_lossy(&value).into_owned());
        }
    }
    Ok(String::new())
}
