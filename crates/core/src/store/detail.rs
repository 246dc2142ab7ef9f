//! The encoding of `detail` columns: a list of fields, each with a tag, a length in four bytes, and that many
//! bytes of value, all little-endian. Readers skip unknown fields, so that a newer version may add some.

/// Appends a field.
pub(crate) fn put(detail: &mut Vec<u8>, tag: u8, value: &[u8]) {
    detail.push(tag);
    detail.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
    detail.extend(value);
}

/// The fields with their tags. Ends at the first truncated field.
pub(crate) fn fields(mut rest: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (tag, after) = rest.split_first()?;
        let (length, after) = after.split_first_chunk()?;
        let (value, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        rest = after;
        Some((*tag, value))
    })
}

/// The first field with this tag. None if a truncated field comes before it.
pub(crate) fn find(detail: &[u8], wanted: u8) -> Option<&[u8]> {
    fields(detail).find(|(tag, _)| *tag == wanted).map(|(_, value)| value)
}
