//! File names, which are untrusted, and which browsers use to save files.

/// The longest name, in bytes, as limited by most file systems.
pub const BYTES: usize = 255;

/// The name of a file whose name has no usable characters.
const UNNAMED: &str = "file";

/// Cleans the name of a file: the last part of a path, without control characters, at most [`BYTES`] long.
/// Accepts any name.
///
/// Characters that change the direction of text are removed too: with them, `exe.gpj` could appear as
/// `jpg.exe`.
///
/// ```
/// use chinwag_media::name::clean;
///
/// assert_eq!(clean("C:\\photos\\../día.jpg"), "día.jpg");
/// assert_eq!(clean(".."), "file");
/// ```
pub fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|&c| !c.is_control() && !is_directional(c)).collect();
    if kept.chars().all(|c| c == '.' || c.is_whitespace()) { UNNAMED.to_owned() } else { shorten(kept) }
}

/// How a browser treats a file: it displays or saves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    Inline,
    Attachment,
}

impl Disposition {
    /// The value of `Content-Disposition` by RFC 6266, with the name in UTF-8, and in ASCII for old clients.
    ///
    /// ```
    /// use chinwag_media::name::Disposition;
    ///
    /// let value = Disposition::Attachment.header("día 100%.pdf");
    /// assert_eq!(value, r#"attachment; filename="d_a 100_.pdf"; filename*=UTF-8''d%C3%ADa%20100%25.pdf"#);
    /// ```
    pub fn header(self, name: &str) -> String {
        let kind = match self {
            Self::Inline => "inline",
            Self::Attachment => "attachment",
        };
        let mut value = format!("{kind}; filename=\"");
        // Some clients decode `%` here, and some do not support an escaped quote.
        value.extend(name.chars().map(|c| if is_plain(c) { c } else { '_' }));
        value.push_str("\"; filename*=UTF-8''");
        for byte in name.bytes() {
            // Of the characters that need no encoding, keep only those that signed URLs do not encode.
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                value.push(byte.into());
            } else {
                value.extend(['%', hexadecimal(byte >> 4), hexadecimal(byte & 0xF)]);
            }
        }
        value
    }
}

fn hexadecimal(digit: u8) -> char {
    char::from_digit(digit.into(), 16).unwrap_or('0').to_ascii_uppercase()
}

fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~') && !"\"\\%".contains(c)
}

fn is_directional(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Truncates a name at a character boundary, and keeps its extension if there is room.
fn shorten(mut name: String) -> String {
    if name.len() <= BYTES {
        return name;
    }
    let extension = name.rfind('.').map_or("", |dot| &name[dot..]).to_owned();
    let first = name.chars().next().map_or(0, char::len_utf8);
    let extension = if first + extension.len() <= BYTES { extension } else { String::new() };
    let mut end = BYTES - extension.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    name + &extension
}
