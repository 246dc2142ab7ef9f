//! Webhooks: make, list, change, end, replay. Only the service does; admins may see them.

mod delivery;

use super::actor::service_only;
use super::suspension::{govern, governs};
use super::{App, Context, Growth, Unit};
use crate::audit::AuditAction;
use crate::authority::Govern;
use crate::store::{Task, Tx};
use crate::user::Caller;
use crate::webhook::{SECRET_OVERLAP, Webhook, WebhookAttempt, WebhookKinds, WebhookQueue, WebhookSecret};
use crate::{Error, Result, WebhookId};

pub use delivery::{EventToSend, LaneEnd, LaneToSend, WebhookStep, WebhookWork, WorkQuery};

const MISSING: Error = Error::NotFound("webhook");

/// Makes a webhook.
#[derive(Debug, Clone)]
pub struct MakeWebhook {
    pub url: String,
    pub kinds: WebhookKinds,
    /// The secret; none: a new one is made.
    pub secret: Option<WebhookSecret>,
}

/// Changes a webhook. A value that is none stays as it is.
#[derive(Debug, Clone)]
pub struct ChangeWebhook {
    pub id: WebhookId,
    pub url: Option<String>,
    pub kinds: Option<WebhookKinds>,
    pub secret: Option<WebhookSecret>,
}

/// The answer to a replay.
#[derive(Debug)]
pub enum ReplayAnswer {
    Begun(Webhook),
    /// Events after the position are no longer kept, or never were.
    Gone,
}

impl App {
    /// Makes a webhook. It receives the events that are committed from now on.
    pub async fn webhook_create(&self, context: &Context, command: MakeWebhook) -> Result<Webhook> {
        self.write(Growth::Adds, context, command, create).await
    }

    /// All webhooks, in order of creation, as the caller may see them.
    pub async fn webhooks(&self, context: &Context) -> Result<Vec<Webhook>> {
        self.read(context, (), |tx, caller, ()| {
            let shown = shown_to(tx, caller)?;
            Ok(tx.webhooks()?.into_iter().map(shown).collect())
        })
        .await
    }

    /// One webhook.
    pub async fn webhook(&self, context: &Context, id: WebhookId) -> Result<Webhook> {
        self.read(context, id, |tx, caller, id| {
            service_only(caller)?;
            found(tx, *id)
        })
        .await
    }

    /// A webhook as the caller may see it: admins do not see the query of its address.
    pub async fn webhook_shown(&self, context: &Context, id: WebhookId) -> Result<Webhook> {
        self.read(context, id, |tx, caller, id| {
            let shown = shown_to(tx, caller)?;
            found(tx, *id).map(shown)
        })
        .await
    }

    /// Changes a webhook. A secret that is replaced signs for another day.
    pub async fn webhook_change(&self, context: &Context, command: ChangeWebhook) -> Result<Webhook> {
        self.write(Growth::Bounded, context, command, change).await
    }

    /// Ends a webhook.
    pub async fn webhook_delete(&self, context: &Context, id: WebhookId) -> Result<()> {
        self.write(Growth::Bounded, context, id, |unit, id| {
            service_only(unit.caller)?;
            let webhook = found(unit.tx, *id)?;
            unit.tx.webhook_delete(*id)?;
            unit.end_queue(webhook.queue)?;
            unit.audit(AuditAction::WebhookDelete, id)?;
            unit.switch_feed()
        })
        .await
    }

    /// Sends the events after a position again, and those that still wait. Each has its time anew.
    pub async fn webhook_replay(&self, context: &Context, id: WebhookId, after: i64) -> Result<ReplayAnswer> {
        self.write(Growth::Bounded, context, (id, after), |unit, (id, after)| replay(unit, *id, *after)).await
    }

    /// The newest attempts at a webhook, the newest first.
    pub async fn webhook_attempts(&self, context: &Context, id: WebhookId) -> Result<Vec<WebhookAttempt>> {
        self.read(context, id, |tx, caller, id| {
            govern(tx, caller, Govern::SeeWebhooks)?;
            found(tx, *id)?;
            tx.webhook_attempts(*id)
        })
        .await
    }

    /// Notes an attempt that was made on request.
    pub async fn webhook_attempted(
        &self,
        context: &Context,
        id: WebhookId,
        attempt: WebhookAttempt,
    ) -> Result<()> {
        self.write(Growth::Bounded, context, (id, attempt), |unit, (id, attempt)| {
            service_only(unit.caller)?;
            found(unit.tx, *id)?;
            unit.audit(AuditAction::WebhookTest, id)?;
            unit.note_attempts(*id, std::slice::from_ref(attempt))
        })
        .await
    }
}

