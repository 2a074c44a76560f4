//! Envelopes after DSSE 1.0.2: a document, its type, and signatures over both, in one JSON object.
//!
//! DSSE leaves open what a signature is. Here it is what gittuf puts into its envelopes: the whole
//! armoured text of an SSHSIG, so that `sig` decoded from base64 is a file for `ssh-keygen -Y verify
//! -s`, and `keyid` is the fingerprint of the key. The bare SSHSIG without armour is read as well.
//! gittuf signs for the namespace `git`; here it is the one of the kind of document, from
//! [`namespace`](crate::namespace).

use serde::{Deserialize, Serialize};

use crate::base64;
use crate::error::{Result, SignError};
use crate::key::PublicKey;
use crate::signer::Signer;
use crate::sshsig::{self, Signature};

/// The type of a payload that is a [`Statement`](crate::Statement).
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// The largest envelope in bytes.
const LARGEST: usize = 32 << 20;

/// The most signatures on one envelope.
const MOST: usize = 64;

/// A document and its signatures, none of which is believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<Attached>,
}

/// A signature on an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Attached {
    keyid: String,
    sig: Vec<u8>,
}

/// The envelope as JSON; fields that it does not name are passed over.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    payload: String,
    payload_type: String,
    signatures: Vec<JsonSignature>,
}

#[derive(Serialize, Deserialize)]
struct JsonSignature {
    #[serde(default)]
    keyid: Option<String>,
    sig: String,
}

/// The bytes that signatures on an envelope are over, and that nothing else encodes to.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

impl Envelope {
    /// An envelope that nobody has signed.
    pub fn new(payload_type: &str, payload: Vec<u8>) -> Envelope {
        Envelope { payload_type: payload_type.to_owned(), payload, signatures: Vec::new() }
    }

    /// Reads an envelope.
    ///
    /// # Errors
    /// [`SignError::Refused`] if it is none, or has more than an envelope may have.
    pub fn parse(json: &[u8]) -> Result<Envelope> {
        if json.len() > LARGEST {
            return Err(refused("it is larger than 32 MiB"));
        }
        let read: Json =
            serde_json::from_slice(json).map_err(|error| refused(error.to_string()))?;
        if read.payload_type.is_empty() {
            return Err(refused("its payload has no type"));
        }
        if read.signatures.len() > MOST {
            return Err(refused("it has more than 64 signatures"));
        }
        let payload = base64::decode_any(&read.payload);
        let payload = payload.ok_or_else(|| refused("its payload is not base64"))?;
        let attached = read.signatures.into_iter().map(|it| {
            let sig = base64::decode_any(&it.sig);
            let sig = sig.ok_or_else(|| refused("one of its signatures is not base64"))?;
            Ok(Attached { keyid: it.keyid.unwrap_or_default(), sig })
        });
        let signatures = attached.collect::<Result<_>>()?;
        Ok(Envelope { payload_type: read.payload_type, payload, signatures })
    }

    /// The same bytes for the same envelope, whenever and wherever.
    pub fn to_json(&self) -> Vec<u8> {
        let signatures = self.signatures.iter().map(|it| JsonSignature {
            keyid: Some(it.keyid.clone()),
            sig: base64::encode(&it.sig),
        });
        let json = Json {
            payload: base64::encode(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: signatures.collect(),
        };
        serde_json::to_vec(&json).expect("texts can be written as JSON")
    }

    /// Adds a signature for a kind of document.
    ///
    /// # Errors
    /// As [`sshsig::sign`].
    pub fn sign(&mut self, signer: &Signer, namespace: &str) -> Result<()> {
        let signature = sshsig::sign(signer, namespace, &*self.pae())?;
        let keyid = signer.public().fingerprint();
        self.signatures.push(Attached { keyid, sig: signature.armour().into_bytes() });
        Ok(())
    }

    /// What each signature says for a kind of document, in their order: the key that made it, or why
    /// it does not count. The `keyid` is not looked at: anybody can write it.
    pub fn keys(&self, namespace: &str) -> Vec<Result<PublicKey>> {
        let bytes = self.pae();
        let key = |it: &Attached| {
            let signature = if it.sig.starts_with(b"SSHSIG") {
                Signature::from_blob(&it.sig)?
            } else {
                Signature::parse(&it.sig)?
            };
            signature.verify(namespace, &*bytes).cloned()
        };
        self.signatures.iter().map(key).collect()
    }

    /// The payload, if one of the signatures is right and by a key that `trusted` takes.
    ///
    /// # Errors
    /// [`SignError::Refused`] if none is.
    pub fn verify(&self, namespace: &str, trusted: impl Fn(&PublicKey) -> bool) -> Result<&[u8]> {
        let mut problem = "nobody has signed it".to_owned();
        for key in self.keys(namespace) {
            match key {
                Ok(key) if trusted(&key) => return Ok(&self.payload),
                Ok(key) => {
                    problem = format!("{} has signed it, and is not trusted", key.fingerprint());
                }
                Err(error) => problem = error.to_string(),
            }
        }
        Err(refused(problem))
    }

    /// How the payload is to be read, as the envelope says.
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The payload, whoever wrote it; [`verify`](Self::verify) hands it out if it is to be believed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    fn pae(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }
}

fn refused(reason: impl Into<String>) -> SignError {
    SignError::Refused { what: "the envelope", reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_the_specification() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(pae("ä", b""), "DSSEv1 2 ä 0 ".as_bytes());
    }

    #[test]
    fn an_envelope_reads_back_from_either_alphabet() {
        let mut envelope = Envelope::new("t", vec![0xfb, 0xff]);
        envelope.signatures.push(Attached { keyid: "k".to_owned(), sig: vec![0xfb, 0xff] });
        let json = envelope.to_json();
        assert_eq!(
            String::from_utf8_lossy(&json),
            r#"{"payload":"+/8=","payloadType":"t","signatures":[{"keyid":"k","sig":"+/8="}]}"#
        );
        assert_eq!(Envelope::parse(&json).unwrap(), envelope);
        let url = r#"{"signatures":[{"sig":"-_8","cert":[1],"keyid":"k"}],"x":{},
            "payloadType":"t","payload":"-_8="}"#;
        assert_eq!(Envelope::parse(url.as_bytes()).unwrap(), envelope);
        let without = url.replace(",\"keyid\":\"k\"", "");
        assert_eq!(Envelope::parse(without.as_bytes()).unwrap().signatures[0].keyid, "");
    }

    #[test]
    fn what_is_no_envelope_is_refused() {
        let many = format!(
            r#"{{"payload":"","payloadType":"t","signatures":[{}]}}"#,
            vec![r#"{"sig":""}"#; MOST + 1].join(",")
        );
        for (bad, why) in [
            ("", "EOF"),
            ("[]", "invalid"),
            (r#"{"payload":"","payloadType":"t"}"#, "signatures"),
            (r#"{"payload":"*","payloadType":"t","signatures":[]}"#, "not base64"),
            (r#"{"payload":"","payloadType":"","signatures":[]}"#, "no type"),
            (r#"{"payload":"","payload":"","payloadType":"t","signatures":[]}"#, "duplicate"),
            (r#"{"payload":"","payloadType":"t","signatures":[]}{}"#, "trailing"),
            (&many, "64 signatures"),
        ] {
            let found = Envelope::parse(bad.as_bytes()).unwrap_err().to_string();
            assert!(found.contains(why), "{bad}: {found}");
        }
    }
}
