use chinwag_media::sniff::{Sniffer, is_inline};
use image::DynamicImage;
use proptest::prelude::*;

use crate::samples::{gif, glass, jpeg, photo, png, webp};

fn sniff(bytes: &[u8]) -> &'static str {
    sniff_in_pieces(bytes, bytes.len().max(1))
}

fn sniff_in_pieces(bytes: &[u8], size: usize) -> &'static str {
    let mut sniffer = Sniffer::default();
    bytes.chunks(size).for_each(|piece| sniffer.update(piece));
    sniffer.finish()
}

fn padded(head: &[u8]) -> Vec<u8> {
    [head, &[0; 64]].concat()
}

#[test]
fn images_are_found_by_their_content() {
    let picture = DynamicImage::from(photo(9, 7));
    assert_eq!(sniff(&jpeg(&photo(9, 7))), "image/jpeg");
    assert_eq!(sniff(&png(&picture)), "image/png");
    assert_eq!(sniff(&webp(&picture)), "image/webp");
    assert_eq!(sniff(&gif(&[glass(9, 7)])), "image/gif");
    assert_eq!(sniff(&padded(b"\0\0\0\x1CftypavifX\0\0\0avifmif1miaf")), "image/avif");
    assert_eq!(sniff(&padded(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic")), "image/heic");
    assert_eq!(sniff(&padded(b"\0\0\0\x14ftypmif1\0\0\0\0mif1")), "image/heif");
    assert_eq!(sniff(&padded(b"II*\0\x08\0\0\0")), "image/tiff");
    assert_eq!(sniff(&padded(b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0")), "image/bmp");
    assert_eq!(sniff(&padded(b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0\x20\0\x68\x04\0\0\x16\0\0\0")), ICON);
}

const ICON: &str = "image/vnd.microsoft.icon";

#[test]
fn films_and_sounds_are_found_by_their_content() {
    for (brands, found) in [
        (&b"isom\0\0\x02\0isomiso2avc1mp41"[..], "video/mp4"),
        (b"M4A \0\0\0\0M4A mp42isom", "audio/mp4"),
        (b"qt  \0\0\0\0qt  ", "video/quicktime"),
        (b"3gp4\0\0\0\0isom3gp4", "video/3gpp"),
    ] {
        let length = u32::try_from(brands.len() + 8).unwrap().to_be_bytes();
        assert_eq!(sniff(&padded(&[&length, &b"ftyp"[..], brands].concat())), found);
    }
    let ogg = |packet: &[u8]| sniff(&padded(&[&b"OggS\0\x02"[..], &[0; 20], &[1, 19], packet].concat()));
    assert_eq!(ogg(b"OpusHead\x01"), "audio/ogg");
    assert_eq!(ogg(b"\x80theora"), "video/ogg");
    assert_eq!(ogg(b"fishead\0"), "application/ogg");
    assert_eq!(sniff(&padded(b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\x82\x84webm")), "video/webm");
    assert_eq!(sniff(&padded(b"\x1A\x45\xDF\xA3\xA3\x42\x86\x81\x01\x42\x82\x88matroska")), "video/matroska");
    assert_eq!(sniff(&padded(b"RIFF\x24\0\0\0WAVEfmt ")), "audio/wav");
    assert_eq!(sniff(&padded(b"RIFF\x24\0\0\0AVI LIST")), "video/x-msvideo");
    assert_eq!(sniff(&padded(b"fLaC\0\0\0\x22")), "audio/flac");
    assert_eq!(sniff(&padded(b"ID3\x04\0\0\0\0\x10\0")), "audio/mpeg");
}

#[test]
fn sound_without_a_tag_needs_a_second_frame() {
    // 128 kbit/s at 44.1 kHz: 417 bytes.
    let mp3 = [&b"\xFF\xFB\x90\x64"[..], &[0; 413]].concat();
    assert_eq!(sniff(&[&mp3[..], &mp3].concat()), "audio/mpeg");
    assert_eq!(sniff(&mp3), "application/octet-stream");
    let aac = [&b"\xFF\xF1\x50\x80\x02\x1F\xFC"[..], &[0; 9]].concat();
    assert_eq!(sniff(&[&aac[..], &aac].concat()), "audio/aac");
    assert_eq!(sniff(&aac), "application/octet-stream");
    // UTF-16, whose byte order mark looks like the start of a frame.
    let text: Vec<u8> = "\u{FEFF}hello".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(sniff(&text), "application/octet-stream");
}

#[test]
fn documents_and_archives_are_found_by_their_content() {
    assert_eq!(sniff(&padded(b"%PDF-1.7\n")), "application/pdf");
    assert_eq!(sniff(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj"), "application/pdf");
    assert_eq!(sniff(&padded(b"\x1F\x8B\x08\0")), "application/gzip");
    assert_eq!(sniff(&padded(b"7z\xBC\xAF\x27\x1C\0\x04")), "application/x-7z-compressed");
    assert_eq!(sniff(&padded(b"Rar!\x1A\x07\x01\0")), "application/vnd.rar");
    let zip = |entry: &[u8], length: u8| {
        padded(&[&b"PK\x03\x04\x14\0"[..], &[0; 16], &[length, 0, 0, 0, 8, 0, 0, 0], entry].concat())
    };
    assert_eq!(sniff(&zip(b"a.txt", 3)), "application/zip");
    assert_eq!(sniff(&zip(b"mimetypeapplication/epub+zip", 20)), "application/epub+zip");
    assert_eq!(sniff(&zip(b"mimetypetext/html", 9)), "application/zip");
    assert_eq!(sniff(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "application/zip");
    assert_eq!(sniff(&[&[b'a'; 257][..], b"ustar\x0000"].concat()), "application/x-tar");
}

#[test]
fn pages_and_scripts_are_plain_text() {
    for text in [
        "",
        "<!DOCTYPE html><script>alert(1)</script>",
        "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "<?xml version='1.0'?><a/>",
        "#!/bin/sh\nrm -rf .",
        "tab\tline\r\npage\u{C}",
        "\u{FEFF}día 👩‍💻",
        // Texts that start with the letters of signatures.
        "BMW is a make of cars, and ftyp no brand",
        "GIF89a=1;alert(1)//",
        "RIFFabcdWEBP",
        "PK is a postcode",
        "ID3 is a tag",
        "Rar! said the crow",
        "OggS",
    ] {
        assert_eq!(sniff(text.as_bytes()), "text/plain", "{text:?}");
    }
}

#[test]
fn control_characters_make_no_text() {
    for bytes in
        [&b"a\0b"[..], b"\x1B[31mred", b"a\x7F", "a\u{85}".as_bytes(), b"\xFFa", b"caf\xE9", b"\xF0\x9F\xA6"]
    {
        assert_eq!(sniff(bytes), "application/octet-stream", "{bytes:?}");
    }
}

#[test]
fn text_is_checked_to_its_end() {
    let mut text = "día 🦀 ".repeat(2000).into_bytes();
    assert_eq!(sniff_in_pieces(&text, 1000), "text/plain");
    text.push(0);
    assert_eq!(sniff_in_pieces(&text, 1000), "application/octet-stream");
}

#[test]
fn polyglots_have_the_type_of_their_beginning() {
    assert_eq!(sniff(b"GIF89a\x01\0\x01\0\0\0\0/*;*/alert(1)"), "image/gif");
    assert_eq!(sniff(b"%PDF-1.4\nPK\x03\x04\x14\0\0\0"), "application/pdf");
    assert_eq!(sniff(b"PK\x03\x04%PDF-1.4\n\0\0"), "application/zip");
    assert_eq!(sniff(b"\xFF\xD8\xFF\xE0<html><script>alert(1)</script>"), "image/jpeg");
    assert_eq!(sniff(b"<html>\xFF\xD8\xFF\xE0"), "application/octet-stream");
}

#[test]
fn only_passive_types_are_shown_inline() {
    for media_type in ["image/png", "image/avif", "video/mp4", "audio/ogg"] {
        assert!(is_inline(media_type), "{media_type}");
    }
    for media_type in ["image/svg+xml", "text/html", "text/plain", "application/pdf", "", "image/png; a=b"] {
        assert!(!is_inline(media_type), "{media_type}");
    }
}

proptest! {
    #[test]
    fn pieces_make_no_difference(bytes in any::<Vec<u8>>(), text in any::<String>(), size in 1..9_usize) {
        for bytes in [bytes, text.into_bytes()] {
            prop_assert_eq!(sniff_in_pieces(&bytes, size), sniff(&bytes));
            let is_text = std::str::from_utf8(&bytes)
                .is_ok_and(|text| text.chars().all(|c| !c.is_control() || "\t\n\r\u{C}".contains(c)));
            prop_assert_eq!(sniff(&bytes) == "text/plain", is_text);
        }
    }
}
