//! Emoji by their names in Slack and Mattermost, which are mostly those of GitHub.

use chinwag_core::reaction::Emoji;
use emojis::SkinTone;

/// Names that differ from GitHub's.
const OTHER_NAMES: [(&str, &str); 12] = [
    ("thumbs_up", "+1"),
    ("thumbs_down", "-1"),
    ("simple_smile", "slightly_smiling_face"),
    ("hugging_face", "hugs"),
    ("face_with_rolling_eyes", "roll_eyes"),
    ("rolling_on_the_floor_laughing", "rofl"),
    ("thinking_face", "thinking"),
    ("white_heart_suit", "hearts"),
    ("large_green_circle", "green_circle"),
    ("large_yellow_circle", "yellow_circle"),
    ("large_orange_circle", "orange_circle"),
    ("admission_tickets", "tickets"),
];

/// The emoji for a name, with an optional skin tone. `None` if Unicode has no such emoji.
pub(crate) fn text(name: &str) -> Option<String> {
    let (name, tone) = toned(name);
    if let Some(flag) = flag(name) {
        return Some(flag);
    }
    let name = OTHER_NAMES.iter().find(|(other, _)| *other == name).map_or(name, |(_, name)| name);
    let emoji = emojis::get_by_shortcode(name)?;
    let emoji = tone.and_then(|tone| emoji.with_skin_tone(tone)).unwrap_or(emoji);
    Some(emoji.as_str().to_owned())
}

/// The reaction for a name: a Unicode emoji, or otherwise the name between colons if that is valid.
pub(crate) fn reaction(name: &str) -> Option<Emoji> {
    let name = name.trim_matches(':');
    let known = text(name).and_then(|emoji| Emoji::parse(&emoji).ok());
    known.or_else(|| Emoji::parse(&format!(":{}:", toned(name).0)).ok())
}

/// Splits a name into the base name and the skin tone: `wave::skin-tone-3` in Slack, `wave_medium_skin_tone`
/// in Mattermost.
fn toned(name: &str) -> (&str, Option<SkinTone>) {
    const SLACK: [(&str, SkinTone); 5] = [
        ("2", SkinTone::Light),
        ("3", SkinTone::MediumLight),
        ("4", SkinTone::Medium),
        ("5", SkinTone::MediumDark),
        ("6", SkinTone::Dark),
    ];
    // Longer suffixes first, since the shorter ones are suffixes of them.
    const MATTERMOST: [(&str, SkinTone); 5] = [
        ("_medium_light_skin_tone", SkinTone::MediumLight),
        ("_medium_dark_skin_tone", SkinTone::MediumDark),
        ("_medium_skin_tone", SkinTone::Medium),
        ("_light_skin_tone", SkinTone::Light),
        ("_dark_skin_tone", SkinTone::Dark),
    ];
    if let Some((name, tone)) = name.split_once("::skin-tone-") {
        return (name, SLACK.iter().find(|(number, _)| *number == tone).map(|(_, tone)| *tone));
    }
    let found = MATTERMOST.iter().find_map(|(end, tone)| Some((name.strip_suffix(end)?, Some(*tone))));
    found.unwrap_or((name, None))
}

/// The flag for a name such as `flag-fr`.
fn flag(name: &str) -> Option<String> {
    const FIRST: u32 = 0x1f1e6;
    let country = name.strip_prefix("flag-").filter(|country| country.len() == 2)?;
    country
        .bytes()
        .map(|letter| char::from_u32(FIRST + u32::from(letter.checked_sub(b'a').filter(|at| *at < 26)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_services_are_emoji_or_stay_names() {
        for (name, expected) in [
            ("+1", Some("👍")),
            ("thumbsup", Some("👍")),
            ("heart", Some("❤️")),
            ("+1::skin-tone-4", Some("👍🏽")),
            ("thumbsup_medium_skin_tone", Some("👍🏽")),
            ("thumbsup_medium_dark_skin_tone", Some("👍🏾")),
            ("simple_smile", Some("🙂")),
            ("flag-fr", Some("🇫🇷")),
            (":tada:", Some("🎉")),
            ("party_parrot", Some(":party_parrot:")),
            ("not a name", None),
            ("", None),
        ] {
            assert_eq!(reaction(name).as_ref().map(Emoji::as_str), expected, "{name}");
        }
        assert_eq!(text("party_parrot"), None);
        assert_eq!(text("flag-é"), None);
    }
}
