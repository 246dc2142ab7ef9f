//! The hints of one node that arrived: each is accepted once, in any order, and not if it arrives far
//! too late.

const WORDS: usize = 64;
/// How many numbers behind the latest a hint may come.
const WIDTH: u64 = WORDS as u64 * 64;

/// The latest running number of one node, and which of those just before it have come.
pub(super) struct ReplayWindow {
    latest: u64,
    /// One bit a number, in a ring.
    seen: [u64; WORDS],
}

impl Default for ReplayWindow {
    fn default() -> Self {
        Self { latest: 0, seen: [0; WORDS] }
    }
}

impl ReplayWindow {
    /// A window in which every number up to this one has come.
    pub(super) fn after(latest: u64) -> Self {
        Self { latest, seen: [u64::MAX; WORDS] }
    }

    /// Whether this number has not come before; it has from here on.
    pub(super) fn take(&mut self, number: u64) -> bool {
        if number > self.latest {
            let from = self.latest.max(number.saturating_sub(WIDTH)) + 1;
            (from..=number).for_each(|passed| *self.word(passed).0 &= !self.word(passed).1);
            self.latest = number;
        } else if self.latest - number >= WIDTH {
            return false;
        }
        let (word, bit) = self.word(number);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    fn word(&mut self, number: u64) -> (&mut u64, u64) {
        let place = number % WIDTH;
        let word = usize::try_from(place / 64).expect("less than 64");
        (&mut self.seen[word], 1 << (place % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_taken_once_in_any_order_within_the_width() {
        let mut window = ReplayWindow::default();
        assert!([5, 3, 4, 1, 2].into_iter().all(|number| window.take(number)));
        assert!((1..=5).all(|number| !window.take(number)));
        assert!(window.take(WIDTH + 3));
        assert!(!window.take(4) && !window.take(3) && !window.take(2), "seen, or too late");
        assert!(window.take(6), "not seen, and just in time");
        assert!(window.take(10 * WIDTH) && window.take(10 * WIDTH - 1) && !window.take(10 * WIDTH));
        assert!(!window.take(9 * WIDTH));
    }
}
