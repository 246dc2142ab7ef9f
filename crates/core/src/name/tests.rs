use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use url::Url;

use super::*;

fn same(a: &str, b: &str) -> bool {
    let claims = |name: &str| Name::parse(name).expect(name).claims(NameCase::Folded);
    let (a, b) = (claims(a), claims(b));
    a.iter().any(|key| b.contains(key))
}

#[test]
fn ordinary_names_of_many_scripts_are_names() {
    for text in [
        "arlan",
        "Tam",
        "a",
        "Élodie",
        "borys_2",
        "x.y-z",
        "名前",
        "Аркадий",
        "محمد",
        "李小龍",
        "कमल",
        "o'neil",
        "ünal@example.org",
        "Jürgen+1",
        "Nguyễn",
    ] {
        assert_eq!(Name::parse(text).expect(text).as_str(), text);
    }
}

#[test]
fn ids_of_applications_are_names() {
    let long = "x".repeat(128);
    for text in [
        "6f1c2b1e-8d0a-4a6e-9d5e-0c7b8f3a2d11",
        "auth0|5f7c1e2d3b4a",
        "google-oauth2|103547991597142817347",
        "ann@example.org",
        "ann+tag@example.org",
        "user:42",
        "42",
        "bob#1",
        "...",
        ".x",
        "%2e",
        "%2F",
        "!#$%&'()*+,-.:;=?[]^_`{|}~@",
        &long,
    ] {
        assert_eq!(Name::parse(text).expect(text).as_str(), text);
    }
}

#[test]
fn refusals_name_their_reason() {
    let long = "x".repeat(129);
    for (text, why) in [
        ("", "empty"),
        (" ", "white space"),
        ("a b", "white space"),
        ("\u{a0}", "white space"),
        ("a\u{3000}b", "white space"),
        ("a\nb", "white space"),
        ("@arlan", "begin with @"),
        ("＠arlan", "begin with @"),
        ("a/b", "contain / "),
        ("a／b", "contain / "),
        ("a\\b", "contain / "),
        ("<a>", "contain / "),
        ("a\"b", "contain / "),
        ("a\0b", "control"),
        ("a\u{7f}", "control"),
        ("\u{202e}abc", "invisible"),
        ("a\u{200b}b", "invisible"),
        ("a\u{200d}b", "invisible"),
        ("a\u{3164}", "invisible"),
        ("\u{2800}", "invisible"),
        ("раypal", "several scripts"),
        ("😀", "no symbols"),
        (".", ". or .."),
        ("..", ". or .."),
        ("．", ". or .."),
        ("．．", ". or .."),
        (".．", ". or .."),
        ("\u{301}a", "begin with a combining mark"),
        ("q\u{301}\u{301}\u{301}\u{301}\u{301}", "more than 4 combining marks"),
        (&long, "longer than 128"),
    ] {
        let refused = Name::parse(text).expect_err(text);
        assert!(refused.contains(why), "{text:?} {refused}");
    }
    assert!(Name::parse("q\u{301}\u{301}\u{301}\u{301}").is_ok(), "four marks are a name");
}

#[test]
fn length_of_a_name_is_counted_in_its_canonical_form() {
    let name = |letter: &str, count| Name::parse(&letter.repeat(count)).map(|name| name.as_str().to_owned());
    for (letter, canonical) in [("e\u{301}", "é"), ("e\u{302}\u{301}", "ế"), ("ｶﾞ", "ガ")] {
        assert_eq!(name(letter, 128), Ok(canonical.repeat(128)));
        assert_eq!(name(letter, 129), Err(TOO_LONG));
    }
}

#[test]
fn vouched_names_are_exact() {
    assert!(Name::parse_exact("José").is_ok());
    for text in ["Jose\u{301}", "ａｒｌａｎ"] {
        assert!(Name::parse(text).is_ok(), "{text}");
        assert!(Name::parse_exact(text).is_err(), "{text}");
    }
}

#[test]
fn case_width_and_look_alikes_make_no_other_name() {
    for (a, b) in [
        ("Tam", "tAM"),
        ("ａｒｌａｎ", "arlan"),
        ("IOPA", "ІОРА"),
        ("HET", "НЕТ"),
        ("pocox", "росох"),
        ("ΣΑΣ", "σας"),
        ("Ann@Example.org", "ann@example.org"),
    ] {
        assert!(same(a, b), "{a} and {b}");
    }
}

