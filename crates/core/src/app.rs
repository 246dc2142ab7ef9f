//! The use cases. Each one checks rights, writes, and collects events inside one transaction. REST and
//! WebSocket both go through these functions, so neither transport can skip a check.
//!
//! A command is a struct of parsed values. Its use case runs as a job of the store, which may run it more
//! than once. The store publishes the events after the commit.

pub mod account;
pub mod actor;
pub mod audit;
mod avatar;
pub mod ban;
mod before_send;
pub mod bot;
pub mod catch_up;
pub mod changes;
pub mod connect;
pub mod consent;
pub mod directory;
pub mod entry;
pub mod export;
pub mod feed;
pub mod file;
pub mod file_removal;
pub mod follower;
pub mod group;
pub mod group_details;
pub mod group_settings;
pub mod group_update;
pub mod identity;
pub mod import;
pub mod invite;
pub mod join;
pub mod key;
pub mod member;
mod mention;
pub mod message;
pub mod oidc;
pub mod overview;
pub mod pin;
pub mod private;
pub mod profile;
pub mod push;
pub mod reaction;
pub mod recent;
pub mod relation;
pub mod report;
pub mod resume;
pub mod retention;
pub mod search;
pub mod send;
pub mod session;
pub mod suspension;
pub mod thread;
pub mod user;
pub mod webhook;
pub mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use self::account::valid_token;
use self::bot::{bot_grant, reach};
use self::file_removal::RemovalCounts;
use self::work::FailingTasks;
use crate::audit::CallSource;
use crate::before_send::BeforeSend;
use crate::bot::{BEYOND_BOTS, BotAct, BotGrant, BotTarget};
use crate::clock::ClockWatch;
pub use crate::context::{Context, Who};
use crate::entry::Entry;
use crate::event::{Event, Kind, Origin};
use crate::group::View;
use crate::limits::{Limits, UserRules};
use crate::log::LogEntry;
use crate::name::NameCase;
use crate::permission::allow;
use crate::rate::Rates;
use crate::store::{DiskSpace, Store, Tx};
use crate::user::Caller;
use crate::{Clock, Date, Error, GroupId, HistoryId, Result, Seq, UserId};

/// All use cases, over one store.
#[derive(Clone)]
pub struct App {
    store: Arc<dyn Store>,
    rules: Arc<Rules>,
}

/// The configuration and state that use cases need beside the store.
#[derive(Clone)]
struct Rules {
    clock: Arc<dyn Clock>,
    clock_watch: Arc<ClockWatch>,
    limits: Limits,
    rates: Arc<Rates>,
    /// Whether tasks that this node started may have further steps.
    works: Arc<AtomicBool>,
    failing: Arc<FailingTasks>,
    /// Whether this node may have stored messages that the search index does not contain yet.
    unindexed: Arc<AtomicBool>,
    removals: Arc<RemovalCounts>,
    /// How user names are compared. Set by the store.
    name_case: NameCase,
    disk_space: DiskSpace,
    users: UserRules,
    /// The hook that decides on each message before it is stored. None if not configured.
    before_send: Option<Arc<dyn BeforeSend>>,
}

/// Whether a use case grows the store. When the disk is full, use cases that add content are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Growth {
    /// Adds content: users, groups, members, relations, messages, names, profiles.
    Adds,
    /// Ends or removes something, changes it in place, or creates a credential. Credentials stay allowed
    /// because nobody could remove anything without one, and their number per user is bounded.
    Bounded,
}

impl Growth {
    /// `Adds` if a use case switches something on, else `Bounded`.
    fn of_switch(on: bool) -> Self {
        if on { Self::Adds } else { Self::Bounded }
    }
}

impl Rules {
    /// Refuses a use case that adds content while the disk is full.
    fn admit(&self, growth: Growth) -> Result<()> {
        if growth == Growth::Bounded {
            return Ok(());
        }
        self.unindexed.store(true, Ordering::Relaxed);
        if self.disk_space.is_full() { Err(Error::Full) } else { Ok(()) }
    }
}

