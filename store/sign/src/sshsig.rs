//! Signatures as `ssh-keygen -Y sign` writes them: over the digest of some bytes, under a namespace.
//!
//! What is signed is `SSHSIG`, the namespace, an empty field, the name of the hash and the digest
//! (PROTOCOL.sshsig of OpenSSH). A signature carries the key that made it; whose key that is, and
//! whether it counts, [`allowed`](crate::allowed) says.

use std::fmt;
use std::io::{self, Read};

use sha2::{Digest, Sha256, Sha512};
use ssh_key::encoding::{Decode as _, Encode as _};
use ssh_key::{HashAlg, SshSig};

use crate::error::{Result, SignError};
use crate::key::PublicKey;
use crate::signer::Signer;
use crate::{base64, namespace};

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "\n-----END SSH SIGNATURE-----";

/// Characters in a line of base64, as `ssh-keygen` breaks them.
const WIDTH: usize = 70;

/// The lengths of a line of base64 that other tools break them at.
const WIDTHS: std::ops::RangeInclusive<usize> = 64..=76;

/// The longest armour in bytes; one by RSA with 8192 bits takes about 3,300.
const LONGEST: usize = 1 << 14;

/// Bytes hashed at a time.
const CHUNK: usize = 1 << 16;

/// A signature that is looked at and not yet believed.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature {
    inner: SshSig,
    key: PublicKey,
}

/// Signs bytes for a namespace.
///
/// # Errors
/// [`SignError::Agent`] if an agent refuses, [`SignError::Refused`] if the namespace is none or the
/// signature turns out wrong, and [`SignError::Message`] if the bytes cannot be read.
pub fn sign(signer: &Signer, namespace: &str, message: impl Read) -> Result<Signature> {
    let digest = hash::<Sha512>(message).map_err(SignError::Message)?;
    let digest = digest.try_into().expect("a SHA-512 has 64 bytes");
    sign_sha512(signer, namespace, &digest)
}

/// Signs bytes whose SHA-512 is known.
///
/// # Errors
/// As [`sign`].
pub fn sign_sha512(signer: &Signer, namespace: &str, digest: &[u8; 64]) -> Result<Signature> {
    if let Some(problem) = namespace::problem(namespace) {
        return Err(refused(problem));
    }
    let inner = signer.sign(namespace, digest)?;
    let signature = Signature { inner, key: signer.public().clone() };
    // An agent may err, and a private key may not be that of the public one beside it.
    signature.verify_sha512(namespace, digest)?;
    Ok(signature)
}

impl Signature {
    /// Reads the text that [`armour`](Self::armour) or `ssh-keygen` wrote, and nothing around it.
    ///
    /// # Errors
    /// [`SignError::Refused`] if it is any other text.
    pub fn parse(text: &[u8]) -> Result<Signature> {
        if text.len() > LONGEST {
            return Err(refused("it is longer than any signature"));
        }
        let text = std::str::from_utf8(text).map_err(|_| refused("it is not UTF-8"))?;
        let body =
            text.strip_prefix(BEGIN).ok_or_else(|| refused("its first line is not that of one"))?;
        let body = body.strip_suffix('\n').unwrap_or(body).strip_suffix(END);
        let body = body.ok_or_else(|| refused("its last line is not that of one"))?;
        let width = body.find('\n').unwrap_or(body.len());
        let mut lines = body.split('\n').rev();
        let last = lines.next().map_or(0, str::len);
        let whole = lines.clone().count() == 0 || WIDTHS.contains(&width);
        if last > width || last > *WIDTHS.end() || !whole || lines.any(|line| line.len() != width) {
            return Err(refused("its lines are not broken at one width from 64 to 76"));
        }
        let blob = base64::decode(&body.replace('\n', ""));
        Signature::from_blob(&blob.ok_or_else(|| refused("it is not base64"))?)
    }

