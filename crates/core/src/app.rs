//! The use cases: each authorises, writes and tells inside one transaction. Both doors, REST and
//! WebSocket, call these and nothing else, so that neither misses a check.
//!
//! A command is a struct of values that have been parsed. Its use case runs as a job of the
//! store's: it may run more than once, and everything it tells is published after the commit.

pub mod account;
pub mod actor;
pub mod connect;
pub mod consent;
pub mod directory;
pub mod group;
pub mod group_update;
pub mod identity;
pub mod import;
pub mod message;
pub mod private;
pub mod relation;
pub mod resume;
pub mod send;
pub mod user;
pub mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use self::account::good;
use crate::event::{Event, Kind, Origin};
use crate::group::View;
use crate::limits::{Limits, UserRules};
use crate::permission::{Action, may};
use crate::rate::Rates;
use crate::store::{Change, Store, Tx};
use crate::token::TokenHash;
use crate::user::Caller;
use crate::{Clock, Date, Error, GroupId, HistoryId, Result, Seq, UserId};

/// Every use case, over one store.
#[derive(Clone)]
pub struct App {
    store: Arc<dyn Store>,
    rules: Arc<Rules>,
}

/// What use cases need beside the store.
#[derive(Clone)]
struct Rules {
    clock: Arc<dyn Clock>,
    limits: Limits,
    rates: Arc<Rates>,
    /// Whether steps may remain to be done of what a request has begun here.
    works: Arc<AtomicBool>,
    /// Whether the disk has too little room for new content.
    full: Arc<AtomicBool>,
    users: UserRules,
}

/// Who asks, and from which socket.
#[derive(Debug, Clone)]
pub struct Context {
    /// Who is calling.
    pub who: Who,
    /// The socket that asked, if one did.
    pub origin: Option<Origin>,
}

/// Who is calling, as far as it is known before the store is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// This caller, whose credential was looked at.
    Known(Caller),
    /// Whom the token with this hash stands for. The transaction that answers finds out, first of
    /// all: an ended token is refused whatever it asks.
    Token(TokenHash),
}

impl Context {
    /// A caller who asked over REST.
    pub fn new(caller: Caller) -> Self {
        Self { who: Who::Known(caller), origin: None }
    }
}

impl Who {
    fn caller(self, tx: &dyn Tx, rules: &Rules) -> Result<Caller> {
        match self {
            Self::Known(caller) => Ok(caller),
            Self::Token(hash) => {
                let token = good(tx, &hash, rules.clock.now())?.ok_or(account::REFUSED)?;
                Ok(Caller::User(token.user))
            }
        }
    }
}

impl App {
    /// The use cases over `store`.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, limits: Limits) -> Self {
        let rates = Arc::new(Rates::new(&limits.rates, clock.clone()));
        Self {
            store,
            rules: Arc::new(Rules {
                clock,
                limits,
                rates,
                works: Arc::new(AtomicBool::new(true)),
                full: Arc::new(AtomicBool::new(false)),
                users: UserRules::default(),
            }),
        }
    }

    /// The same with other rules about users.
    #[must_use]
    pub fn with_user_rules(self, users: UserRules) -> Self {
        let rules = Rules { users, ..(*self.rules).clone() };
        Self { rules: Arc::new(rules), ..self }
    }

    /// What an operator has configured.
    pub fn limits(&self) -> &Limits {
        &self.rules.limits
    }

    /// How much of the limits each has used.
    pub fn rates(&self) -> &Arc<Rates> {
        &self.rules.rates
    }

    /// What an operator has configured about users.
    pub fn user_rules(&self) -> &UserRules {
        &self.rules.users
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.rules.clock
    }

    /// The name of the store's numbers, which clients send back when they resume.
    pub fn history(&self) -> HistoryId {
        self.store.history()
    }

    /// Brings what was erased out of the store's journal. Called every few seconds.
    pub async fn cleanse(&self) -> Result<()> {
        self.store.cleanse().await
    }

    /// Says whether the disk has too little room for new content, which is then refused as [`Error::Full`]:
    /// messages, edits, groups, users. What ends or removes something goes on.
    pub fn set_full(&self, full: bool) {
        self.rules.full.store(full, Ordering::Relaxed);
    }

    /// Whether new content is refused for want of room.
    pub fn is_full(&self) -> bool {
        self.rules.full.load(Ordering::Relaxed)
    }

    /// Refuses new content where there is no room for it.
    fn room(&self) -> Result<()> {
        if self.is_full() { Err(Error::Full) } else { Ok(()) }
    }

    /// Whether the store can commit now.
    pub async fn ready(&self) -> Result<()> {
        self.store.ready().await
    }

    async fn write<C, T>(
        &self,
        context: &Context,
        command: C,
        job: fn(&mut Unit, &C) -> Result<T>,
    ) -> Result<T>
    where
        C: Send + 'static,
        T: Send + 'static,
    {
        let (rules, context) = (self.rules.clone(), context.clone());
        self.store.write(move |tx, events| job(&mut Unit::new(tx, events, &rules, &context)?, &command)).await
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
}

