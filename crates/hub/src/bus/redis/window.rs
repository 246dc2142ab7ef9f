//! The replay window of one node's hints: each number is accepted once, in any order, unless it arrives too
//! far behind the latest.

const WORDS: usize = 64;
/// How far behind the latest a number may arrive.
const WIDTH: u64 = WORDS as u64 * 64;

/// The highest running number of one node, and which of the numbers just before it have arrived.
pub(super) struct ReplayWindow {
    latest: u64,
    /// One bit per number, as a ring.
    seen: [u64; WORDS],
}

impl Default for ReplayWindow {
    fn default() -> Self {
        Self { latest: 0, seen: [0; WORDS] }
    }
}

impl ReplayWindow {
    /// A window in which every number up to `latest` counts as arrived.
    pub(super) fn after(latest: u64) -> Self {
        Self { latest, seen: [u64::MAX; WORDS] }
    }

    /// Marks a number as arrived. Returns whether it is accepted, which means not seen before and not too
    /// late.
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
