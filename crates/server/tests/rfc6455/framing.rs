//! Classes 1 and 10: messages of every size, text and binary, in one write or in pieces.

use crate::case::{Case, case, event, long_event, run};
use crate::peer::{BINARY, FIN, MASKED, SIXTEEN, SIXTY_FOUR, TEXT, frame};

/// The sizes at which a header changes, and the limit. Texts too short for an event are blank.
const SIZES: [usize; 11] = [0, 1, 32, 125, 126, 127, 128, 1000, 65_534, 65_535, 65_536];

const NO_BINARY: &str = "events are text frames, not binary ones";

fn text(name: String, size: usize) -> (Case, Vec<u8>) {
    if size < 64 {
        let case = case(name).answered("an event is empty: send a JSON object");
        return (case, frame(FIN | TEXT, &vec![b' '; size]));
    }
    let reference = format!("of-{size}");
    let event = long_event(&reference, size);
    assert_eq!(event.len(), size);
    (case(name).answered(reference), frame(FIN | TEXT, event.as_bytes()))
}

#[tokio::test]
async fn a_text_of_any_size_up_to_the_limit_is_read() {
    run(SIZES.into_iter().flat_map(|size| {
        let (whole, bytes) = text(format!("1.1 text of {size}"), size);
        let (mut chopped, _) = text(format!("1.1.8 text of {size}, chopped by 997"), size);
        for piece in bytes.chunks(997) {
            chopped = chopped.write(piece);
        }
        [whole.write(bytes), chopped]
    }))
    .await;
}

#[tokio::test]
async fn binary_messages_up_to_the_limit_are_read_and_refused() {
    run(SIZES.into_iter().flat_map(|size| {
        let bytes = frame(FIN | BINARY, &vec![0xFE; size]);
        let whole = case(format!("1.2 binary of {size}")).write(bytes.clone()).answered(NO_BINARY);
        let mut chopped = case(format!("1.2.8 binary of {size}, chopped by 997")).answered(NO_BINARY);
        for piece in bytes.chunks(997) {
            chopped = chopped.write(piece);
        }
        [whole, chopped]
    }))
    .await;
}

#[tokio::test]
async fn a_frame_may_be_chopped_anywhere() {
    let bytes = frame(FIN | TEXT, long_event("chopped", 300).as_bytes());
    let anywhere = (1..bytes.len()).step_by(3).map(|at| {
        let (one, two) = bytes.split_at(at);
        case(format!("10.1.1 chopped at {at}")).write(one).write(two).answered("chopped")
    });
    let dripped = case("10.1.2 byte by byte").drip(bytes.clone()).answered("chopped");
    let two = [frame(FIN | TEXT, event("one").as_bytes()), bytes.clone()].concat();
    let joined = case("10.1.3 two in one piece").write(two).answered("one").answered("chopped");
    run(anywhere.chain([dripped, joined])).await;
}

#[tokio::test]
async fn a_length_need_not_be_in_its_shortest_form_to_be_the_length() {
    // Only incorrect peers encode lengths like this; the server accepts them.
    let event = event("long-form");
    let plain = frame(FIN | TEXT, event.as_bytes());
    let length = event.len();
    let (mask, short) = (&plain[2..], u8::try_from(length).expect("a short event"));
    let sixteen = [&[FIN | TEXT, MASKED | SIXTEEN, 0, short], mask].concat();
    let sixty_four = [&[FIN | TEXT, MASKED | SIXTY_FOUR, 0, 0, 0, 0, 0, 0, 0, short], mask].concat();
    run([
        case("1.1 a length of 16 bits").write(sixteen).answered("long-form"),
        case("1.1 a length of 64 bits").write(sixty_four).answered("long-form"),
    ])
    .await;
}
