//! Scripts without their comments: what browsers are sent of modules whose comments, with all of
//! their types, are half of the text.

/// The same script with empty lines in place of comments that begin a line, so that an error's line
/// is the source's. Other comments stay, and so does whatever only looks like one further on in a
/// line. For scripts in whose texts no line begins with `//` or `/**`.
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
