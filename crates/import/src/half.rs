//! Replaces JSON escapes of unpaired surrogates, such as a lone `\ud83d`. A program that uses UTF-16 writes
//! one if it truncates a text between two surrogates, but JSON parsers for UTF-8 reject it.

use std::io::{self, Read};

/// The length of an escape, in bytes.
const ESCAPE: usize = 6;
const REPLACEMENT: &[u8; ESCAPE] = br"\ufffd";
const READ: usize = 16 << 10;

/// Reads the same JSON, with U+FFFD in place of each unpaired surrogate.
pub(crate) struct SurrogateReplacer<R> {
    inner: R,
    /// Bytes read from `inner`. Those up to `given` were passed on; those up to `decided` can be passed on.
    buffer: Vec<u8>,
    given: usize,
    decided: usize,
    is_ended: bool,
}

impl<R> SurrogateReplacer<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, buffer: Vec::new(), given: 0, decided: 0, is_ended: false }
    }

    /// Replaces unpaired surrogates, as far as the bytes after them are known.
    fn decide(&mut self) {
        while let Some(at) = self.buffer[self.decided..].iter().position(|byte| *byte == b'\\') {
            self.decided += at;
            let rest = &mut self.buffer[self.decided..];
            if rest.len() < 2 * ESCAPE && !self.is_ended {
                return;
            }
            let is_pair = matches!(surrogate(rest), Some(Surrogate::First))
                && matches!(rest.get(ESCAPE..).and_then(surrogate), Some(Surrogate::Second));
            let length = match surrogate(rest) {
                Some(_) if is_pair => 2 * ESCAPE,
                Some(_) => {
                    rest[..ESCAPE].copy_from_slice(REPLACEMENT);
                    ESCAPE
                }
                // The backslash and the character that it escapes.
                None => 2.min(rest.len()),
            };
            self.decided += length;
        }
        self.decided = self.buffer.len();
    }
}

impl<R: Read> Read for SurrogateReplacer<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.given == self.decided && !self.is_ended {
            self.buffer.drain(..self.given);
            (self.given, self.decided) = (0, 0);
            let read = (&mut self.inner).take(READ as u64).read_to_end(&mut self.buffer)?;
            self.is_ended = read == 0;
            self.decide();
        }
        let count = to.len().min(self.decided - self.given);
        to[..count].copy_from_slice(&self.buffer[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

/// A UTF-16 surrogate.
enum Surrogate {
    First,
    Second,
}

/// The surrogate that the escape at the start of the text encodes.
fn surrogate(text: &[u8]) -> Option<Surrogate> {
    let digits = text.strip_prefix(br"\u")?.get(..ESCAPE - 2)?;
    let [b'd' | b'D', second, rest @ ..] = digits else { return None };
    if !rest.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    match second.to_ascii_lowercase() {
        b'8' | b'9' | b'a' | b'b' => Some(Surrogate::First),
        b'c'..=b'f' => Some(Surrogate::Second),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a limited number of bytes per read.
    struct Slow<'t>(&'t [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(to.len());
            self.0.read(&mut to[..count])
        }
    }

    fn whole(text: &str) -> String {
        let mut read = String::new();
        SurrogateReplacer::new(text.as_bytes()).read_to_string(&mut read).expect("UTF-8");
        read
    }

    #[test]
    fn half_a_character_is_replaced() {
        for (text, expected) in [
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\uDE00b""#, "\u{fffd}b"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\ude00\ud83d\n""#, "\u{fffd}\u{fffd}\n"),
            (r#""\\ud83d \u00e9\"""#, "\\ud83d é\""),
        ] {
            let read: String = serde_json::from_str(&whole(text)).expect(text);
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn texts_without_lone_surrogates_are_unchanged() {
        for text in
            ["", "[1, 2]", r#""\ud83d\ude00\\\" \ue000""#, r#""\"#, r#""\u"#, r#""\ud8"#, r#""\ud8zz""#]
        {
            assert_eq!(whole(text), text);
        }
    }

    #[test]
    fn halves_of_two_reads_belong_together() {
        let text = format!("{}\\ud83d\\ude00\\ud83dx\\\\", "é".repeat(READ / 2 - 3));
        for size in [1, 5, 7, READ] {
            let mut read = Vec::new();
            SurrogateReplacer::new(Slow(text.as_bytes(), size)).read_to_end(&mut read).expect("bytes");
            let expected = text.replace("\\ud83dx", "\\ufffdx");
            assert!(read == expected.as_bytes(), "{size} at a time");
        }
    }
}
