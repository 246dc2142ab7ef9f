//! Character visibility. Names and bodies without visible characters are refused. Visible text is stored
//! unchanged.

use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The characters with the property `Default_Ignorable_Code_Point` (Unicode 16), which have no glyph, in
/// ascending ranges. The ranges are stable: they include the unassigned characters that Unicode reserves.
const IGNORABLE: &[(char, char)] = &[
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Characters with a blank glyph: the Braille pattern without dots and the musical null notehead.
const BLANK: [char; 2] = ['\u{2800}', '\u{1d159}'];

/// Whether a character is invisible: white space, a control or format character, or a blank glyph.
pub(crate) fn is_invisible(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_graphic();
    }
    c.is_whitespace() || c.is_control() || BLANK.contains(&c) || is_ignorable(c)
}

/// Whether a character has no glyph, so that searches ignore it.
pub(crate) fn is_ignorable(c: char) -> bool {
    c >= IGNORABLE[0].0 && IGNORABLE.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// Whether a text has at least one visible character.
pub fn is_visible(text: &str) -> bool {
    text.chars().any(|c| !is_invisible(c))
}

/// The error text for a text with a NUL character, which PostgreSQL cannot store or compare.
pub const NUL: &str = "may not contain NUL";

/// Trims a text and checks that it has at most `most` characters and at least one visible character.
/// `invisible` is the error text for the latter. The error completes a sentence that begins with the field's
/// name.
pub(crate) fn trimmed(text: &str, most: usize, invisible: &str) -> Result<Arc<str>, String> {
    let text = text.trim();
    if text.chars().nth(most).is_some() {
        return Err(format!("is longer than {most} characters"));
    }
    if !is_visible(text) {
        return Err(invisible.to_owned());
    }
    if text.contains('\0') {
        return Err(NUL.to_owned());
    }
    Ok(text.into())
}

/// The key for searching names: without case, accents and width.
pub fn search_key(text: &str) -> String {
    let folded = text.nfkd().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.nfd().filter(|c| !is_combining_mark(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_ignores_case_accents_and_width() {
        for (text, key) in [
            ("Élodie", "elodie"),
            ("e\u{301}LODIE", "elodie"),
            ("ＡＮＮ", "ann"),
            ("Straße", "strasse"),
            ("ΣΑΣ", "σασ"),
        ] {
            assert_eq!(search_key(text), key);
            assert_eq!(search_key(key), key);
        }
    }

    #[test]
    fn invisible_text_shows_nothing() {
        for text in [
            "",
            " ",
            "\u{2800}",
            "\u{200b}",
            "\u{2060}\u{feff}",
            "\u{3164}",
            "\u{ad}\u{200e}",
            "\u{34f}",
            "\u{fe0f} \u{e0100}",
            "\u{e0041}\u{e007f}",
            "\n\t\u{85}\u{2028}\u{3000}",
            "\u{115f}\u{1160}\u{ffa0}",
            "\u{1d159}",
        ] {
            assert!(!is_visible(text), "{text:?}");
            assert!(is_visible(&format!("{text}a{text}")), "{text:?}");
        }
    }

    #[test]
    fn visible_text_is_seen() {
        for text in ["a", ".", "é", "\u{301}", "👩‍👩‍👧‍👦", "️❤️", "語", "ا", "\u{e000}"]
        {
            assert!(is_visible(text), "{text:?}");
        }
    }
}
