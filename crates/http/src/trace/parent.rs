//! The header `traceparent` (W3C Trace Context): the remote span that a request belongs to.

use super::ids::{SpanId, TraceId};

/// The lengths of the four fields.
const LENGTHS: [usize; 4] = [2, 32, 16, 2];
/// The flag that the caller may have recorded its span.
const SAMPLED: u8 = 1;

/// A span of another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RemoteParent {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) is_sampled: bool,
}

impl RemoteParent {
    /// Parses the header. Later versions may have more fields, which are ignored.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut next = |length: usize| {
            let part = parts.next()?;
            let is_hex = part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
            (part.len() == length && is_hex).then_some(part)
        };
        let [version, trace, span, flags] = LENGTHS.map(&mut next);
        let (version, flags) = (version?, u8::from_str_radix(flags?, 16).ok()?);
        let has_more = parts.next().is_some();
        if version == "ff" || version == "00" && has_more {
            return None;
        }
        let trace = u128::from_str_radix(trace?, 16).ok().filter(|id| *id != 0)?;
        let span = u64::from_str_radix(span?, 16).ok().filter(|id| *id != 0)?;
        Some(Self { trace: TraceId(trace), span: SpanId(span), is_sampled: flags & SAMPLED != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparent_is_read_as_the_standard_says() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let read = |text: &str| RemoteParent::parse(text);
        let sampled = read(&format!("00-{trace}-{span}-01")).expect("the standard's own example");
        assert_eq!((sampled.trace.to_string(), sampled.span.to_string()), (trace.into(), span.into()));
        assert!(sampled.is_sampled);
        assert!(!read(&format!("00-{trace}-{span}-00")).expect("not sampled").is_sampled);
        assert!(read(&format!("00-{trace}-{span}-03")).expect("with a random id").is_sampled);
        assert!(read(&format!("cc-{trace}-{span}-01-what-comes")).is_some(), "a later version has more");
        for wrong in [
            String::new(),
            "00".into(),
            format!("00-{trace}-{span}"),
            format!("00-{trace}-{span}-01-more"),
            format!("ff-{trace}-{span}-01"),
            format!("00-{}-{span}-01", trace.to_uppercase()),
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{trace}-{span}-1"),
            format!("00-{trace}-{span}-+1"),
            format!("00-{}-{span}-01", &trace[1..]),
            format!(" 00-{trace}-{span}-01"),
        ] {
            assert_eq!(read(&wrong), None, "{wrong:?}");
        }
    }
}
