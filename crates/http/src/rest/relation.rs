//! `relations/blocked/`

use chinwag_core::Error;

use super::prelude::*;
use crate::wire::input::relation::{Blocked, Lookup};

/// Succeeds if the target has not blocked the author, and returns 403 if it has.
///
/// It ignores whether the author has blocked the target. An author or target who does not exist is 404.
#[utoipa::path(
    post, path = "/api/v1/relations/blocked/", tag = "relations", operation_id = "relation_blocked",
    request_body = Blocked,
    responses((status = 200, description = "The target has not blocked the author."), Refusals),
)]
pub(crate) async fn blocked(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    payload: Payload,
) -> Result<Response> {
    let Blocked { author, target } = payload.fields()?.command(|pair: Blocked, _| Some(pair))?;
    let nobody = || Error::NotFound("user");
    let author = match author {
        Some(Lookup(None)) if context.who.is_service() => return Err(nobody().into()),
        author => author.and_then(|author| author.0),
    };
    state.app.relation_check(&context, author, target.0.ok_or_else(nobody)?).await?;
    Ok(nothing())
}
