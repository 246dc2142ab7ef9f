//! Webhooks: create, list, change, delete, replay. Only the service may do this; admins may list them.

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

/// Creates a webhook.
#[derive(Debug, Clone)]
pub struct MakeWebhook {
    pub url: String,
    pub kinds: WebhookKinds,
    /// None: generate a secret.
    pub secret: Option<WebhookSecret>,
}

/// Changes a webhook. `None` keeps a value.
#[derive(Debug, Clone)]
pub struct ChangeWebhook {
    pub id: WebhookId,
    pub url: Option<String>,
    pub kinds: Option<WebhookKinds>,
    pub secret: Option<WebhookSecret>,
}

#[derive(Debug)]
pub enum ReplayAnswer {
    Begun(Webhook),
    /// The events after the position were removed or never recorded.
    Gone,
}

impl App {
    /// Creates a webhook. It receives the events that are committed from now on.
    pub async fn webhook_create(&self, context: &Context, command: MakeWebhook) -> Result<Webhook> {
        self.write(Growth::Adds, context, command, create).await
    }

    /// All webhooks, in order of creation, with the parts that the caller may see.
    pub async fn webhooks(&self, context: &Context) -> Result<Vec<Webhook>> {
        self.read(context, (), |tx, caller, ()| {
            let shown = shown_to(tx, caller)?;
            Ok(tx.webhooks()?.into_iter().map(shown).collect())
        })
        .await
    }

    pub async fn webhook(&self, context: &Context, id: WebhookId) -> Result<Webhook> {
        self.read(context, id, |tx, caller, id| {
            service_only(caller)?;
            found(tx, *id)
        })
        .await
    }

    /// A webhook, with the parts that the caller may see. Admins do not see the query string of its URL.
    pub async fn webhook_shown(&self, context: &Context, id: WebhookId) -> Result<Webhook> {
        self.read(context, id, |tx, caller, id| {
            let shown = shown_to(tx, caller)?;
            found(tx, *id).map(shown)
        })
        .await
    }

    /// Changes a webhook. A replaced secret continues to sign for one day.
    pub async fn webhook_change(&self, context: &Context, command: ChangeWebhook) -> Result<Webhook> {
        self.write(Growth::Bounded, context, command, change).await
    }

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

    /// Sends again the events after a position and the events in the queue. Each one gets a new expiry date.
    pub async fn webhook_replay(&self, context: &Context, id: WebhookId, after: i64) -> Result<ReplayAnswer> {
        self.write(Growth::Bounded, context, (id, after), |unit, (id, after)| replay(unit, *id, *after)).await
    }

    /// The latest attempts at a webhook, newest first.
    pub async fn webhook_attempts(&self, context: &Context, id: WebhookId) -> Result<Vec<WebhookAttempt>> {
        self.read(context, id, |tx, caller, id| {
            govern(tx, caller, Govern::SeeWebhooks)?;
            found(tx, *id)?;
            tx.webhook_attempts(*id)
        })
        .await
    }

    /// Records an attempt that the service requested.
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
    /// Records attempts, which are listed newest first.
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

    /// Erases a queue that no longer belongs to a webhook, in steps.
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

/// The names of the fields that changed, for the audit log.
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
    // Start early enough to include the events in the queue, and to skip no event that was not sent yet.
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

/// Hides the parts of a webhook that the caller may not see. Fails if the caller may not see webhooks at all.
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
