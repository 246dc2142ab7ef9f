//! Names of users and groups.
//!
//! A user's name is its public key. An ASCII name may be any id that applications use: a UUID, an e-mail
//! address, `auth0|5f7c…`. Other names follow PRECIS `UsernameCasePreserved` (RFC 8265) and the highly
//! restrictive level of UTS 39, which requires a single script. Two names that differ only in case, in width,
//! or by look-alike letters of another script are the same name. With [`NameCase::Exact`], case distinguishes
//! ASCII names, for applications whose ids are case-sensitive.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use precis_core::profile::PrecisFastInvocation;
use precis_profiles::UsernameCasePreserved;
use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};
use unicode_security::confusable_detection::skeleton;
use unicode_security::general_security_profile::GeneralSecurityProfile;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection};

use crate::limits::{GROUP_NAME_CHARS, NAME_CHARS};
use crate::text::{is_invisible, is_visible};

/// The most combining marks that one letter of a name may carry.
const MARKS: usize = 4;
/// The most characters from which normalisation makes a single one.
const MAX_DECOMPOSED: usize = 4;

/// Whether ASCII names that differ only in case are the same name (`users.case`). A store never changes its
/// setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameCase {
    /// They are the same name.
    #[default]
    Folded,
    /// They are different names.
    Exact,
}

impl NameCase {
    /// The value of the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Folded => "folded",
            Self::Exact => "exact",
        }
    }
}

/// The error text for a store with another setting. `database` is the name of the store.
pub fn name_case_kept(kept: NameCase, database: &dyn fmt::Display) -> String {
    let kept = kept.as_str();
    format!(
        "the database {database} has users, or other nodes serve it, with users.case = \"{kept}\": set that again, or \
         begin with an empty database"
    )
}