#[test]
fn exact_case_distinguishes_only_ascii_names() {
    let name = |text: &str| Name::parse(text).expect(text);
    assert!(!name("Ann").finds_same(&name("ann"), NameCase::Exact));
    assert!(name("Ann").finds_same(&name("ann"), NameCase::Folded));
    assert!(name("ａnn").finds_same(&name("ann"), NameCase::Exact), "width makes no other name");
    assert_eq!(name("Ann").claims(NameCase::Exact), ["Ann"]);
    for (a, b) in [("ΣΑΣ", "σας"), ("Élodie", "ÉLODIE")] {
        assert!(name(a).finds_same(&name(b), NameCase::Exact), "{a} and {b}");
        assert_eq!(name(a).claims(NameCase::Exact), name(a).claims(NameCase::Folded));
    }
}

#[test]
fn names_of_one_script_may_look_alike() {
    for (a, b) in
        [("Tam", "Tarn"), ("bill", "biII2"), ("modern", "modem"), ("l0", "lO"), ("vv", "w"), ("a|b", "alb")]
    {
        assert!(!same(a, b), "{a} and {b}");
    }
}

#[test]
fn every_ascii_character_is_taken_or_refused() {
    for byte in 0..128_u8 {
        let text = format!("a{}B", char::from(byte));
        let taken = char::from(byte).is_ascii_graphic() && !b"/\\\"<>".contains(&byte);
        assert_eq!(Name::parse(&text).is_ok(), taken, "{text:?}");
        let folded: String = text.chars().flat_map(fold).collect();
        assert_eq!(Name::stored(&text).fold(NameCase::Folded), folded);
        assert_eq!(Name::stored(&text).fold(NameCase::Exact), text);
    }
}

/// The result of `encodeURIComponent` in JavaScript.
fn encoded(text: &str) -> String {
    let kept = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(byte);
    text.bytes().map(|b| if kept(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

proptest! {
    #[test]
    fn names_survive_an_address(text in "[!-~]{1,6}|\\PC{1,6}|[.．%2eE]{1,5}") {
        let Ok(name) = Name::parse(&text) else { return Ok(()) };
        let path = format!("https://chat.example/api/v1/users/{}/tokens/", encoded(name.as_str()));
        let url = Url::parse(&path).expect("an address");
        let parts: Vec<_> = url.path_segments().expect("a path").collect();
        prop_assert_eq!(parts.len(), 6, "{}", url);
        let read = percent_decode_str(parts[3]).decode_utf8().expect("UTF-8");
        prop_assert_eq!(&*read, name.as_str());
    }

    #[test]
    fn names_are_canonical_once_read(text in "\\PC{1,8}|[a-zA-Z@#|+ａ-ｚ.]{1,8}|[а-яa-z\u{300}-\u{310}]{1,9}") {
        let Ok(name) = Name::parse(&text) else { return Ok(()) };
        prop_assert_eq!(Name::parse_exact(name.as_str()), Ok(name.clone()));
        prop_assert!(!name.as_str().chars().any(is_invisible));
        let claims = name.claims(NameCase::Folded);
        prop_assert!(matches!(claims.len(), 1 | 2) && claims.iter().all(|claim| !claim.is_empty()));
    }
}

#[test]
fn a_group_name_is_trimmed_and_bounded() {
    assert_eq!(
        GroupName::parse("  Stellaron Hunter Chatgroup's ").map(|n| n.as_str().to_owned()),
        Ok("Stellaron Hunter Chatgroup's".into())
    );
    for text in ["\u{200b}x\u{2800}", "@@", "@ 1", &"é".repeat(200)] {
        assert_eq!(GroupName::parse(text).expect(text).as_str(), text);
    }
    for text in ["", "  ", "@", " @ ", "a\nb", "a\u{7f}b", &"é".repeat(201)] {
        assert!(GroupName::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn group_names_are_seen_and_are_not_reserved() {
    for text in ["\u{2800}", "\u{200b} \u{3164}", "＠", "﹫", "@\u{200b}", "\u{2060}＠ \u{fe0f}"] {
        assert!(GroupName::parse(text).is_err(), "{text:?}");
    }
}
