//! Where choices come from: one small trait, so that a seeded generator and a fuzzer's bytes drive the same code.

/// A source of choices.
pub trait Choose {
    /// A number below `n`; 0 if `n` is 0 or the source is exhausted.
    fn below(&mut self, n: usize) -> usize;

    /// True in `times` of `of` cases.
    fn chance(&mut self, times: usize, of: usize) -> bool {
        // The last values count, so that an exhausted source, which gives zeros, answers no.
        self.below(of) >= of.saturating_sub(times)
    }

    /// One of `items`, which must not be empty.
    fn pick<'i, T>(&mut self, items: &'i [T]) -> &'i T {
        &items[self.below(items.len())]
    }
}

impl Choose for fastrand::Rng {
    fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { self.usize(..n) }
    }
}

impl Choose for arbitrary::Unstructured<'_> {
    fn below(&mut self, n: usize) -> usize {
        match n.checked_sub(1) {
            Some(last) => self.int_in_range(0..=last).unwrap_or(0),
            None => 0,
        }
    }
}