impl Who {
    fn caller(self, tx: &dyn Tx, rules: &Rules) -> Result<Caller> {
        match self {
            Self::Known(caller) => Ok(caller),
            Self::Token(hash) => {
                let token = valid_token(tx, &hash, rules.clock.now())?.ok_or(crate::token::REFUSED)?;
                Ok(Caller::User(token.user))
            }
            Self::Key(hash) => key::scopes(tx, &hash, rules.clock.now()).map(|_| Caller::Service),
            Self::Bot(secret) => {
                bot_grant(tx, secret, rules.clock.now())?;
                Err(Error::forbidden(BEYOND_BOTS))
            }
        }
    }

    /// Resolves the caller of a use case that is open to bots. Refuses a bot whose secret does not allow
    /// `act` on `target`.
    fn caller_of(self, tx: &dyn Tx, rules: &Rules, act: BotAct, target: BotTarget) -> Result<Caller> {
        let (caller, grant) = self.caller_and_grant(tx, rules, act)?;
        if let Some(grant) = grant {
            reach(tx, &grant, target)?;
        }
        Ok(caller)
    }

    /// Like [`caller_of`](Self::caller_of), but returns the bot's grant, and leaves the check of the target
    /// to the function that called it.
    fn caller_and_grant(self, tx: &dyn Tx, rules: &Rules, act: BotAct) -> Result<(Caller, Option<BotGrant>)> {
        let Self::Bot(secret) = self else { return Ok((self.caller(tx, rules)?, None)) };
        let grant = bot_grant(tx, secret, rules.clock.now())?;
        grant.allow(act)?;
        Ok((Caller::User(grant.user), Some(grant)))
    }
}

