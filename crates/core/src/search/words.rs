//! Splits a text into words for the search.
//!
//! A word is a sequence of letters, marks and digits. In scripts that are written without spaces, and in
//! Hangul, each character is a separate word, so that any part of a text can be found. Words are folded:
//! compatibility forms and width (NFKC), case, accents, and the letters of [`PLAIN`], which have no Unicode
//! decomposition. Vowel signs and kana marks are kept, because they distinguish words.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, compose, is_combining_mark};
use unicode_script::{Script, UnicodeScript};

use crate::text::is_ignorable;

/// Letters without a decomposition, and their plain equivalents. `ı` is not listed, because case folding
/// covers it.
pub const PLAIN: &[(char, &str)] = &[
    ('ß', "ss"),
    ('ł', "l"),
    ('đ', "d"),
    ('ð', "d"),
    ('ø', "o"),
    ('æ', "ae"),
    ('œ', "oe"),
    ('þ', "th"),
    ('ħ', "h"),
    ('ŧ', "t"),
];

/// The most marks of one letter that are sorted into canonical order. Further ones keep their order.
const ORDERED_MARKS: usize = 32;
/// A mark that becomes a letter in upper case. It is treated as an accent, because other marks may precede or
/// follow it.
const IOTA_SUBSCRIPT: char = '\u{345}';

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub folded: String,
    /// The index of the first scalar value in the text. `end` is the index after the last.
    pub start: usize,
    pub end: usize,
    /// Whether the word is a single character of a script without spaces.
    pub is_part: bool,
    /// Whether the word directly follows the previous one.
    pub adjoins: bool,
}

/// The words of a text, in order. Takes time linear in the length of the text.
pub fn cut(text: &str) -> Vec<Word> {
    let mut cutter = Cutter { words: Vec::new(), is_open: false };
    let mut folded = Vec::new();
    for (at, c) in text.chars().enumerate() {
        if c.is_ascii() {
            cutter.take(c.to_ascii_lowercase(), at);
            continue;
        }
        if is_ignorable(c) {
            continue;
        }
        folded.clear();
        fold(c, &mut folded);
        if folded.is_empty() {
            cutter.extend(at);
        }
        for c in &folded {
            cutter.take(*c, at);
        }
    }
    cutter.words
}

/// Appends the folded form of a character. Appends nothing for an accent.
fn fold(c: char, folded: &mut Vec<char>) {
    let marks = std::iter::once(c).nfkd().filter(|c| *c != IOTA_SUBSCRIPT);
    let cases = marks.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    for c in cases.nfd().filter(|c| !is_accent(*c)) {
        match PLAIN.iter().find(|(letter, _)| *letter == c) {
            Some((_, plain)) => folded.extend(plain.chars()),
            None => folded.push(c),
        }
    }
}

/// Whether a mark is an accent, judged by its combining class: a mark above, below or across a letter, a
/// point of Hebrew or Arabic, or a mark for an alternative reading of a Han character.
fn is_accent(c: char) -> bool {
    is_combining_mark(c) && matches!(canonical_combining_class(c), 1 | 6 | 10..=36 | 200..)
}

/// Whether a character belongs to Hangul or to a script that is written without spaces.
fn is_part(c: char) -> bool {
    use Script::{Han, Hangul, Hiragana, Katakana, Khmer, Lao, Myanmar, Thai};
    // The prolonged sound mark, which both kana scripts share.
    c == 'ー'
        || (c >= '\u{e00}'
            && matches!(c.script(), Han | Hangul | Hiragana | Katakana | Khmer | Lao | Myanmar | Thai))
}

/// The state of splitting a text.
struct Cutter {
    words: Vec<Word>,
    /// Whether the previous character belongs to the last word, so that the next one may extend it.
    is_open: bool,
}

