//! Strips comments from scripts that are sent to browsers: comments, which contain all types, are half of a module's
//! text.

/// Replaces comments that begin a line by empty lines, so that line numbers in errors stay correct. Keeps comments
/// later in a line, since they cannot be told from strings without a parser. Requires that no line inside a string
/// begins with `//` or `/**`.
pub(super) fn bare(script: &str) -> String {
    let mut sent = String::with_capacity(script.len());
    let mut inside = false;
    for line in script.split_inclusive('\n') {
        let text = line.trim_start();
        inside |= text.starts_with("/**");
        let code = match (inside, line.find("*/")) {
            (true, Some(end)) => {
                inside = false;
                line[end + 2..].trim_start_matches(' ')
            }
            (true, None) => "\n",
            (false, _) if text.starts_with("//") => "\n",
            (false, _) => line,
        };
        sent.push_str(code);
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_every_line_stays_where_it_was() {
        let script = "// What it is.\n\n/** @type {string} */ const a = 1; // one\n/**\n * Two.\n */\nconst b = \"// no\";\n";
        assert_eq!(bare(script), "\n\nconst a = 1; // one\n\n\n\nconst b = \"// no\";\n");
    }
}
