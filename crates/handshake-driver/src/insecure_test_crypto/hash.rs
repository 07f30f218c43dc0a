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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_tells_what_was_said_and_when_it_was_forked() {
        let mut transcript = Mixing.start();
        transcript.update(b"client hello, ");
        let forked = transcript.fork();
        let early = transcript.fork_finish();
        transcript.update(b"server hello");
        assert_eq!(early.as_ref(), forked.finish().as_ref());
        assert_eq!(early.as_ref(), Mixing.hash(b"client hello, ").as_ref());
        let late = transcript.finish();
        assert_eq!(
            late.as_ref(),
            Mixing.hash(b"client hello, server hello").as_ref()
        );
        assert_ne!(late.as_ref(), early.as_ref());
        assert_eq!(late.as_ref().len(), Mixing.output_len());
    }
}
