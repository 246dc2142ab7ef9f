//! The form of a `detail` column: a list of fields, each a tag, a length in four bytes and as many
//! bytes, little-endian. A reader skips the fields that it does not know, so that a newer version may add
//! some.

/// Appends a field.
pub(crate) fn put(detail: &mut Vec<u8>, tag: u8, value: &[u8]) {
    detail.push(tag);
    detail.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
    detail.extend(value);
}

/// The fields with their tags, up to one that ends too early.
pub(crate) fn fields(mut rest: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (tag, after) = rest.split_first()?;
        let (length, after) = after.split_first_chunk()?;
        let (value, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        rest = after;
        Some((*tag, value))
    })
}

/// The first field with this tag; none also where the fields end too early.
pub(crate) fn find(detail: &[u8], wanted: u8) -> Option<&[u8]> {
    fields(detail).find(|(tag, _)| *tag == wanted).map(|(_, value)| value)
}