impl Cutter {
    /// Adds the next folded character, which comes from the scalar value at index `at`.
    fn take(&mut self, c: char, at: usize) {
        if self.compose(c, at) {
            return;
        }
        let is_part = is_part(c);
        if !c.is_alphanumeric() && !is_combining_mark(c) {
            self.is_open = false;
            return;
        }
        match self.words.last_mut() {
            Some(word) if self.is_open && !is_part && !word.is_part => {
                push(&mut word.folded, c);
                word.end = at + 1;
            }
            _ => self.words.push(Word {
                folded: c.into(),
                start: at,
                end: at + 1,
                is_part,
                adjoins: self.is_open,
            }),
        }
        self.is_open = true;
        self.order(c);
    }

    /// Extends the last word by the accent at index `at`.
    fn extend(&mut self, at: usize) {
        if let Some(word) = self.words.last_mut().filter(|_| self.is_open) {
            word.end = at + 1;
        }
    }

    /// Composes a kana or Hangul character with the previous one, if possible. Returns whether it did.
    fn compose(&mut self, c: char, at: usize) -> bool {
        if c < '\u{1100}' {
            return false;
        }
        let Some(word) = self.words.last_mut().filter(|word| self.is_open && word.is_part) else {
            return false;
        };
        let Some(before) = word.folded.chars().next() else { return false };
        let Some(whole) = compose(before, c).filter(|whole| is_part(*whole)) else { return false };
        word.folded.clear();
        word.folded.push(whole);
        word.end = at + 1;
        true
    }

    /// Moves a mark that is a separate part before marks with a higher combining class.
    fn order(&mut self, c: char) {
        let class = class_of(c);
        let mut at = self.words.len() - 1;
        if class == 0 || !self.words[at].is_part {
            return;
        }
        let is_higher =
            |word: &Word| word.is_part && word.folded.chars().next().is_some_and(|c| class_of(c) > class);
        for _ in 0..ORDERED_MARKS {
            if at == 0 || !self.words[at].adjoins || !is_higher(&self.words[at - 1]) {
                return;
            }
            let (before, mark) = self.words.split_at_mut(at);
            let (before, mark) = (&mut before[at - 1], &mut mark[0]);
            std::mem::swap(&mut before.folded, &mut mark.folded);
            let (start, end) = (before.start, before.end);
            (before.start, before.end) = (mark.start, mark.end);
            (mark.start, mark.end) = (start, end);
            at -= 1;
        }
    }
}

/// Appends a character to a word. A mark is inserted before marks with a higher combining class.
fn push(word: &mut String, c: char) {
    let class = class_of(c);
    if class == 0 {
        return word.push(c);
    }
    let mut place = word.len();
    for (at, before) in word.char_indices().rev().take(ORDERED_MARKS) {
        if class_of(before) <= class {
            break;
        }
        place = at;
    }
    word.insert(place, c);
}

