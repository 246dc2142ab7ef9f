//! `relations/blocked/`

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

/// Says whether one user may write to another: 403 if the target has blocked the author.
#[utoipa::path(
    post, path = "/api/v1/relations/blocked/", tag = "relations", operation_id = "relation_blocked",
    request_body = Blocked,
    responses((status = 200, description = "The author may write."), Refusals),
)]
pub(crate) async fn blocked(
    State(doors): State<Arc<Doors>>,
    Calling(context): Calling,
    payload: Payload,
) -> Result<Response> {
    let asked = input::relation::blocked(payload.fields()?)?;
    doors.app.relation_check(&context, asked.author, asked.target).await?;
    Ok(nothing())
}