/// A user's name: 1 to 128 characters, valid, and in canonical form.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// Parses a name and converts it to its canonical form (width and normalisation form C, with its case
    /// unchanged). The error completes a sentence that begins with the field's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("may not be empty");
        }
        // The canonical form is counted, which may be shorter. The bound on its source limits the work.
        let most = if text.is_ascii() { NAME_CHARS } else { NAME_CHARS * MAX_DECOMPOSED };
        if text.chars().nth(most).is_some() {
            return Err(TOO_LONG);
        }
        if text.contains(char::is_whitespace) {
            return Err("may not contain white space");
        }
        if text.chars().any(is_invisible) {
            return Err("may not contain control characters or invisible ones");
        }
        let name = if text.is_ascii() { Cow::Borrowed(text) } else { canonical(text)? };
        if name.starts_with('@') {
            return Err("may not begin with @");
        }
        if name.contains(['/', '\\', '"', '<', '>']) {
            return Err("may not contain / \\ \" < or >");
        }
        // Browsers treat these as path segments, even when they are escaped.
        if matches!(&*name, "." | "..") {
            return Err("must not be . or .., which cannot be part of an address");
        }
        Ok(Self(name.into()))
    }

    /// Parses a name from a source that vouches for it. The name must already be in canonical form, because
    /// another spelling may mean another person.
    pub fn parse_exact(text: &str) -> Result<Self, &'static str> {
        let name = Self::parse(text)?;
        if name.as_str() == text {
            Ok(name)
        } else {
            Err("is not in its canonical form: send it in normalisation form C, in ordinary width")
        }
    }

    /// A name from the store, which was parsed before it was stored.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The name as its user spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }

    /// The key by which the name is found. Folds the case, unless `case` distinguishes it. Width needs no
    /// folding, since the canonical form has only one.
    pub fn fold(&self, case: NameCase) -> String {
        match (self.0.is_ascii(), case) {
            (true, NameCase::Exact) => self.0.to_string(),
            (true, NameCase::Folded) => self.0.to_ascii_lowercase(),
            (false, _) => self.0.chars().flat_map(fold).collect(),
        }
    }

    /// Whether both names refer to the same user.
    pub fn finds_same(&self, other: &Self, case: NameCase) -> bool {
        self.fold(case) == other.fold(case)
    }

    /// The keys that the name reserves. Two names that share a key are the same name. An ASCII name has one
    /// key. Other names have one or two: the first folds case before it maps look-alikes, the second after,
    /// because capital and small letters have different look-alikes.
    ///
    /// With [`NameCase::Exact`], the key of an ASCII name keeps its case. A non-ASCII name still collides
    /// with every ASCII name that looks like it, whatever the case; for that, stores compare the keys of
    /// [`NameCase::Folded`].
    pub fn claims(&self, case: NameCase) -> Vec<String> {
        let fold = self.fold(case);
        if self.0.is_ascii() {
            return vec![fold];
        }
        let folded: String = fold.chars().flat_map(latin).collect();
        let mapped: String = self.0.chars().flat_map(latin).flat_map(self::fold).collect();
        if folded == mapped { vec![folded] } else { vec![folded, mapped] }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const TOO_LONG: &str = "is longer than 128 characters";

/// Converts a name with non-ASCII characters to its canonical form.
fn canonical(text: &str) -> Result<Cow<'_, str>, &'static str> {
    let name = UsernameCasePreserved::enforce(text).map_err(
        |_| "may contain only letters, digits and ASCII punctuation: no symbols, no mixed directions",
    )?;
    if name.chars().nth(NAME_CHARS).is_some() {
        return Err(TOO_LONG);
    }
    let mut marks = 0;
    for (at, c) in name.chars().enumerate() {
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        if marks > at {
            return Err("may not begin with a combining mark");
        }
        if marks > MARKS {
            return Err("has a letter with more than 4 combining marks");
        }
    }
    // ASCII punctuation belongs to no script and is valid in names of any script.
    let letters: String = name.chars().filter(|c| !c.is_ascii_punctuation()).collect();
    if !letters.chars().all(GeneralSecurityProfile::identifier_allowed) {
        return Err("contains a letter that is not in current use");
    }
    if !letters.is_empty() && !letters.check_restriction_level(RestrictionLevel::HighlyRestrictive) {
        return Err("mixes letters of several scripts: use one script");
    }
    Ok(name)
}

/// Maps to upper case first, so that ß equals ss and both lower-case sigmas are equal.
fn fold(c: char) -> impl Iterator<Item = char> {
    c.to_uppercase().flat_map(char::to_lowercase)
}

/// The Latin letters that a letter of another script looks like. Latin letters stay unchanged: `rn` may look
/// like `m`, but `Tam` and `Tarn` are two people.
fn latin(c: char) -> impl Iterator<Item = char> {
    let mut buffer = [0; 4];
    let text = &*c.encode_utf8(&mut buffer);
    let mut seen: Vec<char> = match c.script() {
        Script::Latin | Script::Common | Script::Inherited => vec![c],
        _ => skeleton(text).collect(),
    };
    if seen == ['r', 'n'] && c != 'm' {
        seen = vec!['m'];
    }
    seen.into_iter()
}

/// A group's name: 1 to 200 characters, trimmed, without control characters, and not `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupName(Arc<str>);

impl GroupName {
    /// The name of every private group.
    pub const PRIVATE: &'static str = "@";

    /// Trims and parses a name. The error completes a sentence that begins with the field's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let name = text.trim();
        if !is_visible(name) {
            return Err("must contain a visible character");
        }
        if name.chars().nth(GROUP_NAME_CHARS).is_some() {
            return Err("is longer than 200 characters");
        }
        if name.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
            return Err("may not contain control characters");
        }
        let mut seen = name.chars().filter(|c| !is_invisible(*c));
        if matches!((seen.next(), seen.next()), (Some('@' | '\u{ff20}' | '\u{fe6b}'), None)) {
            return Err("may not be @, the name of private conversations, or look like it");
        }
        Ok(Self(name.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests;
