//! Who signs: a private key in a file, or one that an `ssh-agent` keeps.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use ssh_key::private::KeypairData;
use ssh_key::{HashAlg, PrivateKey, SshSig};
use zeroize::Zeroizing;

use crate::agent::Agent;
use crate::error::{Context as _, Result, SignError};
use crate::key::PublicKey;

/// The longest file of a key in bytes; one of RSA with 8192 bits takes about 6,400.
const LONGEST: usize = 1 << 16;

/// The first line of a private key as OpenSSH writes it.
const OPENSSH: &[u8] = b"-----BEGIN OPENSSH PRIVATE KEY-----";

/// Something that signs with one key.
pub struct Signer {
    public: PublicKey,
    holder: Holder,
}

/// Where the private key is.
enum Holder {
    File(Box<PrivateKey>),
    Agent(Agent),
}

impl Signer {
    /// Opens a private key in OpenSSH's format, or a public key whose private half the agent at
    /// `agent` has; which of the two the file is, its first line says.
    ///
    /// # Errors
    /// [`SignError::Encrypted`] if the private key needs a passphrase, [`SignError::Agent`] if there
    /// is no agent or it lacks the key, and [`SignError::Key`] for anything else in the file.
    pub fn open(path: &Path, agent: Option<&Path>) -> Result<Signer> {
        let text = read(path)?;
        if text.starts_with(b"-----BEGIN ") {
            return private(&text, path);
        }
        let refused = |reason: String| SignError::Key { path: path.to_owned(), reason };
        let public = std::str::from_utf8(&text).map_err(|_| refused("it is not UTF-8".to_owned()));
        let public = PublicKey::parse(public?).map_err(refused)?;
        let socket = agent.ok_or_else(|| {
            refused(
                "it is a public key, and no ssh-agent is known that keeps the private one".into(),
            )
        })?;
        let agent = Agent::connect(socket)?;
        agent.expect(&public)?;
        Ok(Signer { public, holder: Holder::Agent(agent) })
    }

    /// The key that its signatures verify with.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a digest for a namespace, which must be sound.
    pub(crate) fn sign(&self, namespace: &str, sha512: &[u8; 64]) -> Result<SshSig> {
        match &self.holder {
            Holder::File(key) => key.sign_prehash(namespace, HashAlg::Sha512, sha512),
            Holder::Agent(agent) => {
                let data = SshSig::signed_data_for_prehash(namespace, HashAlg::Sha512, sha512)
                    .map_err(|error| unable(&self.public, error))?;
                let signature = agent.sign(&self.public, &data)?;
                SshSig::new(self.public.data().clone(), namespace, HashAlg::Sha512, signature)
            }
        }
        .map_err(|error| unable(&self.public, error))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("public", &self.public).finish_non_exhaustive()
    }
}

fn unable(key: &PublicKey, error: ssh_key::Error) -> SignError {
    SignError::Refused { what: "the key", reason: format!("{key:?} did not sign: {error}") }
}

fn private(text: &[u8], path: &Path) -> Result<Signer> {
    let refused = |reason: String| SignError::Key { path: path.to_owned(), reason };
    if !text.starts_with(OPENSSH) {
        let convert = format!("`ssh-keygen -p -f {}` rewrites it", path.display());
        return Err(refused(format!("it is not in OpenSSH's own format; {convert}")));
    }
    let key = PrivateKey::from_openssh(text).map_err(|error| refused(error.to_string()))?;
    if matches!(key.key_data(), KeypairData::Encrypted(_)) {
        return Err(SignError::Encrypted { path: path.to_owned() });
    }
    let public = PublicKey::new(key.public_key().key_data().clone()).map_err(refused)?;
    if matches!(key.key_data(), KeypairData::SkEd25519(_) | KeypairData::SkEcdsaSha2NistP256(_)) {
        let reason = "its private half is in a security key: add it to an ssh-agent, and name the \
                      public key instead";
        return Err(refused(reason.to_owned()));
    }
    Ok(Signer { public, holder: Holder::File(Box::new(key)) })
}

/// The file's bytes, in memory that is wiped afterwards and was never moved.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path).context("open", path)?;
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST + 64));
    file.take(LONGEST as u64 + 1).read_to_end(&mut text).context("read", path)?;
    if text.len() > LONGEST {
        let reason = "it is longer than any key".to_owned();
        return Err(SignError::Key { path: path.to_owned(), reason });
    }
    Ok(text)
}
