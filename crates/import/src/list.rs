//! Reads untrusted JSON piece by piece: the elements of an array, or the lines of a file. Memory is bounded
//! by one element or line, whose length is limited.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::marker::PhantomData;
use std::rc::Rc;

use serde::Deserializer;
use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};

use crate::half::SurrogateReplacer;
use crate::{BadExport, Result};

/// The most bytes of an element or line.
pub(crate) const ELEMENT_BYTES: usize = 32 << 20;

/// Some programs write it at the start of a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads an array and passes its elements to `visit` one by one. `at` is the name of the file.
pub(crate) fn each_element<T: DeserializeOwned>(
    reader: impl Read,
    at: &str,
    visit: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let left = Rc::new(Cell::new(ELEMENT_BYTES));
    let mut reader = BufReader::new(SurrogateReplacer::new(reader));
    let begins = reader.fill_buf().map_err(|fault| BadExport::new(at, fault.to_string()))?;
    if begins.starts_with(BYTE_ORDER_MARK) {
        reader.consume(BYTE_ORDER_MARK.len());
    }
    let limited = LimitedReader { inner: reader, left: left.clone() };
    let mut json = serde_json::Deserializer::from_reader(limited);
    let mut failed = None;
    let list = ElementVisitor { visit, left, failed: &mut failed, of: PhantomData::<T> };
    let read = json.deserialize_seq(list).and_then(|()| json.end());
    match (read, failed) {
        (_, Some(why)) => Err(why),
        (Err(why), None) => Err(broken(at, &why)),
        (Ok(()), None) => Ok(()),
    }
}

/// Reads a file line by line, and passes the non-empty lines to `visit` with their numbers.
pub(crate) fn each_line<T: DeserializeOwned>(
    reader: impl Read,
    at: &str,
    mut visit: impl FnMut(u64, T) -> Result<()>,
) -> Result<()> {
    let mut reader = BufReader::new(SurrogateReplacer::new(reader));
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let place = || format!("{at}, line {number}");
        let read = (&mut reader).take(ELEMENT_BYTES as u64 + 1).read_until(b'\n', &mut line);
        if read.map_err(|fault| BadExport::new(place(), fault.to_string()))? == 0 {
            break;
        }
        if line.len() > ELEMENT_BYTES {
            return Err(BadExport::new(place(), format!("is longer than {ELEMENT_BYTES} bytes")));
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let value = serde_json::from_slice(line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line));
        visit(number, value.map_err(|why| BadExport::new(place(), without_line(&why)))?)?;
    }
    Ok(())
}

/// The error for a file, with its line.
fn broken(at: &str, why: &serde_json::Error) -> BadExport {
    match why.line() {
        0 => BadExport::new(at, without_type(why.to_string())),
        line => BadExport::new(format!("{at}, line {line}"), without_line(why)),
    }
}

/// The text of an error, without the name of a Rust type.
fn without_type(text: String) -> String {
    let Some((found, rest)) = text.split_once("expected struct ") else { return text };
    let name = rest.find(' ').unwrap_or(rest.len());
    format!("{found}expected an object{}", &rest[name..])
}

/// The text of an error, with only its column.
fn without_line(why: &serde_json::Error) -> String {
    let text = without_type(why.to_string());
    let place = format!(" at line {} column {}", why.line(), why.column());
    match text.strip_suffix(&place) {
        Some(text) => format!("{text} (column {})", why.column()),
        None => text,
    }
}

struct ElementVisitor<'v, T, F> {
    visit: F,
    left: Rc<Cell<usize>>,
    failed: &'v mut Option<BadExport>,
    of: PhantomData<T>,
}

impl<'de, T: DeserializeOwned, F: FnMut(T) -> Result<()>> Visitor<'de> for ElementVisitor<'_, T, F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> std::result::Result<(), A::Error> {
        while let Some(element) = list.next_element()? {
            if let Err(why) = (self.visit)(element) {
                *self.failed = Some(why);
                return Err(A::Error::custom("refused"));
            }
            self.left.set(ELEMENT_BYTES);
        }
        Ok(())
    }
}

/// A reader that fails if an element is too long.
struct LimitedReader<R> {
    inner: BufReader<R>,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for LimitedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.get().checked_sub(read) {
            Some(left) => self.left.set(left),
            None => return Err(io::Error::other(format!("an element is longer than {ELEMENT_BYTES} bytes"))),
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str) -> Result<Vec<u32>> {
        let mut found = Vec::new();
        each_element(text.as_bytes(), "a.json", |number| {
            found.push(number);
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn elements_come_one_after_the_other() {
        assert!(elements("[]").expect("a list").is_empty());
        assert_eq!(elements(" [1, 2,\n3]\n").expect("a list"), [1, 2, 3]);
        assert_eq!(elements("\u{feff}[4]").expect("a list"), [4], "with a byte order mark");
    }

    #[test]
    fn text_that_was_cut_within_a_character_is_read() {
        let (mut found, text) = (Vec::new(), r#"["cut \ud83d"]"#);
        let keep = |text: String| {
            found.push(text);
            Ok(())
        };
        each_element(text.as_bytes(), "a.json", keep).expect("a list");
        let keep = |_, list: Vec<String>| {
            found.extend(list);
            Ok(())
        };
        each_line(text.as_bytes(), "a.jsonl", keep).expect("a line");
        assert_eq!(found, ["cut \u{fffd}", "cut \u{fffd}"]);
    }

    #[test]
    fn broken_json_is_named_by_its_line() {
        for (text, place) in [
            ("[1,\n2,\n\"x\"]", "a.json, line 3: invalid type"),
            ("[1,\n2", "a.json, line 2: EOF"),
            ("{}", "a.json, line 1: invalid type: map, expected an array"),
            ("", "a.json, line 1: EOF"),
            ("[1] x", "a.json, line 1: trailing characters"),
        ] {
            let why = elements(text).expect_err(text).to_string();
            assert!(why.starts_with(place), "{text:?}: {why}");
        }
    }

    #[test]
    fn element_beyond_the_bound_is_refused() {
        let endless = io::repeat(b' ').take(ELEMENT_BYTES as u64 + 9);
        let refused = each_element(b"[1,".chain(endless), "a.json", |_: u32| Ok(()));
        let why = refused.expect_err("too long").to_string();
        assert!(why.contains("longer than"), "{why}");
    }

    #[test]
    fn lines_have_their_numbers() {
        let mut found = Vec::new();
        let read = each_line("1\n\n2\nx\n".as_bytes(), "a.jsonl", |number, value: u32| {
            found.push((number, value));
            Ok(())
        });
        assert!(read.expect_err("a bad line").to_string().starts_with("a.jsonl, line 4: expected value"));
        assert_eq!(found, [(1, 1), (3, 2)]);
    }
}
