//! Mentions: users whose attention a message requests.

use sha2::{Digest, Sha256};

use crate::{Name, UserId};

/// The most mentions per message.
pub const MENTIONS: usize = 50;
/// `mentioned` is counted among this many of a user's newest mentions in a group, and as many of everyone's.
/// Older mentions are ignored; they can matter only if the user blocked the authors of newer ones.
pub const MENTIONS_NEAR: u32 = 1000;

/// The text that mentions everyone in the group.
pub const EVERYONE: &str = "@all";

/// One mention in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mention {
    /// Everyone in the group.
    Everyone,
    User(Name),
}

impl Mention {
    /// Parses a mention. The error completes a sentence that begins with the field's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == EVERYONE {
            return Ok(Self::Everyone);
        }
        Name::parse(text).map(Self::User).map_err(str::to_owned)
    }
}

/// The mentions in a request, without duplicates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MentionList {
    everyone: bool,
    /// Each name with its index in the request.
    names: Vec<(usize, Name)>,
}

impl MentionList {
    /// Removes duplicates. The error completes a sentence that begins with the field's name.
    pub fn new(all: impl IntoIterator<Item = Mention>) -> Result<Self, String> {
        let mut list = Self::default();
        for (index, mention) in all.into_iter().enumerate() {
            match mention {
                Mention::Everyone => list.everyone = true,
                Mention::User(name) if list.names.iter().all(|(_, known)| *known != name) => {
                    list.names.push((index, name));
                }
                Mention::User(_) => {}
            }
            if list.names.len() + usize::from(list.everyone) > MENTIONS {
                return Err(format!("may have at most {MENTIONS} different names"));
            }
        }
        Ok(list)
    }

    pub fn is_empty(&self) -> bool {
        !self.everyone && self.names.is_empty()
    }

    pub fn everyone(&self) -> bool {
        self.everyone
    }

    /// The mentioned names, each with its index in the request.
    pub fn names(&self) -> &[(usize, Name)] {
        &self.names
    }

    /// Adds the mentions to the hash that identifies a retry. Each one begins with 0xFF, which no text
    /// contains.
    pub(crate) fn digest(&self, digest: &mut Sha256) {
        const BEFORE: &[u8] = &[0xff];
        let mut texts: Vec<_> = self.names.iter().map(|(_, name)| name.as_str()).collect();
        texts.extend(self.everyone.then_some(EVERYONE));
        texts.sort_unstable();
        for text in texts {
            digest.update(BEFORE);
            digest.update(text);
        }
    }
}

/// The mentions of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Whether everyone in the group is mentioned.
    pub everyone: bool,
    /// The mentioned users, at most [`MENTIONS`].
    pub users: Vec<UserId>,
    /// The current names of `users`, in the same order.
    pub names: Vec<Name>,
}

impl Mentions {
    /// The user id that is stored for everyone. No user has it.
    pub const EVERYONE: UserId = UserId(0);

    pub fn is_empty(&self) -> bool {
        !self.everyone && self.users.is_empty()
    }

    /// The mentions as clients receive them.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.everyone.then_some(EVERYONE).into_iter().chain(self.names.iter().map(Name::as_str))
    }

    /// The users for whom the message counts as a mention; only [`Mentions::EVERYONE`] if it mentions
    /// everyone. Authors never mention themselves.
    pub fn counted(&self, author: UserId) -> Vec<UserId> {
        if self.everyone {
            return vec![Self::EVERYONE];
        }
        self.users.iter().copied().filter(|user| *user != author).collect()
    }

    /// Decodes the user ids. Names are not set.
    pub(crate) fn from_stored(ids: &[u8]) -> Self {
        let mut mentions = Self::default();
        let (ids, _) = ids.as_chunks();
        for id in ids.iter().map(|id| UserId(i64::from_le_bytes(*id))) {
            if id == Self::EVERYONE { mentions.everyone = true } else { mentions.users.push(id) }
        }
        mentions
    }

    /// Encodes the user ids, [`EVERYONE`](Self::EVERYONE) first.
    pub(crate) fn stored(&self) -> Vec<u8> {
        let everyone = self.everyone.then_some(Self::EVERYONE);
        everyone.iter().chain(&self.users).flat_map(|user| user.0.to_le_bytes()).collect()
    }

    /// The approximate size on the wire, in bytes.
    pub(crate) fn size(&self) -> usize {
        const NAME: usize = 24;
        NAME * (self.users.len() + usize::from(self.everyone))
    }

    /// Sets the names. Users for whom `name` returns none are deleted, and are left out.
    pub fn name_users(&mut self, name: impl Fn(UserId) -> Option<Name>) {
        let found = self.users.iter().filter_map(|user| Some((*user, name(*user)?)));
        (self.users, self.names) = found.unzip();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Result<MentionList, String> {
        MentionList::new(texts.iter().map(|text| Mention::parse(text).expect("a name")))
    }

    fn hash(texts: &[&str]) -> Vec<u8> {
        let mut digest = Sha256::new();
        list(texts).expect("a list").digest(&mut digest);
        digest.finalize().to_vec()
    }

    #[test]
    fn duplicates_count_once_and_keep_their_first_index() {
        let list = list(&["ann", "@all", "ann", "bob", "@all"]).expect("a list");
        assert!(list.everyone());
        assert_eq!(list.names(), [(0, Name::stored("ann")), (3, Name::stored("bob"))]);
    }

    #[test]
    fn more_than_fifty_different_names_are_refused() {
        let names: Vec<_> = (0..MENTIONS).map(|number| format!("u{number}")).collect();
        let mut texts: Vec<_> = names.iter().map(String::as_str).collect();
        texts.push("u0");
        assert!(list(&texts).is_ok());
        for more in ["one", "@all"] {
            texts.push(more);
            assert!(list(&texts).is_err(), "{more}");
            texts.pop();
        }
    }

    #[test]
    fn the_order_of_mentions_is_no_other_message() {
        assert_eq!(hash(&["ann", "bob", "@all"]), hash(&["@all", "bob", "ann", "ann"]));
        assert_eq!(hash(&[]), Sha256::digest(b"").to_vec());
        let others: [&[&str]; 5] = [&[], &["ann"], &["ann", "bob"], &["annbob"], &["@all"]];
        for (at, one) in others.iter().enumerate() {
            assert!(others[at + 1..].iter().all(|other| hash(one) != hash(other)), "{one:?}");
        }
    }

    #[test]
    fn mentions_are_read_as_they_were_stored() {
        let users = vec![UserId(3), UserId(1)];
        for everyone in [false, true] {
            let mentions = Mentions { everyone, users: users.clone(), names: vec![] };
            assert_eq!(Mentions::from_stored(&mentions.stored()), mentions);
        }
        assert_eq!(Mentions::default().stored(), []);
    }

    #[test]
    fn everyone_counts_once_and_the_author_never() {
        let users = vec![UserId(1), UserId(2)];
        let mut mentions = Mentions { everyone: false, users, names: vec![] };
        assert_eq!(mentions.counted(UserId(1)), [UserId(2)]);
        mentions.everyone = true;
        assert_eq!(mentions.counted(UserId(1)), [Mentions::EVERYONE]);
    }
}
