//! Ids that are derived from the original ids. They are the same in every run, so that no object is imported
//! twice.

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// A hash of several texts. Lengths are included, so that different lists have different hashes.
fn hash(parts: &[&str]) -> [u8; 32] {
    let mut digest = Sha256::new_with_prefix(b"chinwag import");
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

fn first16(bytes: [u8; 32]) -> [u8; 16] {
    let mut first = [0; 16];
    first.copy_from_slice(&bytes[..16]);
    first
}

/// An id that is derived from texts only (UUID version 8).
pub(crate) fn plain(parts: &[&str]) -> Uuid {
    Builder::from_custom_bytes(first16(hash(parts))).into_uuid()
}

/// An id of a group. It starts with a letter, so that it can be used as a CSS class name.
pub(crate) fn of_group(parts: &[&str]) -> Uuid {
    let hash = hash(parts);
    let mut bytes = first16(hash);
    bytes[0] = (0xa + hash[16] % 6) << 4 | bytes[0] & 0xf;
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// An id of a message. It starts with the date (UUID version 7), like the ids of other messages.
pub(crate) fn of_message(micros: i64, parts: &[&str]) -> Uuid {
    let millis = u64::try_from(micros / 1000).unwrap_or(0).min((1 << 48) - 1);
    let mut rest = [0; 10];
    rest.copy_from_slice(&hash(parts)[..10]);
    Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_where_any_part_does() {
        let parts: [&[&str]; 5] = [&["a", "b"], &["ab"], &["a", "b", ""], &["", "ab"], &["b", "a"]];
        for (at, one) in parts.iter().enumerate() {
            assert_eq!(plain(one), plain(one));
            assert!(parts[at + 1..].iter().all(|other| plain(one) != plain(other)), "{one:?}");
        }
    }

    #[test]
    fn groups_begin_with_a_letter_and_messages_with_their_date() {
        for number in 0..100 {
            let id = of_group(&["group", &number.to_string()]).to_string();
            assert!(id.starts_with(|first: char| first.is_ascii_lowercase()), "{id}");
        }
        let id = of_message(1_355_517_523_000_005, &["C1", "1355517523.000005"]);
        assert_eq!(id.get_version_num(), 7);
        assert!(id.to_string().starts_with("013b9b23-f438-7"), "{id}");
        for micros in [i64::MIN, -1, 0, i64::MAX] {
            assert_eq!(of_message(micros, &["x"]).get_version_num(), 7);
        }
    }
}
