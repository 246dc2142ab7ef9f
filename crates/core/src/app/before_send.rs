//! Asks the hook before sending about messages and edits. None of this runs without a hook.
//!
//! The hook decides only on messages that pass the checks of their use case on a snapshot. The use case
//! repeats the checks when it stores the message.

use std::sync::Arc;
use std::time::Duration;

use super::directory::find;
use super::message::{Edit, may_edit, visible_message};
use super::private::{First, may_open, writable};
use super::send::slow_down;
use super::{App, Context, Who};
use crate::actor::unknown;
use crate::before_send::{
    BeforeSend, Question, QuestionKind, QuestionLane, QuestionTurn, Replacement, Ruling,
};
use crate::bot::{BotAct, BotTarget};
use crate::limits::Directory;
use crate::message::Message;
use crate::name::NameCase;
use crate::send::{Send, Sent, Verdict, gather, judge};
use crate::store::{Answer, Tx};
use crate::user::{Caller, User};
use crate::{Date, Error, GroupId, Result, UserId};

/// A turn in the order of the author's questions. It is held until the message is stored.
type HeldTurn = Option<Box<dyn QuestionTurn>>;

impl App {
    /// Asks the hook about a message, then sends it. Takes the turn immediately if the author is already
    /// known.
    pub(super) fn send_asked(
        &self,
        hook: &Arc<dyn BeforeSend>,
        context: &Context,
        command: Send,
    ) -> Answer<'_, Sent> {
        let lane = QuestionLane::Group(command.group);
        let turn = match context.who {
            Who::Known(Caller::Service) | Who::Key(_) => return self.send_one(context, command),
            Who::Known(Caller::User(user)) => Some(hook.take_turn(user, lane)),
            Who::Token(_) | Who::Bot(_) => None,
        };
        let (hook, context) = (hook.clone(), context.clone());
        Box::pin(async move {
            let act = (BotAct::Send, BotTarget::Group(command.group));
            let mut turn = match turn {
                Some(turn) => turn?,
                None => hook.take_turn(self.asking_user(&context, act).await?, lane)?,
            };
            turn.wait().await?;
            let query = (command.clone(), self.name_case(), self.clock().now());
            let checked = self.read_by_bots(&context, act, query, |tx, caller, (command, case, now)| {
                check_message(tx, caller, command, *case, *now, QuestionKind::Send(command.group))
            });
            let command = match replacement(&*hook, checked.await?).await? {
                Some(replacement) => command.replaced(replacement),
                None => command,
            };
            match self.send_one(&context, command).await? {
                Sent::Before(message) => Ok(Sent::Before(self.first_answer(message).await?)),
                sent @ Sent::New(_) => Ok(sent),
            }
        })
    }

    /// Asks the hook about an edit, and returns the edit to store.
    pub(super) async fn edit_asked(
        &self,
        context: &Context,
        act: (BotAct, BotTarget),
        command: Edit,
    ) -> Result<(HeldTurn, Edit)> {
        let Some(hook) = self.hook_for(context) else { return Ok((None, command)) };
        let mut turn = hook.take_turn(self.asking_user(context, act).await?, QuestionLane::Other)?;
        turn.wait().await?;
        let query = (command.clone(), self.clock().now(), self.limits().edit_window);
        let question = self.read_by_bots(context, act, query, |tx, caller, (command, now, window)| {
            check_edit(tx, caller, command, *now, *window)
        });
        let command = match replacement(&**hook, Some(question.await?)).await? {
            // An edit cannot change data.
            Some(replacement) => Edit { body: Some(replacement.body), ..command },
            None => command,
        };
        Ok((Some(turn), command))
    }

    /// Asks the hook about a message to a user, and returns the message to store.
    pub(super) async fn first_asked(&self, context: &Context, command: First) -> Result<(HeldTurn, First)> {
        let hook = self.hook_for(context).filter(|_| command.body.is_some());
        let Some(hook) = hook else { return Ok((None, command)) };
        let user = self.read(context, (), |_, caller, ()| asking(caller)).await?;
        let mut turn = hook.take_turn(user, QuestionLane::Other)?;
        turn.wait().await?;
        let query = (command.clone(), self.user_rules().directory, self.name_case());
        let checked = self.read(context, query, |tx, caller, (command, directory, case)| {
            check_first(tx, caller, command, *directory, *case)
        });
        let command = match replacement(&**hook, checked.await?).await? {
            Some(replacement) => command.replaced(replacement),
            None => command,
        };
        Ok((Some(turn), command))
    }

    /// The answer to a retry. If the hook replaced the message, the retry does not contain the replacement,
    /// so it is read from the store.
    pub(super) async fn first_answer(&self, sent: Message) -> Result<Message> {
        if self.rules.before_send.is_none() {
            return Ok(sent);
        }
        let found = self.read(&Context::server(), sent.id, |tx, _, id| tx.message(*id)).await?;
        Ok(match found.filter(|found| found.edited.is_none()) {
            Some(found) => {
                let mut sent = Message { body: found.body, ..sent };
                sent.detail.data = found.detail.data;
                sent
            }
            None => sent,
        })
    }

    /// The hook, if it decides on messages of this caller.
    fn hook_for(&self, context: &Context) -> Option<&Arc<dyn BeforeSend>> {
        self.rules.before_send.as_ref().filter(|_| !context.who.is_service())
    }

    async fn asking_user(&self, context: &Context, act: (BotAct, BotTarget)) -> Result<UserId> {
        match context.who {
            Who::Known(caller) => asking(caller),
            Who::Token(_) | Who::Key(_) | Who::Bot(_) => {
                self.read_by_bots(context, act, (), |_, caller, ()| asking(caller)).await
            }
        }
    }
}

