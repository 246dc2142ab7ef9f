//! Counts unread response bytes, for each user and in total.
//!
//! The response of a slow reader stays in memory: its bytes are counted until the connection has written them or is
//! closed. Files are not counted, since the page cache holds their bytes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::error::{Problem, Result};
use crate::shares::Share;

/// The minimum size of a response, or of a chunk, to be counted. The kernel usually accepts smaller ones at once.
const COUNTED: u64 = 4096;

/// The bounds on unread response bytes.
pub(crate) struct WaitingAnswers {
    most: usize,
    most_of_user: usize,
    bytes: Arc<AtomicUsize>,
}

/// The counters of a response: the total, and that of its user.
#[derive(Clone)]
struct AnswerCounts {
    all: Arc<AtomicUsize>,
    user: Option<Arc<Share>>,
}

/// Unread bytes. Subtracted from the counters on drop.
struct Waiting {
    bytes: usize,
    counts: AnswerCounts,
}

/// A body whose bytes are counted.
struct CountedBody {
    body: Body,
    counts: AnswerCounts,
    /// The count of the whole body, if it is in memory. Otherwise each chunk is counted from when the connection
    /// takes it.
    whole: Option<Arc<Waiting>>,
}

/// Bytes that the connection has yet to write.
struct CountedBytes {
    bytes: Bytes,
    _waiting: Arc<Waiting>,
}

impl WaitingAnswers {
    /// Bounds of `most` bytes in total, and `most_of_user` bytes of one user.
    pub(crate) fn new(most: usize, most_of_user: usize) -> Self {
        Self { most, most_of_user, bytes: Arc::default() }
    }

    /// The total of unread bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Refuses a request while too many bytes are unread: of the user, or, if the request `reads`, in total. Requests
    /// in flight are still answered, so the bounds may be exceeded somewhat.
    pub(crate) fn require_room(&self, user: Option<&Share>, reads: bool) -> Result<()> {
        if user.is_some_and(|user| user.waiting_bytes().load(Ordering::Relaxed) >= self.most_of_user) {
            return Err(Problem::unread());
        }
        if reads && self.bytes() >= self.most { Err(Problem::busy()) } else { Ok(()) }
    }

    /// The response, with its bytes counted.
    pub(crate) fn count(&self, user: Option<Arc<Share>>, answer: Response) -> Response {
        let length = answer.body().size_hint().exact();
        if length.is_some_and(|length| length < COUNTED) {
            return answer;
        }
        let counts = AnswerCounts { all: self.bytes.clone(), user };
        let whole = length.map(|length| Arc::new(counts.add(usize::try_from(length).unwrap_or(usize::MAX))));
        answer.map(|body| Body::new(CountedBody { body, counts, whole }))
    }
}

impl AnswerCounts {
    fn add(&self, bytes: usize) -> Waiting {
        self.all.fetch_add(bytes, Ordering::Relaxed);
        if let Some(user) = &self.user {
            user.waiting_bytes().fetch_add(bytes, Ordering::Relaxed);
        }
        Waiting { bytes, counts: self.clone() }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.counts.all.fetch_sub(self.bytes, Ordering::Relaxed);
        if let Some(user) = &self.counts.user {
            user.waiting_bytes().fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        Pin::new(&mut this.body).poll_frame(context).map_ok(|frame| {
            frame.map_data(|bytes| {
                let waiting = this.whole.clone().unwrap_or_else(|| Arc::new(this.counts.add(bytes.len())));
                Bytes::from_owner(CountedBytes { bytes, _waiting: waiting })
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl AsRef<[u8]> for CountedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use chinwag_core::UserId;
    use futures_util::stream;
    use http_body_util::BodyExt;

    use super::*;
    use crate::shares::Shares;

    const LONG_BYTES: usize = 10_000;

    #[tokio::test]
    async fn answers_count_until_they_are_written_or_dropped() {
        let shares = Shares::new(1024);
        let (ann, bob) = (shares.of_user(UserId(1)), shares.of_user(UserId(2)));
        let answers = WaitingAnswers::new(3 * LONG_BYTES, 2 * LONG_BYTES);
        let answer = |body| answers.count(Some(ann.clone()), Response::new(body));
        let long = || Body::from(vec![0; LONG_BYTES]);
        let (dropped, mut taken, _short) = (answer(long()), answer(long()), answer(Body::from("short")));
        assert_eq!(
            (answers.bytes(), taken.body().size_hint().exact()),
            (2 * LONG_BYTES, Some(LONG_BYTES as u64))
        );
        let status = |user| answers.require_room(Some(user), true).err().map(|problem| problem.status);
        assert_eq!(status(&ann), Some(StatusCode::TOO_MANY_REQUESTS));
        assert_eq!(status(&bob), None);
        let _of_service = answers.count(None, Response::new(long()));
        assert_eq!(status(&bob), Some(StatusCode::SERVICE_UNAVAILABLE));
        answers.require_room(Some(&bob), false).expect("whoever writes is served");
        drop(dropped);
        let bytes = taken.body_mut().frame().await.expect("a frame").expect("bytes");
        drop(taken);
        assert_eq!(answers.bytes(), 2 * LONG_BYTES, "the connection has not written them");
        drop(bytes);
        assert_eq!(answers.bytes(), LONG_BYTES);
    }

    #[tokio::test]
    async fn parts_of_a_stream_count_one_by_one() {
        let answers = WaitingAnswers::new(LONG_BYTES, LONG_BYTES);
        let parts = stream::iter([(); 2].map(|()| Ok::<_, axum::Error>(vec![0_u8; LONG_BYTES])));
        let mut body = answers.count(None, Response::new(Body::from_stream(parts))).into_body();
        assert_eq!(answers.bytes(), 0);
        let first = body.frame().await.expect("a frame").expect("bytes");
        assert_eq!(answers.bytes(), LONG_BYTES);
        drop(first);
        assert_eq!(answers.bytes(), 0);
    }
}