/// The canonical combining class of a character. Characters before U+0300, the first mark, have class 0,
/// which needs no lookup.
fn class_of(c: char) -> u8 {
    if c < '\u{300}' { 0 } else { canonical_combining_class(c) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        cut(text).into_iter().map(|word| word.folded).collect()
    }

    fn is_equal(one: &str, other: &str) -> bool {
        words(one) == words(other)
    }

    #[test]
    fn a_word_is_a_run_of_letters_marks_and_digits() {
        for (text, expected) in [
            ("", vec![]),
            ("😀 👩‍👩‍👧 … ⁉️", vec![]),
            ("foo.png", vec!["foo", "png"]),
            ("https://a.example/qwerty4?x=1", vec!["https", "a", "example", "qwerty4", "x", "1"]),
            ("test_with_underscore t-shirt", vec!["test", "with", "underscore", "t", "shirt"]),
            ("ann@example.org", vec!["ann", "example", "org"]),
            ("don't", vec!["don", "t"]),
            ("重跑gen-itgc后", vec!["重", "跑", "gen", "itgc", "后"]),
            ("हिन्दी भाषा", vec!["हिन्दी", "भाषा"]),
            ("สวัสดี", vec!["ส", "ว", "ั", "ส", "ด", "ี"]),
            ("한국어", vec!["한", "국", "어"]),
            ("co\u{ad}ope\u{200d}rate", vec!["cooperate"]),
            ("½ x² ㎏", vec!["1", "2", "x2", "kg"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn words_are_folded_alike() {
        for (text, key) in [
            ("ÉLODIE", "elodie"),
            ("bệnh viện", "be\u{323}\u{302}nh vie\u{323}\u{302}n"),
            ("Straße", "STRASSE"),
            ("Łódź, Đà Nẵng, Tromsø", "lodz da nang tromso"),
            ("Æsir œuvre Þór İstanbul ısı", "aesir oeuvre thor istanbul isi"),
            ("ΣΑΣ", "σας"),
            ("ＡＮＮ ﬁn", "ann fin"),
            ("ｶﾞ", "ガ"),
            ("が", "か\u{3099}"),
            ("각", "\u{1100}\u{1161}\u{11a8}"),
            ("שָׁלוֹם", "שלום"),
            ("ชุ้น", "ช\u{e49}\u{e38}น"),
        ] {
            assert!(is_equal(text, key), "{text}: {:?} and {:?}", words(text), words(key));
        }
        for (one, other) in [("か", "が"), ("कि", "की"), ("하", "한"), ("ア", "あ")] {
            assert!(!is_equal(one, other), "{one} and {other}");
        }
    }

    #[test]
    fn a_word_knows_its_position_in_the_text() {
        let place = |text: &str, number: usize| {
            let word = &cut(text)[number];
            (word.start, word.end)
        };
        assert_eq!(place("😀 Привет мир", 1), (9, 12));
        assert_eq!(place("e\u{301}te\u{301}", 0), (0, 5));
        assert_eq!(place("Straße!", 0), (0, 6));
        assert_eq!(place("x か\u{3099}く", 1), (2, 4));
        assert_eq!(place("㍿", 3), (0, 1));
    }

    #[test]
    fn hostile_text_takes_time_in_proportion() {
        let marks = "\u{e49}\u{e38}".repeat(50_000);
        let long = "a\u{93c}\u{94d}".repeat(50_000);
        for text in [marks, long, "\u{fdfa}".repeat(50_000), "\u{1100}\u{1161}".repeat(50_000)] {
            assert!(!cut(&text).is_empty());
        }
    }

    #[test]
    fn iota_below_a_letter_is_an_accent() {
        assert_eq!(words("ᾼδω ᾀ\u{dca}"), words("Αδω α\u{dca}"));
        assert_eq!(words("α\u{dca}\u{345}"), words("α\u{345}\u{dca}"));
    }

    #[test]
    fn mark_of_another_reading_is_an_accent() {
        assert_eq!(words("\u{5b57}\u{16ff0}"), words("\u{5b57}"));
        // Its combining class is lower than that of a nukta.
        assert_eq!(words("\u{a33}\u{16ff0}"), words("\u{a32}\u{16ff0}\u{a3c}"));
    }

    proptest! {
        #[test]
        fn any_text_is_cut_into_words_within_it(text in any::<String>()) {
            let length = text.chars().count();
            for word in cut(&text) {
                prop_assert!(!word.folded.is_empty());
                prop_assert!(word.start < word.end && word.end <= length);
            }
        }

        #[test]
        fn a_folded_word_folds_to_itself(text in any::<String>()) {
            for word in cut(&text) {
                prop_assert_eq!(words(&word.folded).concat(), word.folded);
            }
        }

        #[test]
        fn normal_forms_of_a_text_have_the_same_words(text in any::<String>()) {
            prop_assert_eq!(words(&text.nfc().collect::<String>()), words(&text));
            prop_assert_eq!(words(&text.nfd().collect::<String>()), words(&text));
        }
    }
}
