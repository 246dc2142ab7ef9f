//! Pseudo-random numbers for cases with many inputs.

/// A deterministic generator (xorshift).
pub struct Numbers(pub u64);

impl Numbers {
    /// Spreads the bits of a small seed: after such a seed the generator would repeat itself for a while.
    pub fn of_seed(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// One of these, which may not be empty.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).expect("a small number")).expect("below a small number")
    }
}
