//! Notifications: the server's keys, and the subscriptions of users.

mod decide;
mod send;

use super::actor::require_actor;
use super::{App, Context, Growth, Unit, Who};
use crate::feed::FeedKind;
use crate::push::{DeviceKeys, NOTIFY_TTL, SUBSCRIPTION_TTL, SUBSCRIPTIONS, ServerKeys, Subscription};
use crate::store::Tx;
use crate::webhook::WebhookKinds;
use crate::{Date, Error, Name, PushId, Result};

pub use decide::{DecideOutcome, OnlineMembers, PushDecision};
pub(super) use send::payload;
pub use send::{PushOutcome, PushResult, PushStep, PushToSend};

const MISSING: Error = Error::NotFound("subscription");

/// Subscribes a browser or phone to notifications.
#[derive(Debug, Clone)]
pub struct Subscribe {
    /// The user, if a service calls.
    pub author: Option<Name>,
    pub endpoint: String,
    pub keys: DeviceKeys,
}

/// Identifies a subscription of a user.
#[derive(Debug, Clone)]
pub struct OneSubscription {
    /// The user, if a service calls.
    pub author: Option<Name>,
    pub id: PushId,
}

impl App {
    /// The keys with which this server signs requests to push services. If the store has none, stores those
    /// that `make` returns.
    pub async fn push_prepare(&self, make: impl FnOnce() -> Result<ServerKeys>) -> Result<ServerKeys> {
        let server = Context::server();
        if let Some(keys) = self.read(&server, (), |tx, _, ()| tx.push_keys()).await? {
            return Ok(keys);
        }
        self.write(Growth::Bounded, &server, make()?, |unit, made| {
            unit.tx.push_keys_set(made)?;
            unit.tx.push_keys()?.ok_or_else(|| Error::internal("the keys for push services are not kept"))
        })
        .await
    }

    /// The keys from the store. The public key is available to every caller.
    pub async fn push_keys(&self, context: &Context) -> Result<ServerKeys> {
        let keys = self.read(context, (), |tx, _, ()| tx.push_keys()).await?;
        keys.ok_or_else(|| Error::internal("the keys for push services were not made"))
    }

    /// Subscribes a device. Returns the subscription, and whether it is new. An endpoint belongs to the user
    /// who sent it most recently.
    pub async fn subscribe(&self, context: &Context, command: Subscribe) -> Result<(Subscription, bool)> {
        self.write(Growth::Adds, context, (command, context.who), subscribe).await
    }

    /// The subscriptions of a user, in the order in which the clients last sent them.
    pub async fn subscriptions(&self, context: &Context, author: Option<Name>) -> Result<Vec<Subscription>> {
        let now = self.clock().now();
        self.read(context, (author, now), |tx, caller, (author, now)| {
            let user = require_actor(tx, caller, author.as_ref())?;
            tx.subscriptions(user.id, *now)
        })
        .await
    }

    pub async fn unsubscribe(&self, context: &Context, command: OneSubscription) -> Result<()> {
        self.write(Growth::Bounded, context, (command, context.who), |unit, (command, who)| {
            let OneSubscription { author, id } = command;
            let user = require_actor(unit.tx, unit.caller, author.as_ref())?;
            unit.require_scope_over(*who, user.id)?;
            let now = unit.now();
            let found = unit.tx.subscription(*id)?;
            found.filter(|found| found.user == user.id && found.expires > now).ok_or(MISSING)?;
            unit.tx.subscription_delete(*id)?;
            unit.switch_feed()
        })
        .await
    }

    /// Records that a reader of the feed requests `notify` events. They are then created for one week.
    pub async fn notify_ask(&self, context: &Context) -> Result<()> {
        let now = self.clock().now();
        let noted = self.read(context, now, |tx, caller, now| {
            super::actor::service_only(caller)?;
            // Renewed only after half of the week, to save writes.
            let asked = tx.notify_asked()?;
            Ok(!tx.feed_is_on()? || asked.is_some_and(|asked| asked.plus(NOTIFY_TTL / 2) > *now))
        });
        if noted.await? {
            return Ok(());
        }
        self.write(Growth::Bounded, context, now, |unit, now| {
            unit.begin_notifying()?;
            unit.tx.notify_asked_set(*now)
        })
        .await
    }
}

impl Unit<'_> {
    /// Lets the follower begin with messages sent from now on, unless notifications were already active.
    pub(super) fn begin_notifying(&mut self) -> Result<()> {
        if is_due(self.tx, self.now())? {
            return Ok(());
        }
        let last = self.tx.feed_bounds()?.last;
        self.tx.push_begin_set(last)
    }
}

/// Whether notifications are active: there is a subscription, or somebody requests `notify` events.
pub(super) fn is_due(tx: &dyn Tx, now: Date) -> Result<bool> {
    Ok(tx.subscriptions_exist()? || wants_events(tx, now)?)
}

/// Whether a reader of the feed or a webhook requests `notify` events.
fn wants_events(tx: &dyn Tx, now: Date) -> Result<bool> {
    let is_asked = tx.notify_asked()?.is_some_and(|asked| asked.plus(NOTIFY_TTL) > now);
    let named = |kinds: WebhookKinds| matches!(kinds, WebhookKinds::Only(_)) && kinds.has(FeedKind::Notify);
    Ok(tx.feed_is_on()? && (is_asked || tx.webhooks()?.iter().any(|webhook| named(webhook.kinds))))
}

fn subscribe(unit: &mut Unit, (command, who): &(Subscribe, Who)) -> Result<(Subscription, bool)> {
    let user = require_actor(unit.tx, unit.caller, command.author.as_ref())?;
    // Notifications reveal the messages that the user receives.
    unit.require_scope_over(*who, user.id)?;
    let token = match who {
        Who::Token(hash) => Some(*hash),
        Who::Known(_) | Who::Key(_) | Who::Bot(_) => None,
    };
    let now = unit.now();
    let expires = match token {
        Some(hash) => unit.tx.token(&hash)?.map_or(now, |token| token.expires),
        None => now.plus(SUBSCRIPTION_TTL),
    };
    unit.tx.feed_switch(true)?;
    unit.begin_notifying()?;
    let earlier = unit.tx.subscription_of(&command.endpoint)?;
    let same = earlier.as_ref().filter(|earlier| earlier.user == user.id && earlier.expires > now);
    let subscription = Subscription {
        id: same.map_or_else(|| PushId::new(&*unit.rules.clock), |same| same.id),
        user: user.id,
        endpoint: command.endpoint.clone(),
        keys: command.keys.clone(),
        token,
        created: same.map_or(now, |same| same.created),
        sent: now,
        expires,
    };
    let is_new = same.is_none();
    if let Some(other) = earlier.filter(|_| is_new) {
        unit.tx.subscription_delete(other.id)?;
    }
    unit.tx.subscription_set(&subscription)?;
    let all = unit.tx.subscriptions(user.id, now)?;
    for oldest in &all[..all.len().saturating_sub(SUBSCRIPTIONS)] {
        unit.tx.subscription_delete(oldest.id)?;
    }
    Ok((subscription, is_new))
}
