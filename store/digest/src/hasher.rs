//! One pass over bytes for everything the store wants to know of them.

use sha2::Digest as _;

use crate::id::{Digest, Sha256};

/// What one pass over some bytes tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// Their BLAKE3: their name in the store.
    pub digest: Digest,
    /// Their SHA-256: their name for RO-Crate, in-toto, OCI and Zenodo.
    pub sha256: Sha256,
    /// How many there were, in bytes.
    pub size: u64,
}

/// Hashes bytes as they stream by, in constant memory.
#[derive(Clone, Default)]
pub struct Hasher {
    blake3: blake3::Hasher,
    sha256: sha2::Sha256,
    size: u64,
}

impl Hasher {
    /// A hasher that has seen nothing.
    pub fn new() -> Hasher {
        Hasher::default()
    }

    /// Takes the next bytes; where they are split makes no difference.
    pub fn update(&mut self, bytes: &[u8]) {
        self.blake3.update(bytes);
        self.sha256.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// Takes all that a reader yields, in constant memory.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn read(&mut self, from: &mut impl std::io::Read) -> std::io::Result<()> {
        let mut buffer = vec![0; 1 << 18];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => self.update(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The result for all bytes seen.
    pub fn finish(self) -> Hashed {
        Hashed {
            digest: Digest::from_bytes(*self.blake3.finalize().as_bytes()),
            sha256: Sha256::from_bytes(self.sha256.finalize().into()),
            size: self.size,
        }
    }
}

/// BLAKE3 alone, of large things, on all cores.
#[derive(Clone, Default)]
pub struct WideHasher(blake3::Hasher);

impl WideHasher {
    /// Takes the next bytes, best several megabytes of them.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update_rayon(bytes);
    }

    /// The digest of all bytes seen.
    pub fn finish(self) -> Digest {
        Digest::from_bytes(*self.0.finalize().as_bytes())
    }
}

impl Digest {
    /// Hashes a file on all cores, and says how many bytes it has.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of_file(path: &std::path::Path) -> std::io::Result<(Digest, u64)> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_mmap_rayon(path)?;
        Ok((Digest::from_bytes(*hasher.finalize().as_bytes()), hasher.count()))
    }
}

impl Hashed {
    /// Hashes all that a reader yields, in constant memory.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn read(from: &mut impl std::io::Read) -> std::io::Result<Hashed> {
        let mut hasher = Hasher::new();
        hasher.read(from)?;
        Ok(hasher.finish())
    }

    /// Both hashes and the size of `bytes`.
    pub fn of(bytes: &[u8]) -> Hashed {
        let mut hasher = Hasher::new();
        hasher.update(bytes);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    #[test]
    fn known_answers() {
        let hashed = Hashed::of(b"abc");
        assert_eq!(hashed.digest, Digest::of(b"abc"));
        assert_eq!(
            hashed.sha256.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(hashed.size, 3);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(20_260_131),
            ..ProptestConfig::default()
        })]

        #[test]
        fn splitting_makes_no_difference(parts: Vec<Vec<u8>>) {
            let mut hasher = Hasher::new();
            for part in &parts {
                hasher.update(part);
            }
            prop_assert_eq!(hasher.finish(), Hashed::of(&parts.concat()));
        }
    }
}