impl App {
    /// The use cases over `store`.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, limits: Limits) -> Self {
        let rates = Arc::new(Rates::new(&limits.rates, clock.clone()));
        let name_case = store.name_case();
        let disk_space = store.disk_space();
        Self {
            store,
            rules: Arc::new(Rules {
                clock,
                clock_watch: Arc::default(),
                limits,
                name_case,
                rates,
                works: Arc::new(AtomicBool::new(true)),
                failing: Arc::default(),
                unindexed: Arc::new(AtomicBool::new(true)),
                removals: Arc::default(),
                disk_space,
                users: UserRules::default(),
                before_send: None,
            }),
        }
    }

    /// Replaces the configured rules for users.
    #[must_use]
    pub fn with_user_rules(self, users: UserRules) -> Self {
        let rules = Rules { users, ..(*self.rules).clone() };
        Self { rules: Arc::new(rules), ..self }
    }

    /// Sets the hook that decides on messages before they are stored.
    #[must_use]
    pub fn with_before_send(self, hook: Arc<dyn BeforeSend>) -> Self {
        let rules = Rules { before_send: Some(hook), ..(*self.rules).clone() };
        Self { rules: Arc::new(rules), ..self }
    }

    /// The configured limits.
    pub fn limits(&self) -> &Limits {
        &self.rules.limits
    }

    /// The current use of the rate limits.
    pub fn rates(&self) -> &Arc<Rates> {
        &self.rules.rates
    }

    /// The configured rules for users.
    pub fn user_rules(&self) -> &UserRules {
        &self.rules.users
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.rules.clock
    }

    /// Whether the clock is reliable enough to erase content by age: it has not jumped by more than a day within the last hour.
    /// Must be called regularly, so that a jump is detected.
    pub fn clock_is_steady(&self) -> bool {
        self.rules.clock_watch.is_steady(&*self.rules.clock)
    }

    /// How user names are compared.
    pub fn name_case(&self) -> NameCase {
        self.rules.name_case
    }

    /// The id of the store's history. Clients send it back when they resume.
    pub fn history(&self) -> HistoryId {
        self.store.history()
    }

    /// Removes erased text from the store's journal. Called every few seconds.
    pub async fn cleanse(&self) -> Result<()> {
        self.store.cleanse().await
    }

    /// Sets whether the disk's free space is below the configured reserve. If so, use cases that add content
    /// fail with [`Error::Full`]; use cases that end or remove something continue.
    pub fn set_low(&self, low: bool) {
        self.rules.disk_space.set_low(low);
    }

    /// Whether use cases that add content are refused because the disk is full or nearly full.
    pub fn is_full(&self) -> bool {
        self.rules.disk_space.is_full()
    }

    /// Restores the store's reserve of disk space once the disk has enough free space again. Called every
    /// second.
    pub async fn reserve(&self) -> Result<()> {
        self.store.reserve().await
    }

    /// Whether the store can commit now.
    pub async fn ready(&self) -> Result<()> {
        self.store.ready().await
    }

    async fn write<C, T>(
        &self,
        growth: Growth,
        context: &Context,
        command: C,
        job: fn(&mut Unit, &C) -> Result<T>,
    ) -> Result<T>
    where
        C: Send + 'static,
        T: Send + 'static,
    {
        let (rules, context) = (self.rules.clone(), context.clone());
        self.store
            .write(move |tx, events| {
                let mut unit = Unit::new(tx, events, &rules, &context, growth)?;
                let outcome = job(&mut unit, &command)?;
                unit.note_events()?;
                Ok(outcome)
            })
            .await
    }

    async fn read<C, T>(
        &self,
        context: &Context,
        query: C,
        job: fn(&dyn Tx, Caller, &C) -> Result<T>,
    ) -> Result<T>
    where
        C: Send + 'static,
        T: Send + 'static,
    {
        let (rules, who) = (self.rules.clone(), context.who);
        self.store.read(move |tx| job(tx, who.caller(tx, &rules)?, &query)).await
    }

    /// Like [`write`](Self::write), which refuses every bot, for writes that a bot's secret may allow.
    async fn write_by_bots<C, T>(
        &self,
        growth: Growth,
        context: &Context,
        (act, target): (BotAct, BotTarget),
        command: C,
        job: fn(&mut Unit, &C) -> Result<T>,
    ) -> Result<T>
    where
        C: Send + 'static,
        T: Send + 'static,
    {
        let (rules, context) = (self.rules.clone(), context.clone());
        self.store
            .write(move |tx, events| {
                let caller = context.who.caller_of(tx, &rules, act, target)?;
                let mut unit = Unit::of(tx, events, &rules, (caller, &context), growth)?;
                let outcome = job(&mut unit, &command)?;
                unit.note_events()?;
                Ok(outcome)
            })
            .await
    }

    /// Like [`read`](Self::read), which refuses every bot, for reads that a bot's secret may allow.
    async fn read_by_bots<C, T>(
        &self,
        context: &Context,
        (act, target): (BotAct, BotTarget),
        query: C,
        job: fn(&dyn Tx, Caller, &C) -> Result<T>,
    ) -> Result<T>
    where
        C: Send + 'static,
        T: Send + 'static,
    {
        let (rules, who) = (self.rules.clone(), context.who);
        self.store.read(move |tx| job(tx, who.caller_of(tx, &rules, act, target)?, &query)).await
    }
}

/// The transaction of one use case, with its events and rules.
struct Unit<'a> {
    tx: &'a mut dyn Tx,
    events: &'a mut Vec<Event>,
    rules: &'a Rules,
    caller: Caller,
    origin: Option<&'a Origin>,
    source: CallSource,
}

impl<'a> Unit<'a> {
    /// Fails if the caller's credential has ended, or if the use case adds content and the disk is full.
    fn new(
        tx: &'a mut dyn Tx,
        events: &'a mut Vec<Event>,
        rules: &'a Rules,
        context: &'a Context,
        growth: Growth,
    ) -> Result<Self> {
        let caller = context.who.caller(tx, rules)?;
        Self::of(tx, events, rules, (caller, context), growth)
    }