fn asking(caller: Caller) -> Result<UserId> {
    caller.user().ok_or_else(|| Error::internal("the service asks no hook"))
}

/// Asks the question, if there is one. Returns the replacement if the hook replaces the message, and fails if
/// the hook refuses it.
async fn replacement(hook: &dyn BeforeSend, question: Option<Question>) -> Result<Option<Replacement>> {
    let Some(question) = question else { return Ok(None) };
    match hook.ask(question).await? {
        Ruling::Allow => Ok(None),
        Ruling::Refuse(why) => Err(Error::forbidden(why)),
        Ruling::Replace(replacement) => Ok(Some(replacement)),
    }
}

/// Checks a message by the rule for sending. Returns no question if the message was sent earlier.
fn check_message(
    tx: &dyn Tx,
    caller: Caller,
    command: &Send,
    case: NameCase,
    now: Date,
    kind: QuestionKind,
) -> Result<Option<Question>> {
    let facts = gather(tx, caller, command)?;
    let author = match judge(caller, command, &facts, case)? {
        Verdict::Before(_) => return Ok(None),
        Verdict::Keep(author) => author,
    };
    if let (Caller::User(user), Some(member)) = (caller, facts.member) {
        slow_down(tx, now, command.group, user, member.slow_seconds())?;
    }
    Ok(Some(Question::of_message(author.name, kind, command)))
}

fn check_edit(
    tx: &dyn Tx,
    caller: Caller,
    command: &Edit,
    now: Date,
    window: Option<Duration>,
) -> Result<Question> {
    let message = visible_message(tx, caller, command.id)?;
    let author = may_edit(tx, caller, &message, (now, window))?;
    let (author, _) = author.ok_or_else(|| Error::internal("the service asks no hook"))?;
    let kind = QuestionKind::Edit(message.group, message.id);
    let question = Question::of_body(author.name, kind, command.body.clone());
    let has_files = !message.detail.attachments.is_empty();
    Ok(Question { mentions: command.mentions.clone(), has_files, ..question })
}

fn check_first(
    tx: &dyn Tx,
    caller: Caller,
    command: &First,
    directory: Directory,
    case: NameCase,
) -> Result<Option<Question>> {
    let author: User = tx.user(asking(caller)?)?.ok_or(Error::Unauthenticated("this account was deleted"))?;
    let target = find(tx, caller, directory, &command.target)?;
    let target = writable(target.ok_or_else(|| unknown(&command.target, "target"))?, "target")?;
    let kind = QuestionKind::First(target.name.clone());
    let group = tx.group_of_pair(author.id, target.id)?;
    // A group that is created together with the message has no id yet.
    let message = command.message(group.unwrap_or(GroupId(uuid::Uuid::nil())));
    let Some(message) = message else { return Ok(None) };
    if group.is_some() {
        // Private groups have no slow mode, so the date does not matter.
        return check_message(tx, caller, &message, case, Date::from_micros(0), kind);
    }
    may_open(tx, caller, &author, &target)?;
    Ok(Some(Question::of_message(author.name, kind, &message)))
}