/// One unit of work: the transaction, what it will tell, and what it goes by.
struct Unit<'a> {
    tx: &'a mut dyn Tx,
    events: &'a mut Vec<Event>,
    rules: &'a Rules,
    caller: Caller,
    origin: Option<&'a Origin>,
}

impl<'a> Unit<'a> {
    /// Refuses a caller who has no credential any more.
    fn new(
        tx: &'a mut dyn Tx,
        events: &'a mut Vec<Event>,
        rules: &'a Rules,
        context: &'a Context,
    ) -> Result<Self> {
        let caller = context.who.caller(tx, rules)?;
        Ok(Self { tx, events, rules, caller, origin: context.origin.as_ref() })
    }

    fn now(&self) -> Date {
        self.rules.clock.now()
    }

    fn tell(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Tells an event, whose copy for the asking socket carries the `ref`.
    fn answer(&mut self, event: Event) {
        let event = event.from(self.origin);
        self.events.push(event);
    }

    /// Takes the group's next number for a change, and writes the change down.
    fn change(&mut self, group: GroupId, change: &Change) -> Result<Seq> {
        let seq = self.tx.seq_take(group, 1)?;
        self.tx.change_insert(group, seq, change)?;
        Ok(seq)
    }

    /// Tells the group's members how it stands after the change numbered `seq`. The view is whole
    /// for those who have joined, and for the answer to a REST request.
    fn group_updated(
        &mut self,
        group: GroupId,
        seq: Seq,
        joined: Vec<UserId>,
        left: Vec<UserId>,
    ) -> Result<Arc<View>> {
        let whole = !joined.is_empty() || self.origin.is_none();
        let view = if whole { standing(self.tx, group)? } else { brief(self.tx, group)? };
        let kind = Kind::GroupUpdate { view: view.clone(), joined, left };
        self.answer(Event::in_group(kind, group, seq));
        Ok(view)
    }

    /// The same for a change that came of something else, whose own event is the answer.
    fn group_affected(&mut self, group: GroupId, seq: Seq, left: Vec<UserId>) -> Result<()> {
        let kind = Kind::GroupUpdate { view: brief(self.tx, group)?, joined: vec![], left };
        self.tell(Event::in_group(kind, group, seq));
        Ok(())
    }

    /// The number `seq` is of a change of which the members are told by an event of the user's.
    fn member_changed(&mut self, group: GroupId, seq: Seq, left: Option<UserId>) {
        self.tell(Event::in_group(Kind::MemberChanged { group, left }, group, seq));
    }
}

/// What a change tells the members of a group that this transaction has found already.
fn brief(tx: &dyn Tx, group: GroupId) -> Result<Arc<View>> {
    tx.brief(group)?.ok_or_else(|| Error::internal("a group is gone within one transaction"))
}

/// A group that this transaction has found already, as everybody in it sees it.
fn standing(tx: &dyn Tx, group: GroupId) -> Result<Arc<View>> {
    tx.view(group)?.ok_or_else(|| Error::internal("a group is gone within one transaction"))
}

/// Refuses, with a sentence, what the role does not allow.
fn allow(role: crate::permission::Role, action: Action, refusal: &'static str) -> Result<()> {
    if may(role, action) { Ok(()) } else { Err(Error::forbidden(refusal)) }
}
