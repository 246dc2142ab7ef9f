//! Binary signatures. Each checks all bytes that its format fixes, not only the first letters.

/// The type of a file that starts with `head`, its first few thousand bytes.
pub(super) fn find(head: &[u8]) -> Option<&'static str> {
    fixed(head)
        .or_else(|| riff(head))
        .or_else(|| base_media(head))
        .or_else(|| matroska(head))
        .or_else(|| ogg(head))
        .or_else(|| zip(head))
        .or_else(|| bitmap(head))
        .or_else(|| icon(head))
        .or_else(|| audio_frames(head))
        .or_else(|| tar(head))
}

/// Signatures that are the same bytes in every file.
fn fixed(head: &[u8]) -> Option<&'static str> {
    const FIXED: &[(&[u8], &str)] = &[
        (b"\xFF\xD8\xFF", "image/jpeg"),
        (b"\x89PNG\r\n\x1A\n", "image/png"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"II*\0", "image/tiff"),
        (b"MM\0*", "image/tiff"),
        (b"\xFF\x0A", "image/jxl"),
        (b"\0\0\0\x0CJXL \r\n\x87\n", "image/jxl"),
        (b"8BPS\0\x01", "image/vnd.adobe.photoshop"),
        (b"%PDF-", "application/pdf"),
        (b"fLaC\0\0\0\x22", "audio/flac"),
        (b"MThd\0\0\0\x06", "audio/midi"),
        (b"\x1F\x8B\x08", "application/gzip"),
        (b"BZh", "application/x-bzip2"),
        (b"\xFD7zXZ\0", "application/x-xz"),
        (b"\x28\xB5\x2F\xFD", "application/zstd"),
        (b"7z\xBC\xAF\x27\x1C", "application/x-7z-compressed"),
        (b"Rar!\x1A\x07\0", "application/vnd.rar"),
        (b"Rar!\x1A\x07\x01\0", "application/vnd.rar"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "application/x-ole-storage"),
        (b"\0asm\x01\0\0\0", "application/wasm"),
        (b"\x7FELF", "application/x-executable"),
        (b"SQLite format 3\0", "application/vnd.sqlite3"),
        (b"wOFF\0\x01\0\0", "font/woff"),
        (b"wOF2\0\x01\0\0", "font/woff2"),
    ];
    FIXED.iter().find(|(signature, _)| head.starts_with(signature)).map(|&(_, found)| found)
}

fn riff(head: &[u8]) -> Option<&'static str> {
    let kind = at::<4>(head, 8).filter(|_| head.starts_with(b"RIFF"))?;
    match kind {
        b"WEBP" => Some("image/webp"),
        b"WAVE" => Some("audio/wav"),
        b"AVI " => Some("video/x-msvideo"),
        _ => None,
    }
}

/// MP4, `QuickTime`, AVIF, HEIF: a file that starts with its brands. The major brand is checked first, since
/// a HEIF picture may list the brands of several codecs.
fn base_media(head: &[u8]) -> Option<&'static str> {
    let length = u32::from_be_bytes(*at::<4>(head, 0)?) as usize;
    if at::<4>(head, 4)? != b"ftyp" || length < 16 || !length.is_multiple_of(4) {
        return None;
    }
    let compatible = head.get(16..length.min(head.len())).unwrap_or_default();
    let mut brands = std::iter::once(&head[8..12]).chain(compatible.chunks_exact(4));
    brands
        .find_map(|brand| match brand {
            b"avif" | b"avis" => Some("image/avif"),
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => Some("image/heic"),
            b"qt  " => Some("video/quicktime"),
            b"M4A " | b"M4B " | b"M4P " => Some("audio/mp4"),
            [b'3', b'g', ..] => Some("video/3gpp"),
            [b'i', b's', b'o', _]
            | [b'm', b'p', b'4', _]
            | b"avc1"
            | b"dash"
            | b"M4V "
            | b"MSNV"
            | b"f4v " => Some("video/mp4"),
            _ => None,
        })
        .or_else(|| brand_of_heif(head, compatible))
}

/// A HEIF picture without the brand of a codec.
fn brand_of_heif(head: &[u8], compatible: &[u8]) -> Option<&'static str> {
    let mut brands = std::iter::once(&head[8..12]).chain(compatible.chunks_exact(4));
    brands.any(|brand| matches!(brand, b"mif1" | b"msf1")).then_some("image/heif")
}

/// The document type is one of the first elements.
fn matroska(head: &[u8]) -> Option<&'static str> {
    if !head.starts_with(b"\x1A\x45\xDF\xA3") {
        return None;
    }
    let head = &head[..head.len().min(256)];
    let has = |needle: &[u8]| head.windows(needle.len()).any(|window| window == needle);
    Some(if has(b"\x42\x82\x84webm") { "video/webm" } else { "video/matroska" })
}