impl Unit<'_> {
    /// Notes attempts, the newest first.
    fn note_attempts(&mut self, id: WebhookId, attempts: &[WebhookAttempt]) -> Result<()> {
        if attempts.is_empty() {
            return Ok(());
        }
        let earlier = self.tx.webhook_attempts(id)?;
        self.tx.webhook_attempts_set(id, &[attempts, &earlier].concat())
    }

    fn new_queue(&self) -> WebhookQueue {
        WebhookQueue(self.rules.clock.uuid())
    }

    /// Erases a queue that no webhook has any more, in steps.
    fn end_queue(&mut self, queue: WebhookQueue) -> Result<()> {
        if self.tx.webhook_next_due(queue, self.now())?.is_none() {
            return Ok(());
        }
        let (id, task) = (self.new_task(), Task::EraseWebhookQueue(queue));
        self.tx.task_insert(id, &task)?;
        self.begin_task(id, task)
    }
}

fn create(unit: &mut Unit, command: &MakeWebhook) -> Result<Webhook> {
    service_only(unit.caller)?;
    let most = unit.rules.limits.webhooks;
    if unit.tx.webhooks()?.len() >= most {
        return Err(Error::forbidden(format!(
            "there are {most} webhooks, which is the limit: delete one, or raise webhooks.max"
        )));
    }
    let MakeWebhook { url, kinds, secret } = command.clone();
    let clock = &unit.rules.clock;
    let mut webhook = Webhook {
        id: WebhookId::new(&**clock),
        url,
        kinds,
        secret: secret.unwrap_or_else(|| WebhookSecret::stored(&clock.secret())),
        previous: None,
        created: unit.now(),
        queue: unit.new_queue(),
        position: 0,
        replayed: None,
    };
    unit.tx.feed_switch(true)?;
    webhook.position = unit.tx.feed_bounds()?.last;
    unit.begin_notifying()?;
    unit.tx.webhook_insert(&webhook)?;
    unit.audit(AuditAction::WebhookCreate, webhook.id)?;
    Ok(webhook)
}

fn change(unit: &mut Unit, command: &ChangeWebhook) -> Result<Webhook> {
    service_only(unit.caller)?;
    let mut webhook = found(unit.tx, command.id)?;
    let before = webhook.clone();
    if let Some(url) = &command.url {
        webhook.url.clone_from(url);
    }
    if let Some(kinds) = command.kinds {
        webhook.kinds = kinds;
    }
    if let Some(secret) = command.secret.as_ref().filter(|secret| **secret != webhook.secret) {
        let until = unit.now().plus(SECRET_OVERLAP);
        webhook.previous = Some((std::mem::replace(&mut webhook.secret, secret.clone()), until));
    }
    if webhook != before {
        unit.begin_notifying()?;
        unit.tx.webhook_update(&webhook)?;
        unit.audit_with(AuditAction::WebhookUpdate, webhook.id, changed_keys(&before, &webhook))?;
    }
    Ok(webhook)
}

/// The keys of a webhook that a change concerns, for the audit log.
fn changed_keys(before: &Webhook, after: &Webhook) -> String {
    let changes = [
        ("url", before.url != after.url),
        ("types", before.kinds != after.kinds),
        ("secret", before.secret != after.secret),
    ];
    changes
        .into_iter()
        .filter_map(|(key, is_changed)| is_changed.then_some(key))
        .collect::<Vec<_>>()
        .join(", ")
}

fn replay(unit: &mut Unit, id: WebhookId, after: i64) -> Result<ReplayAnswer> {
    service_only(unit.caller)?;
    let webhook = found(unit.tx, id)?;
    let bounds = unit.tx.feed_bounds()?;
    if !(bounds.removed..=bounds.last).contains(&after) {
        return Ok(ReplayAnswer::Gone);
    }
    // Events that wait from before are sent again, too, and none that was not sent yet is skipped.
    let waiting = unit.tx.webhook_first_waiting(webhook.queue)?.map(|first| first - 1);
    let position = [Some(after), waiting].into_iter().flatten().fold(webhook.position, i64::min);
    let ended = webhook.queue;
    let upto = webhook.replayed.map_or(webhook.position, |(_, upto)| upto.max(webhook.position));
    let replayed = Some((unit.now(), upto));
    let webhook = Webhook { queue: unit.new_queue(), position, replayed, ..webhook };
    unit.tx.webhook_replay(&webhook)?;
    unit.audit(AuditAction::WebhookReplay, id)?;
    unit.end_queue(ended)?;
    Ok(ReplayAnswer::Begun(webhook))
}

/// The form in which a caller may see webhooks. Refuses one who may see none.
fn shown_to(tx: &dyn Tx, caller: Caller) -> Result<impl Fn(Webhook) -> Webhook> {
    govern(tx, caller, Govern::SeeWebhooks)?;
    let is_whole = governs(tx, caller, Govern::SeeWebhookQueries)?;
    Ok(move |mut webhook: Webhook| {
        if !is_whole && let Some((address, _)) = webhook.url.split_once(['?', '#']) {
            webhook.url = address.into();
        }
        webhook
    })
}

fn found(tx: &dyn Tx, id: WebhookId) -> Result<Webhook> {
    tx.webhook(id)?.ok_or(MISSING)
}