    /// Reads the bytes inside of the armour.
    ///
    /// # Errors
    /// [`SignError::Refused`] if they are no signature, or have a second reading.
    pub fn from_blob(blob: &[u8]) -> Result<Signature> {
        if blob.len() > LONGEST {
            return Err(refused("it is longer than any signature"));
        }
        let inner = SshSig::decode(&mut &*blob).map_err(|error| refused(&error.to_string()))?;
        if inner.version() != SshSig::VERSION {
            return Err(refused("its version is not 1"));
        }
        if !inner.reserved().is_empty() {
            return Err(refused("its reserved field is not empty"));
        }
        if let Some(problem) = namespace::problem(inner.namespace()) {
            return Err(refused(problem));
        }
        let key = PublicKey::new(inner.public_key().clone());
        let key = key.map_err(|reason| refused(&format!("of its key: {reason}")))?;
        let signature = Signature { inner, key };
        if signature.blob() != blob {
            return Err(refused("it holds bytes that nobody reads"));
        }
        Ok(signature)
    }

    /// The bytes inside of the armour.
    pub fn blob(&self) -> Vec<u8> {
        self.inner.encode_vec().expect("a signature that was made or decoded can be encoded")
    }

    /// The text that `ssh-keygen -Y verify -s` takes.
    pub fn armour(&self) -> String {
        let text = base64::encode(&self.blob());
        let mut armour = BEGIN.to_owned();
        for (index, character) in text.chars().enumerate() {
            if index > 0 && index % WIDTH == 0 {
                armour.push('\n');
            }
            armour.push(character);
        }
        armour + END + "\n"
    }

    /// The key that is said to have made it; [`verify`](Self::verify) tells whether it did.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// What it is said to be for.
    pub fn namespace(&self) -> &str {
        self.inner.namespace()
    }

    /// The key that made it, if it belongs to these bytes and this namespace.
    ///
    /// # Errors
    /// [`SignError::Namespace`] or [`SignError::Forged`] if it does not, and [`SignError::Message`]
    /// if the bytes cannot be read.
    pub fn verify(&self, namespace: &str, message: impl Read) -> Result<&PublicKey> {
        let digest = match self.inner.hash_alg() {
            HashAlg::Sha256 => hash::<Sha256>(message),
            _ => hash::<Sha512>(message),
        };
        self.verify_digest(namespace, &digest.map_err(SignError::Message)?)
    }

    /// The key that made it, if it belongs to the bytes with this SHA-512 and this namespace.
    ///
    /// # Errors
    /// As [`verify`](Self::verify), and [`SignError::Refused`] if it signs a SHA-256.
    pub fn verify_sha512(&self, namespace: &str, digest: &[u8; 64]) -> Result<&PublicKey> {
        if self.inner.hash_alg() != HashAlg::Sha512 {
            return Err(refused("it signs a SHA-256, and only the SHA-512 is known"));
        }
        self.verify_digest(namespace, digest)
    }

    fn verify_digest(&self, namespace: &str, digest: &[u8]) -> Result<&PublicKey> {
        if self.namespace() != namespace {
            return Err(SignError::Namespace {
                expected: namespace.to_owned(),
                found: self.namespace().to_owned(),
            });
        }
        let key = ssh_key::PublicKey::from(self.key.data().clone());
        match key.verify_prehash(namespace, digest, &self.inner) {
            Ok(()) => Ok(&self.key),
            Err(_) => Err(SignError::Forged { key: self.key.fingerprint() }),
        }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature by {:?} for {:?}", self.key, self.namespace())
    }
}

fn refused(reason: &str) -> SignError {
    SignError::Refused { what: "the signature", reason: reason.to_owned() }
}

fn hash<D: Digest>(mut message: impl Read) -> io::Result<Vec<u8>> {
    let (mut hasher, mut buffer) = (D::new(), vec![0; CHUNK]);
    loop {
        match message.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finalize().to_vec()),
            Ok(n) => hasher.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