/// The first page names the codec of the first stream.
fn ogg(head: &[u8]) -> Option<&'static str> {
    const AUDIO: &[&[u8]] = &[b"OpusHead", b"\x01vorbis", b"\x7FFLAC", b"Speex   "];
    if !head.starts_with(b"OggS\0\x02") {
        return None;
    }
    let segments = usize::from(*head.get(26)?);
    let packet = head.get(27 + segments..)?;
    Some(match packet {
        _ if AUDIO.iter().any(|codec| packet.starts_with(codec)) => "audio/ogg",
        _ if packet.starts_with(b"\x80theora") => "video/ogg",
        _ => "application/ogg",
    })
}

/// An archive, or a document whose first entry identifies its type.
fn zip(head: &[u8]) -> Option<&'static str> {
    const DOCUMENTS: &[&str] = &[
        "application/epub+zip",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.presentation",
        "application/vnd.oasis.opendocument.graphics",
    ];
    if head.starts_with(b"PK\x05\x06\0\0\0\0") {
        return Some("application/zip");
    }
    if !head.starts_with(b"PK\x03\x04") {
        return None;
    }
    let entry = head.get(30..).and_then(|entry| entry.strip_prefix(b"mimetype"));
    let length = at::<2>(head, 22).map(|length| usize::from(u16::from_le_bytes(*length)));
    let named = entry.zip(length).and_then(|(entry, length)| entry.get(..length));
    let document = DOCUMENTS.iter().find(|document| named == Some(document.as_bytes()));
    Some(document.copied().unwrap_or("application/zip"))
}

/// The reserved bytes of a bitmap are 0, and its second header has one of a few lengths.
fn bitmap(head: &[u8]) -> Option<&'static str> {
    let second = u32::from_le_bytes(*at::<4>(head, 14)?);
    let known = matches!(second, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124);
    (head.starts_with(b"BM") && at::<4>(head, 6)? == &[0; 4] && known).then_some("image/bmp")
}

/// The reserved byte of the first picture is 0, and its data starts after the directory.
fn icon(head: &[u8]) -> Option<&'static str> {
    let [0, 0, 1, 0, count, 0] = at::<6>(head, 0)? else { return None };
    let reserved = *head.get(9)?;
    let offset = u32::from_le_bytes(*at::<4>(head, 18)?);
    let directory = 6 + 16 * u32::from(*count);
    (*count > 0 && reserved == 0 && offset >= directory).then_some("image/vnd.microsoft.icon")
}

/// MP3 with a tag, or MP3 and AAC that start with a frame. The header of a frame fixes only a few bits, so a
/// second frame must follow.
fn audio_frames(head: &[u8]) -> Option<&'static str> {
    if let Some([b'I', b'D', b'3', 2..=4, _, flags, s1, s2, s3, s4]) = at::<10>(head, 0) {
        let size_is_valid = [s1, s2, s3, s4].iter().all(|&&byte| byte < 0x80);
        return (flags.trailing_zeros() >= 4 && size_is_valid).then_some("audio/mpeg");
    }
    for (frame_length, found) in
        [(mp3_frame as fn(&[u8]) -> Option<usize>, "audio/mpeg"), (aac_frame, "audio/aac")]
    {
        if let Some(length) = frame_length(head)
            && head.get(length..).and_then(frame_length).is_some()
        {
            return Some(found);
        }
    }
    None
}

/// The length of a frame of MPEG audio, layer III.
fn mp3_frame(frame: &[u8]) -> Option<usize> {
    const KBITS_1: [usize; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const KBITS_2: [usize; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    const HERTZ: [usize; 3] = [44_100, 48_000, 32_000];
    let &[0xFF, second, third, _] = at::<4>(frame, 0)? else { return None };
    // Version 2.5, (reserved), 2, 1.
    let version = second >> 3 & 3;
    if second & 0xE0 != 0xE0 || second >> 1 & 3 != 1 || version == 1 {
        return None;
    }
    let hertz = HERTZ.get(usize::from(third >> 2 & 3))?;
    let table = if version == 3 { KBITS_1 } else { KBITS_2 };
    let kbits = table.get(usize::from(third >> 4).checked_sub(1)?)?;
    let (samples_per_byte, hertz) = match version {
        3 => (144, *hertz),
        2 => (72, hertz / 2),
        _ => (72, hertz / 4),
    };
    Some(samples_per_byte * kbits * 1000 / hertz + usize::from(third >> 1 & 1))
}

/// The length of a frame of AAC in ADTS.
fn aac_frame(frame: &[u8]) -> Option<usize> {
    let &[0xFF, second, third, fourth, fifth, sixth, _] = at::<7>(frame, 0)? else { return None };
    if second & 0xF6 != 0xF0 || third >> 2 & 0xF > 12 {
        return None;
    }
    let length = usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
    (length > 7).then_some(length)
}

fn tar(head: &[u8]) -> Option<&'static str> {
    matches!(at::<8>(head, 257)?, b"ustar\x0000" | b"ustar  \0").then_some("application/x-tar")
}

/// The `N` bytes at a position.
fn at<const N: usize>(head: &[u8], position: usize) -> Option<&[u8; N]> {
    head.get(position..)?.first_chunk()
}
