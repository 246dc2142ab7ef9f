//! Reactions of an import. The import records each one, so that a later run does not restore a reaction that
//! its user has removed here.

use std::collections::HashSet;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::message::{PageLookups, SourceMessage, SourceReaction, remember};
use super::{ImportPage, Person, Tally, Unit};
use crate::log::LogEntry;
use crate::message::Message;
use crate::reaction::REACTIONS;
use crate::store::{ImportKind, Imported, NewReaction};
use crate::user::User;
use crate::{Date, MessageId, Result};

/// The number of reactions looked up at a time.
const LOOKUP_BATCH: usize = 1000;

impl SourceReaction {
    /// The id under which the import records the reaction.
    pub fn id(&self, message: Uuid) -> Uuid {
        let digest = Sha256::new_with_prefix(message).chain_update(self.user);
        let digest = digest.chain_update(self.emoji.as_str()).finalize();
        Uuid::from_slice(&digest[..16]).unwrap_or_default()
    }
}

/// Adds the reactions that no earlier run added.
pub(super) fn take(
    unit: &mut Unit,
    known: &PageLookups,
    messages: &[SourceMessage],
    page: &mut ImportPage,
) -> Result<Tally> {
    let mut taker = ReactionTaker { unit, known, page, tally: Tally::default() };
    for message in messages.iter().filter(|message| !message.reactions.is_empty()) {
        if known.is_gone(message) {
            taker.tally.gone += message.reactions.len() as u64;
            continue;
        }
        if !known.places.contains_key(&message.id) {
            // A note already says why the message was not imported.
            taker.tally.refused += message.reactions.len() as u64;
            continue;
        }
        for reactions in message.reactions.chunks(LOOKUP_BATCH) {
            taker.take(message, reactions)?;
        }
    }
    Ok(taker.tally)
}

/// The state of adding the reactions of a page of messages.
struct ReactionTaker<'t, 'u> {
    unit: &'t mut Unit<'u>,
    known: &'t PageLookups,
    page: &'t mut ImportPage,
    tally: Tally,
}

impl ReactionTaker<'_, '_> {
    /// Adds the reactions to a message that are not recorded yet.
    fn take(&mut self, message: &SourceMessage, reactions: &[SourceReaction]) -> Result<()> {
        let ids: Vec<_> = reactions.iter().map(|reaction| reaction.id(message.id)).collect();
        let recorded = self.unit.tx.imported(ImportKind::Reaction, &ids)?;
        let new: Vec<_> =
            reactions.iter().zip(ids).zip(recorded).filter(|(_, known)| known.is_none()).collect();
        self.tally.before += (reactions.len() - new.len()) as u64;
        if new.is_empty() {
            return Ok(());
        }
        let mut target = ReactionTarget::find(self.unit, message.id)?;
        let mut taken = Vec::new();
        for ((reaction, id), _) in new {
            if self.add(message, reaction, &mut target)? {
                taken.push((id, Imported::Reaction));
            }
        }
        self.unit.tx.imported_add(&taken)
    }

    /// Adds a reaction. Returns whether it was imported.
    fn add(
        &mut self,
        message: &SourceMessage,
        reaction: &SourceReaction,
        target: &mut ReactionTarget,
    ) -> Result<bool> {
        let known = self.known;
        match (known.people.get(reaction.user), target) {
            (Person::Deleted, _) | (_, ReactionTarget::Deleted) => self.tally.gone += 1,
            (Person::Unknown, _) => self.refuse(message, "the user of a reaction is not known; not imported"),
            (Person::Standing(user), ReactionTarget::Standing(target)) if target.has_room(reaction) => {
                target.add(self.unit, reaction, user)?;
                self.tally.taken += 1;
                return Ok(true);
            }
            _ => {
                let emoji = reaction.emoji.as_str();
                let why = format!(
                    "has {REACTIONS} different reactions, which is the limit; {emoji} is not imported"
                );
                self.refuse(message, &why);
            }
        }
        Ok(false)
    }

    fn refuse(&mut self, message: &SourceMessage, why: &str) {
        self.tally.refused += 1;
        self.page.note(format!("{}: {why}", message.shown()));
    }
}

/// The message that some reactions belong to.
enum ReactionTarget {
    Standing(Box<ReactedMessage>),
    Deleted,
}

struct ReactedMessage {
    message: Message,
    emoji: HashSet<String>,
}

impl ReactionTarget {
    fn find(unit: &Unit, id: Uuid) -> Result<Self> {
        Ok(match unit.tx.message(MessageId(id))? {
            Some(message) => {
                let emoji = message.reactions.iter().map(|tally| tally.emoji.as_str().to_owned()).collect();
                Self::Standing(Box::new(ReactedMessage { message, emoji }))
            }
            None => Self::Deleted,
        })
    }
}

impl ReactedMessage {
    fn has_room(&self, reaction: &SourceReaction) -> bool {
        self.emoji.len() < REACTIONS || self.emoji.contains(reaction.emoji.as_str())
    }

    /// Adds a reaction, unless its user already has it here.
    fn add(&mut self, unit: &mut Unit, reaction: &SourceReaction, user: &User) -> Result<()> {
        let (group, message, emoji) = (self.message.group, self.message.seq, reaction.emoji.clone());
        if unit.tx.has_reacted(group, message, user.id, &emoji)? {
            return Ok(());
        }
        remember(unit, group, user.id)?;
        let entry = LogEntry::MessageReacted { message, user: user.id, emoji: emoji.clone(), on: true };
        let seq = unit.log(group, &entry)?;
        self.emoji.insert(emoji.as_str().to_owned());
        let date = Date::from_micros(reaction.micros);
        unit.tx.reaction_insert(&NewReaction { group, message, seq, user: user.id, emoji, date })
    }
}
