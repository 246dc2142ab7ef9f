//! The file of `--map`. Each line maps a user's name or id in the export to its name here.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// The largest file that is read, in bytes.
const BYTES: u64 = 64 << 20;

/// Reads the file. Skips empty lines and lines that begin with `#`.
pub(super) fn read(path: &Path) -> Result<HashMap<String, String>> {
    let shown = path.display();
    let size = fs::metadata(path).with_context(|| format!("{shown} cannot be read"))?.len();
    if size > BYTES {
        bail!("{shown} is longer than {BYTES} bytes");
    }
    let text = fs::read_to_string(path).with_context(|| format!("{shown} cannot be read"))?;
    parse(&text).with_context(|| format!("{shown} does not have the format of --map"))
}

fn parse(text: &str) -> Result<HashMap<String, String>> {
    let mut given = HashMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let words: Vec<_> = line.split_whitespace().collect();
        let [theirs, ours] = words[..] else {
            bail!("line {number} must have two words: a name in the export, and the name here");
        };
        if given.insert(theirs.to_owned(), ours.to_owned()).is_some() {
            bail!("line {number} names {theirs} again");
        }
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_two_words() {
        let given = parse("# theirs ours\nann  anna\n\nU2\tbob\n").expect("a map");
        assert_eq!(given["ann"], "anna");
        assert_eq!((given["U2"].as_str(), given.len()), ("bob", 2));
        for (text, why) in [("ann\n", "line 1"), ("a b\na c d\n", "line 2"), ("a b\na c\n", "line 2 names a")]
        {
            assert!(parse(text).expect_err(text).to_string().contains(why), "{text}");
        }
    }
}
