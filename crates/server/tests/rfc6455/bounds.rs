//! Class 9 with `ws.max_frame` as the limit: messages of up to that size are read, and longer ones are refused
//! by their header.

use crate::case::{Case, case, event, event_frame, long_event, run};
use crate::peer::{BINARY, FIN, TEXT, frame, head};

const NEXT: u8 = 0x0;
/// The server's default.
const LIMIT: usize = 64 * 1024;

/// A text in fragments of at most `size` bytes.
fn fragments(text: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let count = text.len().div_ceil(size);
    for (number, piece) in text.chunks(size).enumerate() {
        let opcode = if number == 0 { TEXT } else { NEXT };
        let fin = if number + 1 == count { FIN } else { 0 };
        bytes.extend(frame(fin | opcode, piece));
    }
    bytes
}

#[tokio::test]
async fn a_message_up_to_the_limit_is_read_in_any_fragments() {
    let text = long_event("limit", LIMIT);
    let fragmented = [64, 256, 1024, 4096, 16_384, 65_535, 65_536].map(|size| {
        let bytes = fragments(text.as_bytes(), size);
        case(format!("9.3 in fragments of {size}")).write(bytes).answered("limit")
    });
    let chopped = [64, 128, 256, 512, 1024, 2048].map(|size| {
        let frame = frame(FIN | TEXT, text.as_bytes());
        let case = case(format!("9.5 in pieces of {size}")).answered("limit");
        frame.chunks(size).fold(case, Case::write)
    });
    run(fragmented.into_iter().chain(chopped)).await;
}

#[tokio::test]
async fn many_messages_are_all_answered() {
    run([0, 16, 64, 256, 1024].map(|pad| {
        let mut many = case(format!("9.7 500 events with {pad} bytes more"));
        let mut bytes = Vec::new();
        for number in 0..500 {
            let reference = format!("n{number}");
            let event = event(&reference);
            let event = if pad < 16 { event } else { long_event(&reference, event.len() + pad) };
            bytes.extend(frame(FIN | TEXT, event.as_bytes()));
            many = many.answered(reference);
        }
        many.write(bytes)
    }))
    .await;
}

#[tokio::test]
async fn message_over_the_limit_is_refused_by_its_header() {
    let over = LIMIT as u64 + 1;
    let over_at_all = |opcode, length| head(FIN | opcode, length);
    let chain = |first, next: u64| [frame(TEXT, &vec![b' '; first]), head(FIN | NEXT, next)].concat();
    let mut small = fragments(&vec![b' '; LIMIT], 1024);
    let last = small.len() - 1024 - 8;
    small[last] = NEXT;
    let cases = [
        case("9 one byte over, its header alone").write(over_at_all(TEXT, over)),
        case("9 the same, binary").write(over_at_all(BINARY, over)),
        case("9 the same, byte by byte").drip(over_at_all(TEXT, over)),
        case("9 the same behind an event")
            .write([event_frame("e"), over_at_all(TEXT, over)].concat())
            .answered("e"),
        case("9 two gigabytes").write(over_at_all(TEXT, 1 << 31)),
        case("9 as much as a length can say").write(over_at_all(TEXT, u64::MAX)),
        case("9 the same, binary").write(over_at_all(BINARY, u64::MAX)),
        case("9 a length with its first bit set").write(over_at_all(TEXT, 1 << 63)),
        case("9 a chain one byte over, by its last header").write(chain(60_000, over - 60_000)),
        case("9 a chain that is full, and one byte").write(chain(LIMIT, 1)),
        case("9 a chain that wraps around").write(chain(LIMIT, u64::MAX - 1000)),
        case("9 a chain of many that is full, and one byte").write([small, head(NEXT, 1)].concat()),
        case("9 the payload comes, too").write(frame(FIN | TEXT, &vec![b' '; LIMIT + 1])),
        // More than the buffers of a connection hold.
        case("9 a payload of 4 MiB").write(frame(FIN | TEXT, &vec![b' '; 4 << 20])),
    ];
    run(cases.into_iter().map(|case| case.closed(1009))).await;
}
