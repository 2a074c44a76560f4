//! Public keys, and which of them make signatures that prove something.

use std::fmt;

use ed25519_dalek::VerifyingKey;
use ssh_key::encoding::{Decode as _, Encode as _};
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{Algorithm, HashAlg};

/// RSA keys that are shorter, in bits, can be factored by somebody who pays for it.
const RSA_SHORTEST: u32 = 2048;

/// RSA keys that are longer, in bits, cannot be checked here.
const RSA_LONGEST: u32 = 8192;

/// The longest text of a public key in bytes; a key of 8192 bits takes about 1,400.
const LONGEST: usize = 1 << 13;

/// A public key of a kind that signs: Ed25519, ECDSA, RSA from 2048 to 8192 bits, or the first two
/// in a security key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey(KeyData);

impl PublicKey {
    /// Reads `KIND BASE64`, and whatever comment follows: a line of a `.pub` file.
    ///
    /// # Errors
    /// As a lower-case fragment, why it is no key, or none whose signatures count.
    pub fn parse(text: &str) -> Result<PublicKey, String> {
        if text.len() > LONGEST {
            return Err("it is longer than any public key".to_owned());
        }
        let mut words = text.split_ascii_whitespace();
        let (Some(kind), Some(data)) = (words.next(), words.next()) else {
            return Err("expected the kind of the key and its base64".to_owned());
        };
        let blob = crate::base64::decode(data)
            .ok_or_else(|| format!("`{}` is not base64", data.escape_debug()))?;
        let key = PublicKey::from_blob(&blob)?;
        if key.kind() != kind {
            let kind = kind.escape_debug();
            return Err(format!("it says `{kind}` and holds `{}`", key.kind()));
        }
        Ok(key)
    }

    /// Reads a key as the SSH protocol encodes it.
    pub(crate) fn from_blob(blob: &[u8]) -> Result<PublicKey, String> {
        let data =
            KeyData::decode(&mut &*blob).map_err(|error| format!("it is no key: {error}"))?;
        let key = PublicKey::new(data)?;
        if key.blob() != blob {
            return Err("it is no key as OpenSSH writes them".to_owned());
        }
        Ok(key)
    }

    pub(crate) fn new(data: KeyData) -> Result<PublicKey, String> {
        match &data {
            KeyData::Ed25519(key) => refuse_weak(key)?,
            KeyData::SkEd25519(key) => refuse_weak(key.public_key())?,
            KeyData::Ecdsa(_) | KeyData::SkEcdsaSha2NistP256(_) => {}
            KeyData::Rsa(key) => {
                let bits = key.n().as_positive_bytes().map_or(0, |bytes| {
                    bytes.len() as u32 * 8 - bytes.first().map_or(0, |byte| byte.leading_zeros())
                });
                if !(RSA_SHORTEST..=RSA_LONGEST).contains(&bits) {
                    return Err(format!("it is RSA with {bits} bits: expected 2048 to 8192"));
                }
            }
            KeyData::Certificate(_) => {
                return Err("it is a certificate: expected the key that it certifies".to_owned());
            }
            other => {
                let kind = other.algorithm();
                let kind = kind.as_str().escape_debug();
                return Err(format!("`{kind}` is no kind of key that signs here"));
            }
        }
        Ok(PublicKey(data))
    }

    /// How OpenSSH calls this kind of key: `ssh-ed25519`.
    pub fn kind(&self) -> String {
        self.0.algorithm().as_str().to_owned()
    }

    /// `SHA256:` and the base64 of the key's digest, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    pub(crate) fn blob(&self) -> Vec<u8> {
        self.0.encode_vec().expect("a key that was decoded can be encoded")
    }

    pub(crate) fn data(&self) -> &KeyData {
        &self.0
    }

    pub(crate) fn is_rsa(&self) -> bool {
        matches!(self.0.algorithm(), Algorithm::Rsa { .. })
    }
}

/// Refuses keys of small order: they have signatures that fit every message.
fn refuse_weak(key: &Ed25519PublicKey) -> Result<(), String> {
    match VerifyingKey::from_bytes(&key.0) {
        Ok(key) if !key.is_weak() => Ok(()),
        Ok(_) => Err("it is a weak key: one signature by it fits every message".to_owned()),
        Err(_) => Err("it is no point of the curve".to_owned()),
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), crate::base64::encode(&self.blob()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the documentation of `ssh-key`.
    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn ed25519(point: [u8; 32]) -> String {
        let blob = KeyData::Ed25519(Ed25519PublicKey(point)).encode_vec().unwrap();
        format!("ssh-ed25519 {}", crate::base64::encode(&blob))
    }

    #[test]
    fn a_key_reads_back_and_its_comment_is_no_part_of_it() {
        let key = PublicKey::parse(KEY).unwrap();
        assert_eq!(key.to_string(), KEY);
        assert_eq!(PublicKey::parse(&format!("{KEY}\tada@example.org or so\n")).unwrap(), key);
        assert_eq!(key.fingerprint(), "SHA256:UCUiLr7Pjs9wFFJMDByLgc3NrtdU344OgUM45wZPcIQ");
    }

    #[test]
    fn what_is_no_key_says_why() {
        for (bad, why) in [
            ("", "expected the kind"),
            ("ssh-ed25519", "expected the kind"),
            ("ssh-ed25519 !", "not base64"),
            (&KEY.replace("ssh-ed25519 ", "ssh-rsa "), "says `ssh-rsa` and holds `ssh-ed25519`"),
            (&KEY[..KEY.len() - 4], "no key"),
            ("ssh-dss AAAAB3NzaC1kc3M=", "no key"),
            (&"x".repeat(LONGEST + 1), "longer"),
        ] {
            let found = PublicKey::parse(bad).unwrap_err();
            assert!(found.contains(why), "{bad}: {found}");
        }
    }

    #[test]
    fn keys_whose_signatures_prove_nothing_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        for point in [[0; 32], identity] {
            let found = PublicKey::parse(&ed25519(point)).unwrap_err();
            assert!(found.contains("weak"), "{found}");
        }
    }

    #[test]
    fn bytes_behind_a_key_are_refused() {
        let mut blob = PublicKey::parse(KEY).unwrap().blob();
        blob.push(0);
        assert!(PublicKey::from_blob(&blob).is_err());
    }
}
