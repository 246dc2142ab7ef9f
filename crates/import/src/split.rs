//! Splitting texts that are longer than a message may be.

/// Splits a text into parts of at most `limit` characters: at the end of a line if possible, otherwise of a
/// word, otherwise anywhere.
pub(crate) fn parts(text: &str, limit: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((end, _)) = rest.char_indices().nth(limit.max(1)) {
        let head = &rest[..end];
        let cut = head.rfind('\n').or_else(|| head.rfind(' ')).filter(|at| *at > 0);
        let (part, left) = match cut {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (head, &rest[end..]),
        };
        parts.push(part);
        rest = left;
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_at_lines_then_words_then_anywhere() {
        for (text, expected) in [
            ("short", &["short"][..]),
            ("", &[""]),
            ("12345 7890", &["12345 7890"]),
            ("one two\nthree four", &["one two", "three four"]),
            ("one two three", &["one two", "three"]),
            ("ééééééééééééé", &["éééééééééé", "ééé"]),
        ] {
            assert_eq!(parts(text, 10), expected, "{text}");
        }
    }
}
