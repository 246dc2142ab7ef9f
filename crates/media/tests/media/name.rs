use chinwag_media::name::{BYTES, Disposition, clean};
use proptest::prelude::*;

#[test]
fn last_part_of_a_path_is_the_name() {
    for path in
        ["photo.jpg", "a/photo.jpg", "C:\\a\\photo.jpg", "a\\b/photo.jpg", "../../photo.jpg", "/photo.jpg"]
    {
        assert_eq!(clean(path), "photo.jpg", "{path}");
    }
}

#[test]
fn nameless_files_are_called_file() {
    for name in
        ["", ".", "..", "....", " ", ". .", "a/", "a\\", "/", "\0", "\n\r", "../..", "\u{202E}", "\u{85}"]
    {
        assert_eq!(clean(name), "file", "{name:?}");
    }
    assert_eq!(clean(".env"), ".env");
    assert_eq!(clean("...a"), "...a");
}

#[test]
fn control_characters_are_removed() {
    assert_eq!(clean("a\0b\r\nc\u{7F}\u{9B}.txt\t"), "abc.txt");
    assert_eq!(clean("\u{202E}gpj.exe"), "gpj.exe");
    assert_eq!(clean("\u{2066}a\u{2069}\u{200F}.txt"), "a.txt");
    assert_eq!(clean("👩‍💻 día 100%'s (1)*.pdf"), "👩‍💻 día 100%'s (1)*.pdf");
}

#[test]
fn long_name_keeps_its_extension() {
    assert_eq!(clean(&format!("{}.jpeg", "a".repeat(300))), format!("{}.jpeg", "a".repeat(250)));
    assert_eq!(clean(&format!("{}.tar.gz", "é".repeat(200))), format!("{}.gz", "é".repeat(126)));
    // 252 bytes remain for the name, and each character takes four.
    assert_eq!(clean(&format!("{}.gz", "🦀".repeat(70))), format!("{}.gz", "🦀".repeat(63)));
    assert_eq!(clean(&format!("{}.gz", "a".repeat(252))), format!("{}.gz", "a".repeat(252)));
}

#[test]
fn overlong_extension_is_cut() {
    assert_eq!(clean(&format!("a.{}", "b".repeat(300))), format!("a.{}", "b".repeat(253)));
    assert_eq!(clean(&format!(".{}", "b".repeat(300))), format!(".{}", "b".repeat(254)));
    assert_eq!(clean(&format!("🦀.{}", "b".repeat(251))), format!("🦀.{}", "b".repeat(250)));
    assert_eq!(clean(&format!("🦀🦀.{}", "b".repeat(250))), format!("🦀.{}", "b".repeat(250)));
}

#[test]
fn disposition_has_the_name_in_ascii_and_utf_8() {
    let header = Disposition::Attachment.header("a.txt");
    assert_eq!(header, "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt");
    let header = Disposition::Inline.header("\"q\" \\ é.png");
    assert_eq!(header, "inline; filename=\"_q_ _ _.png\"; filename*=UTF-8''%22q%22%20%5C%20%C3%A9.png");
    let header = Disposition::Attachment.header("it's (1)*!.pdf");
    assert_eq!(
        header,
        "attachment; filename=\"it's (1)*!.pdf\"; filename*=UTF-8''it%27s%20%281%29%2A%21.pdf"
    );
}

proptest! {
    #[test]
    fn any_name_is_safe_and_stays(name in any::<String>(), long in "[a-zé🦀./\\\\]{0,600}") {
        for name in [name, long] {
            let kept = clean(&name);
            prop_assert!((1..=BYTES).contains(&kept.len()));
            prop_assert!(!kept.chars().any(|c| c.is_control() || c == '/' || c == '\\'));
            prop_assert!(!kept.chars().all(|c| c == '.'));
            prop_assert_eq!(clean(&kept), kept.clone());
            let header = Disposition::Inline.header(&kept);
            prop_assert!(header.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert_eq!(header.matches('"').count(), 2);
        }
    }
}
