//! `relations/blocked/`

use chinwag_core::Error;
use chinwag_core::app::Who;
use chinwag_core::user::Caller;
use utoipa::ToSchema;

use super::prelude::*;

/// Who would write to whom.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct Blocked {
    /// Who would write; for a user itself, which may be left out.
    author: Option<String>,
    /// To whom.
    target: String,
}

/// Says whether the target has blocked the author: then it is 403. Whether the author has blocked the
/// target is not asked. An author or target who does not exist is 404.
#[utoipa::path(
    post, path = "/api/v1/relations/blocked/", tag = "relations", operation_id = "relation_blocked",
    request_body = Blocked,
    responses((status = 200, description = "The target has not blocked the author."), Refusals),
)]
pub(crate) async fn blocked(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    payload: Payload,
) -> Result<Response> {
    let asked = input::relation::blocked(payload.fields()?)?;
    let nobody = || Error::NotFound("user");
    let author = match asked.author {
        Some(None) if context.who == Who::Known(Caller::Service) => return Err(nobody().into()),
        author => author.flatten(),
    };
    doors.app.relation_check(&context, author, asked.target.ok_or_else(nobody)?).await?;
    Ok(nothing())
}
