//! Which number comes next? A counter under a seed, so that a run draws the same numbers each time.
//!
//! rustls asks a provider that is the same for all, so whose numbers they are is said another way: while a driver runs, its
//! [`Stream`] is the current one of the thread.

use std::cell::Cell;

use rustls::crypto::{GetRandomFailed, SecureRandom};

use super::mix::{Mix, Purpose};

/// Numbers of one seed, and how many were drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stream {
    seed: u64,
    drawn: u64,
}

thread_local! {
    static CURRENT: Cell<Stream> = const { Cell::new(Stream { seed: 0, drawn: 0 }) };
}

impl Stream {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// Runs something that draws from this stream.
    pub(crate) fn during<T>(&mut self, run: impl FnOnce() -> T) -> T {
        let others = CURRENT.replace(*self);
        let outcome = run();
        *self = CURRENT.replace(others);
        outcome
    }

    fn next(&mut self) -> Mix {
        let mut mix = Mix::new(Purpose::Random);
        mix.update(&self.seed.to_le_bytes());
        mix.update(&self.drawn.to_le_bytes());
        self.drawn += 1;
        mix
    }
}

/// The next number of the current stream.
pub(super) fn draw<const N: usize>() -> [u8; N] {
    next().digest()
}

fn next() -> Mix {
    let mut stream = CURRENT.get();
    let next = stream.next();
    CURRENT.set(stream);
    next
}

#[derive(Debug)]
pub(super) struct Seeded;

impl SecureRandom for Seeded {
    fn fill(&self, buf: &mut [u8]) -> Result<(), GetRandomFailed> {
        next().finish(buf);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_seed_draws_the_same_numbers_whoever_else_draws() {
        let thrice = |stream: &mut Stream| stream.during(|| [(); 3].map(|()| draw::<32>()));
        let (mut one, mut again, mut other) =
            (Stream::seeded(1), Stream::seeded(1), Stream::seeded(2));
        let first = thrice(&mut one);
        let inner = again.during(|| {
            draw::<32>();
            thrice(&mut other)
        });
        assert_eq!(first[1..], thrice(&mut again)[..2]);
        let all = [first, inner, thrice(&mut one)].concat();
        assert_eq!(HashSet::<[u8; 32]>::from_iter(all.clone()).len(), all.len());
    }
}
