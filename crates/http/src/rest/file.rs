//! `files/`

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use chinwag_core::app::file::ReserveFile;
use chinwag_core::app::{App, Context};
use chinwag_core::file::{FileName, Reservation, StoredFile};
use chinwag_core::file_store::Attempt;
use chinwag_core::{Error, FileId, Name};
use chinwag_media::name;
use hyper::body::Body as _;

use super::list::{self, ListSource, Rows};
use super::prelude::*;
use crate::admission::detach;
use crate::error::Problem;
use crate::extract::path::ById;
use crate::extract::query::Query;
use crate::files::body::PacedBody;
use crate::files::download::{self, ServedObject};
use crate::files::receive::Reception;
use crate::wire::file::File;

/// Uploads a file: the body is its bytes, whatever the headers say of them.
///
/// The content decides the type. An image is stored without its metadata, upright, and gets a thumbnail. A file that
/// is not attached to a message within 24 hours is removed.
#[utoipa::path(
    post, path = "/api/v1/files/", tag = "files", operation_id = "file_create",
    params(
        ("name" = Option<String>, Query, description = "The name of the file. Only the last segment of a path is used."),
        ("author" = Option<String>, Query, description = "The uploader. Required for services, and only for them."),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, description = "The file.", body = File<'static>), Refusals),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    query: Query,
    request: Request,
) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let length = body.size_hint().exact();
    let reserved = reserve(&state, &context, &query, &parts.headers, length).await?;
    let body = PacedBody::new(body, state.options.body_timeout);
    // Detached, so that it releases the reservation even if the client disconnects.
    let file = detach(&mut parts, async move { receive(&state, &reserved, body).await }).await?;
    Ok(json(StatusCode::CREATED, &File::from(&file)))
}

async fn reserve(
    state: &ServerState,
    context: &Context,
    query: &Query,
    headers: &HeaderMap,
    length: Option<u64>,
) -> Result<Reservation> {
    state.files()?;
    let mut codings = headers.get_all(header::CONTENT_ENCODING).into_iter();
    if codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let why = "Content-Encoding is not supported: send the body unencoded";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let limits = &state.app.limits().files;
    let size = length.unwrap_or(limits.max_size);
    limits.admit_size(size)?;
    let name = FileName::cleaned(&name::clean(query.file_name()?.unwrap_or_default()));
    let reserve = ReserveFile { author: query.author()?, name, size, resumable: false };
    Ok(state.app.file_reserve(context, reserve).await?)
}

async fn receive(state: &ServerState, reserved: &Reservation, mut body: PacedBody) -> Result<StoredFile> {
    let files = state.files()?;
    let limits = &state.app.limits().files;
    let (id, attempt) = (reserved.id, Attempt::ONLY);
    let reception = Reception { files, limits, id, attempt, most: reserved.size };
    let stored = match reception.receive(&mut body).await {
        Ok(complete) => {
            let stored = state.app.file_complete(complete).await;
            if matches!(stored, Err(Error::NotFound(_))) {
                // The user was deleted meanwhile, or the reservation has expired.
                state.app.file_clear(id, &**files.store()).await?;
            }
            stored.map_err(Problem::from)
        }
        Err(refused) => Err(refused),
    };
    if stored.is_err()
        && let Err(error) = state.app.file_drop(reserved.id).await
    {
        // The reservation expires by itself.
        tracing::warn!(%error, id = %reserved.id, "the reservation of a failed upload could not be given back");
    }
    stored
}

/// Lists the uploaded files of a user, without their bytes: a user's own, or for services and admins those of
/// `author`.
#[utoipa::path(
    get, path = "/api/v1/files/", tag = "files", operation_id = "file_list",
    params(
        ("author" = Option<String>, Query, description = "The uploader. Required for services; a user may omit its own name."),
        list::ListPages,
    ),
    responses((status = 200, description = "The files.", body = Vec<File<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    query: Query,
) -> Result<Response> {
    state.files()?;
    let source = FileList { app: state.app.clone(), context, author: query.author()? };
    Ok(list::answer(&state, source, query).await?)
}

/// The source of a list of one user's files.
struct FileList {
    app: App,
    context: Context,
    author: Option<Name>,
}

impl ListSource for FileList {
    const NAME: &str = "files";
    const PART: usize = 100;
    type Place = FileId;

    async fn rows(&self, after: Option<FileId>, limit: usize) -> std::result::Result<Rows<FileId>, Error> {
        let page = self.app.files_of(&self.context, self.author.clone(), after, limit).await?;
        let row = |(id, file): &(FileId, Option<StoredFile>)| {
            let shown = file.as_ref().map(|file| serde_json::to_vec(&File::from(file)));
            Ok((*id, shown.transpose().map_err(Error::internal)?))
        };
        page.iter().map(row).collect()
    }
}

/// Returns a file's name, type and size.
#[utoipa::path(
    get, path = "/api/v1/files/{id}/", tag = "files", operation_id = "file_get",
    params(("id" = Uuid, Path, description = "The file's id.")),
    responses((status = 200, description = "The file.", body = File<'static>), Refusals),
)]
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<FileId>,
) -> Result<Response> {
    state.files()?;
    Ok(json(StatusCode::OK, &File::from(&state.app.file(&context, id).await?)))
}

/// Returns a file's bytes.
///
/// The name in the path may be any; `Content-Disposition` has the stored one.
#[utoipa::path(
    get, path = "/api/v1/files/{id}/{name}", tag = "files", operation_id = "file_read",
    params(
        ("id" = Uuid, Path, description = "The file's id."),
        ("name" = String, Path, description = "Any name."),
        ("ticket" = Option<String>, Query, description = "A ticket for files, in place of a credential."),
    ),
    responses(
        (status = 200, description = "The bytes, with the type of the file.", body = Vec<u8>, content_type = "*/*"),
        (status = 206, description = "A range of the bytes.", body = Vec<u8>, content_type = "*/*"),
        (status = 302, description = "A redirect to the bucket, with `files.redirect`."),
        (status = 304, description = "The client's copy is current."),
        (status = 416, description = "The range is past the end."),
        Refusals,
    ),
)]
pub(crate) async fn read(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<FileId>,
    parts: Parts,
) -> Result<Response> {
    state.files()?;
    let file = state.app.file(&context, id).await?;
    download::answer(&state, ServedObject::whole(&file), &parts).await
}

/// Returns a file's thumbnail, in WebP.
#[utoipa::path(
    get, path = "/api/v1/files/{id}/thumbnail/image.webp", tag = "files", operation_id = "file_thumbnail",
    params(
        ("id" = Uuid, Path, description = "The file's id."),
        ("ticket" = Option<String>, Query, description = "A ticket for files, in place of a credential."),
    ),
    responses(
        (status = 200, description = "The picture.", body = Vec<u8>, content_type = "image/webp"),
        (status = 206, description = "A range of the picture.", body = Vec<u8>, content_type = "image/webp"),
        (status = 304, description = "The client's copy is current."),
        (status = 416, description = "The range is past the end."),
        Refusals,
    ),
)]
pub(crate) async fn thumbnail(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<FileId>,
    parts: Parts,
) -> Result<Response> {
    let files = state.files()?;
    let file = state.app.file(&context, id).await?;
    if file.thumbnail.is_none() {
        return Err(Error::NotFound("thumbnail").into());
    }
    let key = file.thumbnail_key();
    let size = files.store().size(key).await?.ok_or(Error::NotFound("thumbnail"))?;
    let object = ServedObject { key, size, media_type: "image/webp", name: "thumbnail.webp" };
    download::answer(&state, object, &parts).await
}
