//! Relations between two users: invitation, contact, block. A relation has a direction. Contacts have one row
//! in each direction.

use crate::{Error, Name, Result};

/// The relation of one user to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// The author has invited the target.
    Invitation,
    /// The two users are contacts. The row of the other direction is also `Contact`.
    Contact,
    /// The author has blocked the target.
    Block,
}

/// An author's operation on a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Invite, or accept an invitation.
    Invite,
    /// Accept an invitation, or invite.
    Accept,
    /// Remove the target's invitation.
    Deny,
    /// Remove the author's relation, and the target's unless it is a block.
    Remove,
    /// Block the target.
    Block,
}

impl Operation {
    /// Parses the wire form, including aliases.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "invitation" | "invit" | "invite" => Self::Invite,
            "contact" => Self::Accept,
            "deny" => Self::Deny,
            "remove" | "unblock" => Self::Remove,
            "block" | "blocked" => Self::Block,
            _ => return None,
        })
    }
}

/// The result of an operation, as reported to users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// There is an open invitation.
    Invitation,
    /// The two users are now contacts.
    Contact,
    /// An invitation was denied.
    Deny,
    /// A relation was removed.
    Remove,
    /// The author blocks the target.
    Block,
}

impl Outcome {
    pub const ALL: [Self; 5] = [Self::Invitation, Self::Contact, Self::Deny, Self::Remove, Self::Block];

    /// The wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Contact => "contact",
            Self::Deny => "deny",
            Self::Remove => "remove",
            Self::Block => "block",
        }
    }
}

/// The rows of both directions between an author and a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Pair {
    /// The author's row about the target.
    pub mine: Option<Relation>,
    /// The target's row about the author.
    pub theirs: Option<Relation>,
}

impl Pair {
    /// Whether either user blocks the other.
    pub fn blocked(self) -> bool {
        self.mine == Some(Relation::Block) || self.theirs == Some(Relation::Block)
    }

    /// The pair after `operation`, and the result to report. If the pair is unchanged, nothing has to be
    /// written.
    pub fn after(self, operation: Operation) -> Result<(Pair, Outcome)> {
        use Relation::{Block, Contact, Invitation};
        let unless_block = |row: Option<Relation>| row.filter(|r| *r == Block);
        Ok(match operation {
            Operation::Invite | Operation::Accept => {
                if self.theirs == Some(Block) {
                    return Err(Error::forbidden("this user does not accept invitations from you"));
                }
                if self.mine == Some(Block) {
                    return Err(Error::field("name", "is blocked by you: remove the block first"));
                }
                if self.theirs == Some(Invitation) {
                    (Pair { mine: Some(Contact), theirs: Some(Contact) }, Outcome::Contact)
                } else if self.mine == Some(Contact) {
                    (self, Outcome::Contact)
                } else {
                    (Pair { mine: Some(Invitation), ..self }, Outcome::Invitation)
                }
            }
            Operation::Deny => {
                (Pair { theirs: self.theirs.filter(|r| *r != Invitation), ..self }, Outcome::Deny)
            }
            Operation::Remove => (Pair { mine: None, theirs: unless_block(self.theirs) }, Outcome::Remove),
            Operation::Block => {
                (Pair { mine: Some(Block), theirs: unless_block(self.theirs) }, Outcome::Block)
            }
        })
    }
}

/// All of a user's relations by kind, each as a list of names in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relations {
    pub contacts: Vec<Name>,
    /// Users that this user blocks.
    pub blockeds: Vec<Name>,
    /// Users that block this user.
    pub blocked_by: Vec<Name>,
    /// Users that this user has invited.
    pub invitations: Vec<Name>,
    /// Users that have invited this user.
    pub invited_by: Vec<Name>,
}

#[cfg(test)]
mod tests {
    use super::Relation::{Block, Contact, Invitation};
    use super::*;

    const ROWS: [Option<Relation>; 4] = [None, Some(Invitation), Some(Contact), Some(Block)];

    #[test]
    fn an_invitation_answered_makes_both_contacts() {
        let pair = Pair { mine: None, theirs: Some(Invitation) };
        for operation in [Operation::Invite, Operation::Accept] {
            let (after, outcome) = pair.after(operation).expect("allowed");
            assert_eq!(after, Pair { mine: Some(Contact), theirs: Some(Contact) });
            assert_eq!(outcome, Outcome::Contact);
        }
    }

    #[test]
    fn contacts_are_mutual_and_nobody_lifts_anothers_block() {
        let reachable = |p: &Pair| (p.mine == Some(Contact)) == (p.theirs == Some(Contact));
        for mine in ROWS {
            for theirs in ROWS {
                let pair = Pair { mine, theirs };
                for operation in [
                    Operation::Invite,
                    Operation::Accept,
                    Operation::Deny,
                    Operation::Remove,
                    Operation::Block,
                ] {
                    let Ok((after, _)) = pair.after(operation) else { continue };
                    if reachable(&pair) {
                        assert!(reachable(&after), "{pair:?} {operation:?} {after:?}");
                    }
                    if theirs == Some(Block) {
                        assert_eq!(after.theirs, Some(Block), "{pair:?} {operation:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_block_refuses_invitations_from_both_sides_in_its_own_way() {
        let by_target = Pair { mine: None, theirs: Some(Block) };
        assert!(matches!(by_target.after(Operation::Invite), Err(Error::Forbidden(_))));
        let by_author = Pair { mine: Some(Block), theirs: None };
        assert!(matches!(by_author.after(Operation::Accept), Err(Error::Invalid(_))));
    }
}
