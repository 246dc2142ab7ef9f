//! The texts of message attachments and blocks in Slack's format, which Mattermost also uses.

use crate::text::is_visible;

/// A JSON object of a message. Values of an unexpected type count as absent, because messages of Slack
/// applications vary in form.
pub trait SlackObject: Copy {
    /// The text under a key.
    fn text(self, key: &str) -> Option<String>;

    /// The text under a key. None if nothing in it is visible.
    fn visible(self, key: &str) -> Option<String> {
        self.text(key).filter(|text| is_visible(text))
    }

    /// The object under a key.
    fn object(self, key: &str) -> Option<Self>;

    /// The objects of the list under a key.
    fn objects(self, key: &str) -> impl Iterator<Item = Self>;
}

/// The texts of an attachment, in display order: the text above it, its title, its text, its fields and its
/// blocks. If there are none, the fallback text for clients that cannot show attachments. `link` formats a
/// URL with its label.
pub fn attachment_texts(attachment: impl SlackObject, link: impl Fn(&str, &str) -> String) -> Vec<String> {
    let text = |key| attachment.visible(key);
    let title = match (text("title"), text("title_link")) {
        (Some(title), Some(address)) => Some(link(&address, &title)),
        (title, _) => title,
    };
    let mut texts: Vec<String> = [text("pretext"), title, text("text")].into_iter().flatten().collect();
    let fields = attachment.objects("fields").map(|field| {
        let both = [field.visible("title"), field.visible("value")];
        both.into_iter().flatten().collect::<Vec<_>>().join(": ")
    });
    texts.extend(fields.filter(|field| !field.is_empty()));
    texts.extend(attachment.objects("blocks").flat_map(block_texts));
    if texts.is_empty() { text("fallback").into_iter().collect() } else { texts }
}

/// The texts of a block: of a header, of a section with its fields, or of the elements of a context.
pub fn block_texts(block: impl SlackObject) -> Vec<String> {
    let parts = ["fields", "elements"].into_iter().flat_map(|key| block.objects(key));
    block.object("text").into_iter().chain(parts).filter_map(|part| part.visible("text")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slack_text::link;

    /// A JSON value, as the tests write it.
    enum Written {
        Text(&'static str),
        Object(Vec<(&'static str, Written)>),
        List(Vec<Written>),
    }

    use Written::{List, Object, Text};

    impl Written {
        fn get(&self, key: &str) -> Option<&Self> {
            let Object(values) = self else { return None };
            values.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
        }
    }

    impl SlackObject for &Written {
        fn text(self, key: &str) -> Option<String> {
            self.get(key).and_then(|value| if let Text(text) = value { Some((*text).into()) } else { None })
        }

        fn object(self, key: &str) -> Option<Self> {
            self.get(key).filter(|value| matches!(value, Object(_)))
        }

        fn objects(self, key: &str) -> impl Iterator<Item = Self> {
            let all = self.get(key).map_or(&[][..], |value| if let List(all) = value { all } else { &[] });
            all.iter().filter(|value| matches!(value, Object(_)))
        }
    }

    fn texts(attachment: &Written) -> Vec<String> {
        attachment_texts(attachment, link)
    }

    #[test]
    fn texts_of_an_attachment_are_in_the_order_shown() {
        let field = |title, value| Object(vec![("title", Text(title)), ("value", Text(value))]);
        let section = Object(vec![("text", Object(vec![("text", Text("a section"))]))]);
        let attachment = Object(vec![
            ("fallback", Text("not shown")),
            (
                "fields",
                List(vec![field("state", "down"), field("", "alone"), field(" ", ""), Text("no field")]),
            ),
            ("blocks", List(vec![section])),
            ("text", Text("the text")),
            ("title", Text("Build 7")),
            ("title_link", Text("https://a.example")),
            ("pretext", Text("above")),
        ]);
        let expected =
            ["above", "<https://a.example|Build 7>", "the text", "state: down", "alone", "a section"];
        assert_eq!(texts(&attachment), expected);
        assert_eq!(texts(&Object(vec![("fallback", Text("plain")), ("text", Text("\u{200b}"))])), ["plain"]);
        assert_eq!(texts(&Text("no object")), [""; 0]);
    }

    #[test]
    fn texts_of_a_block_are_its_own_and_its_parts() {
        let part = |text| Object(vec![("text", Text(text))]);
        let button = Object(vec![("text", part("pressed"))]);
        let block = Object(vec![
            ("elements", List(vec![part("by Ann"), button])),
            ("fields", List(vec![part("a field"), part(" ")])),
            ("text", part("the text")),
        ]);
        assert_eq!(block_texts(&block), ["the text", "a field", "by Ann"]);
        assert_eq!(block_texts(&Object(vec![("text", Text("no object"))])), [""; 0]);
    }
}
