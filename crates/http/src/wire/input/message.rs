//! Payloads about messages.

use chinwag_core::app::message::{Edit, MarkRead, Point, Send};
use chinwag_core::app::private::First;
use chinwag_core::limits::{HISTORY_PAGE, LATEST, Limits};
use chinwag_core::store::Page;
use chinwag_core::{GroupId, MessageId, Result};

use super::Fields;

/// What is asked of a group's history.
#[derive(Debug, Clone, Copy)]
pub struct Fetch {
    /// Which group.
    pub group: GroupId,
    /// Before which point; without one the newest.
    pub before: Option<Point>,
    /// Which part of it.
    pub page: Page,
}

/// POST `messages/`: a message in somebody's name.
pub fn send(mut fields: Fields<'_>, limits: &Limits) -> Result<Send> {
    let author = fields.maybe_name("author");
    let group = fields.group_id("group");
    let body = fields.body("body", limits.message_chars);
    let respond_to = fields.maybe_message_id("respond_to");
    let date = fields.maybe_date("date");
    let client_id = fields.maybe_client_id("client_id");
    fields.finish(|| Some(Send { author, group: group?, body: body?, respond_to, date, client_id }))
}

/// `message.text`: the same from a socket, whose user is the author and whose date the server's.
pub fn text(mut fields: Fields<'_>, limits: &Limits) -> Result<Send> {
    fields.alias("group", "to");
    fields.ignore(&["author", "date"]);
    send(fields, limits)
}

/// `message.first`
pub fn first(mut fields: Fields<'_>, limits: &Limits) -> Result<First> {
    let target = fields.name("target");
    let body = fields.maybe_body("body", limits.message_chars);
    let client_id = fields.maybe_client_id("client_id");
    fields.finish(|| Some(First { target: target?, body, client_id }))
}

/// PATCH `messages/<id>/`
pub fn edit(mut fields: Fields<'_>, id: MessageId, limits: &Limits) -> Result<Edit> {
    let body = fields.body("body", limits.message_chars);
    fields.finish(|| Some(Edit { id, body: body? }))
}

/// `message.update`
pub fn update(mut fields: Fields<'_>, limits: &Limits) -> Result<Edit> {
    let id = fields.message_id("id");
    let body = fields.body("body", limits.message_chars);
    fields.finish(|| Some(Edit { id: id?, body: body? }))
}

/// `message.delete`
pub fn delete(mut fields: Fields<'_>) -> Result<MessageId> {
    let id = fields.message_id("id");
    fields.finish(|| id)
}

/// `message.fetch`: the messages before `before` (a seq), else before `date`, else the newest.
pub fn fetch(mut fields: Fields<'_>) -> Result<Fetch> {
    let group = fields.group_id("group");
    let before = point(&mut fields, "before");
    let limit = match fields.maybe_number("limit").map(usize::try_from) {
        None => LATEST,
        Some(Ok(limit)) if (1..=HISTORY_PAGE).contains(&limit) => limit,
        Some(_) => {
            fields.refuse("limit", format!("must be from 1 to {HISTORY_PAGE}"));
            LATEST
        }
    };
    fields.finish(|| Some(Fetch { group: group?, before, page: Page::before(before, limit) }))
}

/// `message.read`: up to `seq`, else up to `date`.
pub fn read(mut fields: Fields<'_>) -> Result<MarkRead> {
    fields.ignore(&["author"]);
    let group = fields.group_id("group");
    mark(fields, group)
}

/// POST `groups/<id>/read/`
pub fn mark_read(fields: Fields<'_>, group: GroupId) -> Result<MarkRead> {
    mark(fields, Some(group))
}

fn mark(mut fields: Fields<'_>, group: Option<GroupId>) -> Result<MarkRead> {
    let author = fields.maybe_name("author");
    let refused = fields.errors.len();
    let at = point(&mut fields, "seq");
    if at.is_none() && fields.errors.len() == refused {
        fields.refuse("seq", "or date is required");
    }
    fields.finish(|| Some(MarkRead { author, group: group?, at: at? }))
}

/// A number under `key`, else a `date`.
fn point(fields: &mut Fields<'_>, key: &'static str) -> Option<Point> {
    let seq = fields.maybe_seq(key).map(Point::Seq);
    let date = fields.maybe_date("date").map(Point::Date);
    seq.or(date)
}
