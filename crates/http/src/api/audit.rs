//! The audit log: the route `audit/`.

use chinwag_core::app::{App, Context};
use chinwag_core::audit::{AuditEntry, AuditFilter};
use chinwag_core::{AuditId, Date, Error};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::extract::query::Query;
use crate::rest::list::{self, ListSource, Rows};
use crate::rest::prelude::*;
use crate::wire::text::text;

/// An entry of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct ShownEntry<'a> {
    /// The id.
    id: Uuid,
    /// The date, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    date: Date,
    /// The name of a user, `service` or `command line`; null of a sign-in that failed.
    #[schema(required = true)]
    actor: Option<&'a str>,
    /// The act, such as `user.suspend`.
    action: &'a str,
    /// The name of a user, or the id of a group, webhook, report, message, key or hook; of a sign-in that failed the name that
    /// was tried. Names are those of the moment.
    #[schema(required = true)]
    target: Option<&'a str>,
    /// The address from which the request came.
    #[schema(required = true)]
    address: Option<&'a str>,
    /// More about the act, in a few words.
    #[schema(required = true)]
    detail: Option<&'a str>,
}

impl<'a> From<&'a AuditEntry> for ShownEntry<'a> {
    fn from(entry: &'a AuditEntry) -> Self {
        Self {
            id: entry.id.0,
            date: entry.date,
            actor: entry.actor.as_deref(),
            action: &entry.action,
            target: entry.target.as_deref(),
            address: entry.address.as_deref(),
            detail: entry.detail.as_deref(),
        }
    }
}

/// Lists the acts of services, admins and the command line, created and ended credentials, and failed sign-ins,
/// newest first.
///
/// With filters, a page may have fewer entries than `limit` although `Link` names a next page. For services and
/// admins.
#[utoipa::path(
    get, path = "/api/v1/audit/", tag = "service", operation_id = "audit_list",
    params(
        ("date" = Option<String>, Query, description = "Only acts of this day, in UTC, such as `2024-05-12`."),
        ("actor" = Option<String>, Query, description = "Only acts by this user, `service` or `command line`."),
        ("action" = Option<String>, Query, description = "Only acts of this kind, such as `user.suspend`."),
        ("target" = Option<String>, Query, description = "Only acts on this user, group, webhook, report, message, key or hook."),
        ("address" = Option<String>, Query, description = "Only acts from this address."),
        list::ListPages,
    ),
    responses((status = 200, description = "The entries.", body = Vec<ShownEntry<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    query: Query,
) -> Result<Response> {
    let filter = query.audit_filter()?;
    let source = AuditList { app: state.app.clone(), context, filter };
    Ok(list::answer(&state, source, query).await?)
}

/// The source of a list of audit log entries.
struct AuditList {
    app: App,
    context: Context,
    filter: AuditFilter,
}

impl ListSource for AuditList {
    const NAME: &str = "audit";
    const PART: usize = 500;
    type Place = AuditId;

    async fn rows(&self, after: Option<AuditId>, limit: usize) -> std::result::Result<Rows<AuditId>, Error> {
        let page = self.app.audit(&self.context, self.filter.clone(), after, limit).await?;
        let row = |entry: &AuditEntry| {
            let shown = serde_json::to_vec(&ShownEntry::from(entry)).map_err(Error::internal)?;
            Ok((entry.id, Some(shown)))
        };
        let mut rows: Rows<AuditId> =
            page.entries.iter().map(row).collect::<std::result::Result<_, Error>>()?;
        if let Some(next) = page.next {
            // Filters may have left the page short. Pad it with empty rows, so that the list has a next page.
            rows.resize(limit, (next, None));
        }
        Ok(rows)
    }
}
