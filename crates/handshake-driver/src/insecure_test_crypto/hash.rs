//! What was said so far? The hash of a handshake's transcript.

use rustls::crypto::hash::{Context, Hash, HashAlgorithm, Output};

use super::mix::{Mix, Purpose};

/// Bytes of a hash, as of SHA-256, whose place it takes.
pub(super) const LENGTH: usize = 32;

pub(super) struct Mixing;

impl Hash for Mixing {
    fn start(&self) -> Box<dyn Context> {
        Box::new(Transcript(Mix::new(Purpose::Hash)))
    }

    fn hash(&self, data: &[u8]) -> Output {
        let mut mix = Mix::new(Purpose::Hash);
        mix.update(data);
        output(mix)
    }

    fn output_len(&self) -> usize {
        LENGTH
    }

    fn algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }
}

struct Transcript(Mix);

impl Context for Transcript {
    fn fork_finish(&self) -> Output {
        output(self.0.clone())
    }

    fn fork(&self) -> Box<dyn Context> {
        Box::new(Self(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> Output {
        output(self.0)
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
}

fn output(mix: Mix) -> Output {
    Output::new(&mix.digest::<LENGTH>())
}
