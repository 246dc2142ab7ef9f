//! Keys of confusable names: those that look alike to people.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

use crate::text::is_invisible;

/// A key that texts of similar appearance share. It ignores case, accents, width, white space and invisible
/// characters, and replaces letters of other scripts by the Latin letters that they look like (UTS 39). It is
/// looser than the keys that reserve names: two users may have names with the same confusable key.
pub fn confusable_key(text: &str) -> String {
    let letters = text.nfkd().filter(|c| !is_invisible(*c) && !is_combining_mark(*c)).flat_map(seen);
    let folded = letters.flat_map(char::to_uppercase).flat_map(char::to_lowercase).flat_map(seen);
    let key: String = folded.nfd().filter(|c| !is_combining_mark(*c)).map(same).collect();
    key.replace("rn", "m").replace("vv", "w")
}

/// The letters that `c` looks like by UTS 39. ASCII stays unchanged here; [`same`] handles its look-alikes.
fn seen(c: char) -> impl Iterator<Item = char> {
    let other = (!c.is_ascii()).then(|| skeleton(c.encode_utf8(&mut [0; 4])).collect::<Vec<char>>());
    let own = other.is_none().then_some(c);
    other.into_iter().flatten().chain(own)
}

fn same(c: char) -> char {
    match c {
        'i' | 'ı' | '1' | '|' => 'l',
        '0' => 'o',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_texts_share_a_key() {
        for (text, other) in [
            ("Ann Lee", "annlee"),
            ("Ann", "Αnn"),
            ("Anna", "Аnnа"),
            ("PAVEL", "РАVЕL"),
            ("Marnie", "Mamie"),
            ("Ian", "lan"),
            ("Bob", "B0b"),
            ("Élodie", "Elodie"),
            ("ＡＮＮ", "ann"),
            ("an\u{200b}n", "ann"),
            ("Will", "VVill"),
            ("Օlga", "Olga"),
        ] {
            assert_eq!(confusable_key(text), confusable_key(other), "{text} {other}");
        }
    }

    #[test]
    fn other_names_have_other_keys() {
        for (text, other) in
            [("Ann", "Anne"), ("Bob", "Rob"), ("Олег", "Ольга"), ("李", "王"), ("Tom", "Tim")]
        {
            assert_ne!(confusable_key(text), confusable_key(other), "{text} {other}");
        }
    }
}
