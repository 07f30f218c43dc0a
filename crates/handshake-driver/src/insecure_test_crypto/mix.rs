//! Are these bytes those bytes? A fast 128-bit digest of bytes that come in pieces, for one purpose at a time.

/// What a digest is for. The same bytes mix differently for each.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Hash = 1,
    Secret,
    PublicKey,
    Signature,
    Record,
    Random,
    Seed,
}

/// A digest under way.
#[derive(Clone)]
pub(super) struct Mix {
    state: [u64; 2],
    /// The first bytes of the block that is not full yet, the first of them lowest.
    pending: u128,
    filled: usize,
    length: u64,
}

const BLOCK: usize = 16;
/// Digits of pi: any will do that are neither small nor alike.
const ODD: [u64; 2] = [0x2438_d313_198a_2e03, 0x7073_44a4_0938_2229];

impl Mix {
    pub(super) fn new(purpose: Purpose) -> Self {
        Self {
            state: [ODD[1], ODD[0].wrapping_mul(purpose as u64)],
            pending: 0,
            filled: 0,
            length: 0,
        }
    }

    /// A digest that starts from a key, which is not confused with what follows it.
    pub(super) fn keyed(purpose: Purpose, key: &[u8]) -> Self {
        let mut mix = Self::new(purpose);
        mix.update(key);
        mix.pad();
        mix
    }

    /// Goes on with these bytes; how they were cut does not matter.
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if self.filled > 0 {
            let (head, rest) = bytes.split_at(bytes.len().min(BLOCK - self.filled));
            self.pending |= word(head) << (8 * self.filled);
            self.filled += head.len();
            if self.filled < BLOCK {
                return;
            }
            self.block(self.pending);
            bytes = rest;
        }
        let (blocks, rest) = bytes.as_chunks();
        for block in blocks {
            self.block(u128::from_le_bytes(*block));
        }
        self.pending = word(rest);
        self.filled = rest.len();
    }

    /// Fills `output` with what the bytes so far mix to.
    pub(super) fn finish(mut self, output: &mut [u8]) {
        self.pad();
        let (whole, rest) = output.as_chunks_mut();
        for block in whole {
            *block = self.next();
        }
        if !rest.is_empty() {
            rest.copy_from_slice(&self.next()[..rest.len()]);
        }
    }

    fn next(&mut self) -> [u8; BLOCK] {
        self.block(0);
        let [low, high] = self.state.map(u128::from);
        (low | high << 64).to_le_bytes()
    }

    /// As [`finish`](Self::finish), into a new array.
    pub(super) fn digest<const N: usize>(self) -> [u8; N] {
        let mut output = [0; N];
        self.finish(&mut output);
        output
    }

    /// Ends a run of bytes: what is left over, then how many there were.
    fn pad(&mut self) {
        if self.filled > 0 {
            self.block(self.pending);
            (self.pending, self.filled) = (0, 0);
        }
        self.block(u128::from(self.length));
    }

    /// One multiplication for each block. Its factors are kept beside its product, so that a factor of zero forgets
    /// nothing; a constant is added, so that zeros do not stay zeros.
    #[inline]
    fn block(&mut self, block: u128) {
        let a = self.state[0] ^ block as u64;
        let b = self.state[1] ^ (block >> 64) as u64;
        let product = u128::from(a) * u128::from(b);
        self.state = [
            (a ^ product as u64).wrapping_add(ODD[0]),
            (b ^ (product >> 64) as u64).wrapping_add(ODD[1]),
        ];
    }
}

/// Fewer bytes than a block, the first of them lowest. (Labels are short and many: a copy for each is what a key schedule
/// would spend most of its time on.)
#[inline]
fn word(bytes: &[u8]) -> u128 {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let [first, last] = [first, last].map(|half| u128::from(u64::from_le_bytes(*half)));
        first | last << (8 * (bytes.len() - 8))
    } else {
        let highest_first = bytes.iter().rev();
        highest_first.fold(0, |word, &byte| word << 8 | u128::from(byte))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn digest(bytes: &[u8]) -> [u8; 16] {
        let mut mix = Mix::new(Purpose::Hash);
        mix.update(bytes);
        mix.digest()
    }

    #[test]
    fn lengths_single_bits_and_pairs_of_bits_are_told_apart() {
        let mut seen = HashSet::new();
        for length in 0..300 {
            assert!(seen.insert(digest(&vec![0; length])), "{length} zeros");
        }
        // Every pair, since what one block changes the next must not take back.
        const BITS: usize = 48 * 8;
        for one in 0..BITS {
            for other in one..BITS {
                let mut bytes = [0; 48];
                bytes[one / 8] |= 1 << (one % 8);
                bytes[other / 8] |= 1 << (other % 8);
                assert!(seen.insert(digest(&bytes)), "bits {one} and {other}");
            }
        }
    }

    #[test]
    fn every_bit_of_a_long_digest_depends_on_every_byte() {
        let at = |byte: usize| {
            let mut bytes = [7; 40];
            bytes[byte] ^= 1;
            let mut mix = Mix::new(Purpose::Hash);
            mix.update(&bytes);
            mix.digest::<64>()
        };
        for byte in 0..40 {
            let (changed, same) = (at(byte), at((byte + 1) % 40));
            let differ: u32 = (0..64).map(|n| (changed[n] ^ same[n]).count_ones()).sum();
            assert!(
                (180..332).contains(&differ),
                "{differ} of 512 bits, byte {byte}"
            );
        }
    }

    #[test]
    fn a_key_is_not_part_of_the_message_nor_one_purpose_another() {
        let keyed = |key: &[u8], bytes: &[u8]| {
            let mut mix = Mix::keyed(Purpose::Secret, key);
            mix.update(bytes);
            mix.digest::<32>()
        };
        let all = [
            keyed(b"ab", b"c"),
            keyed(b"a", b"bc"),
            keyed(b"", b"abc"),
            keyed(b"abc", b""),
            Mix::keyed(Purpose::Record, b"abc").digest(),
        ];
        assert_eq!(HashSet::from(all).len(), all.len());
    }

    proptest! {
        #[test]
        fn where_bytes_are_cut_does_not_matter(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8)
        ) {
            let mut mix = Mix::new(Purpose::Hash);
            for piece in &pieces {
                mix.update(piece);
            }
            prop_assert_eq!(mix.digest(), digest(&pieces.concat()));
        }
    }
}