    /// Like [`new`](Self::new), for a caller whose credential is already checked.
    fn of(
        tx: &'a mut dyn Tx,
        events: &'a mut Vec<Event>,
        rules: &'a Rules,
        (caller, context): (Caller, &'a Context),
        growth: Growth,
    ) -> Result<Self> {
        rules.admit(growth)?;
        let (origin, source) = (context.origin.as_ref(), context.source);
        Ok(Self { tx, events, rules, caller, origin, source })
    }

    fn now(&self) -> Date {
        self.rules.clock.now()
    }

    fn publish(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Publishes the event that answers the request. The copy for the requesting socket carries the `ref`.
    fn answer(&mut self, event: Event) {
        let event = event.from(self.origin);
        self.events.push(event);
    }

    /// Takes the next number of the group's log and stores `entry` under it.
    fn log(&mut self, group: GroupId, entry: &LogEntry) -> Result<Seq> {
        let seq = self.tx.seq_take(group, 1)?;
        self.tx.log_insert(group, seq, entry)?;
        Ok(seq)
    }

    /// Publishes the group after change `seq` to its members. The view is complete if users have joined, or
    /// if it is the response to a REST request.
    fn group_updated(
        &mut self,
        group: GroupId,
        seq: Seq,
        joined: Vec<UserId>,
        left: Vec<UserId>,
        entry: Option<Arc<Entry>>,
    ) -> Result<Arc<View>> {
        let whole = !joined.is_empty() || self.origin.is_none();
        let mut view = if whole { complete_view(self.tx, group)? } else { brief(self.tx, group)? };
        show_reads(self.tx, &mut view, &joined)?;
        // Only a private group can start with a message that mentions its new user. Users who join another
        // group have no unread messages yet.
        if view.group.private {
            show_mentioned(self.tx, &mut view, &joined)?;
        }
        let kind = Kind::GroupUpdate { view: view.clone(), joined, left, entry };
        self.answer(Event::in_group(kind, group, seq));
        Ok(view)
    }

    /// Like [`group_updated`](Self::group_updated), for a side effect of another change. The event of that
    /// change is the answer.
    fn group_affected(
        &mut self,
        group: GroupId,
        seq: Seq,
        left: Vec<UserId>,
        entry: Option<Arc<Entry>>,
    ) -> Result<()> {
        let kind = Kind::GroupUpdate { view: brief(self.tx, group)?, joined: vec![], left, entry };
        self.publish(Event::in_group(kind, group, seq));
        Ok(())
    }

    /// Publishes the number of a change that members learn of through the user's own event.
    fn member_changed(&mut self, group: GroupId, seq: Seq, left: Option<UserId>) {
        self.publish(Event::in_group(Kind::MemberChanged { group, left }, group, seq));
    }
}

/// The brief view of a group that exists in this transaction.
fn brief(tx: &dyn Tx, group: GroupId) -> Result<Arc<View>> {
    tx.brief(group)?.ok_or_else(|| Error::internal("a group is gone within one transaction"))
}

/// Adds to the view the read marks that each of the receivers may see.
fn show_reads(tx: &dyn Tx, view: &mut Arc<View>, receivers: &[UserId]) -> Result<()> {
    if receivers.is_empty() || !view.has_reads() || view.members.iter().all(|member| member.read.is_none()) {
        return Ok(());
    }
    let mut blocks = Vec::new();
    for user in receivers {
        blocks.extend(tx.blocks(*user)?);
    }
    Arc::make_mut(view).show_reads(receivers, &blocks);
    Ok(())
}

/// Adds to the view the number of unread mentions of each receiver. The group is new to all of them.
fn show_mentioned(tx: &dyn Tx, view: &mut Arc<View>, receivers: &[UserId]) -> Result<()> {
    if view.messages.iter().all(|message| message.detail.mentions.is_empty()) {
        return Ok(());
    }
    for user in receivers {
        let count = tx.mark(view.group.id, *user)?.mentioned;
        if count > 0 {
            Arc::make_mut(view).mentioned.push((*user, count));
        }
    }
    Ok(())
}

/// The complete view of a group that exists in this transaction, including profiles.
fn complete_view(tx: &dyn Tx, group: GroupId) -> Result<Arc<View>> {
    let mut view =
        tx.view(group)?.ok_or_else(|| Error::internal("a group is gone within one transaction"))?;
    let people = profile::cards(tx, view.shown_users())?;
    if !people.is_empty() {
        Arc::make_mut(&mut view).people = people;
    }
    Ok(view)
}
