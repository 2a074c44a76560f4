//! in-toto statements v1: somebody claims something of files that are named by their digests.
//!
//! | module | claims |
//! |---|---|
//! | [`provenance`] | how the files were made (SLSA provenance v1) |
//! | [`test_result`] | whether they passed tests (test-result v0.1) |
//! | [`svr`] | what a verifier found to hold (simple verification result v0.2) |
//!
//! Statements are written with their fields in one order, and their maps sorted. They are read as
//! in-toto asks: fields that nobody knows are passed over, and those that may lack, may lack.

pub mod descriptor;
pub mod provenance;
pub mod svr;
pub mod test_result;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use descriptor::{DigestSet, ResourceDescriptor};
pub use provenance::Provenance;
pub use svr::VerificationResult;
pub use test_result::TestResult;

use crate::dsse::{Envelope, IN_TOTO};
use crate::error::{Result, SignError};

/// What every statement says that it is.
const TYPE: &str = "https://in-toto.io/Statement/v1";

/// The largest statement in bytes.
const LARGEST: usize = 24 << 20;

/// A kind of claim.
pub trait Predicate: Serialize + DeserializeOwned {
    /// The URI that names the kind and its version.
    const TYPE: &'static str;
}

/// A claim about files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement<P> {
    #[serde(rename = "_type")]
    statement_type: String,
    subject: Vec<ResourceDescriptor>,
    predicate_type: String,
    predicate: P,
}

/// What a statement claims, before it is known how to read the claim.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    predicate_type: String,
}

/// The URI of the kind of claim in a statement.
///
/// # Errors
/// [`SignError::Refused`] if the bytes are no statement.
pub fn predicate_type(json: &[u8]) -> Result<String> {
    read::<Kind>(json).map(|kind| kind.predicate_type)
}

impl<P: Predicate> Statement<P> {
    /// Claims something of files.
    ///
    /// # Errors
    /// [`SignError::Refused`] unless every file has a digest and a name that no other has.
    pub fn new(subject: Vec<ResourceDescriptor>, predicate: P) -> Result<Statement<P>> {
        let (statement_type, predicate_type) = (TYPE.to_owned(), P::TYPE.to_owned());
        let statement = Statement { statement_type, subject, predicate_type, predicate };
        statement.check()?;
        Ok(statement)
    }

    /// Reads a statement with this kind of claim.
    ///
    /// # Errors
    /// [`SignError::Refused`] if it is none.
    pub fn parse(json: &[u8]) -> Result<Statement<P>> {
        let kind = predicate_type(json)?;
        if kind != P::TYPE {
            let kind = kind.escape_debug();
            return Err(refused(format!("it is a `{kind}`, and no `{}`", P::TYPE)));
        }
        let statement: Statement<P> = read(json)?;
        statement.check()?;
        Ok(statement)
    }

    /// The files that it is about.
    pub fn subject(&self) -> &[ResourceDescriptor] {
        &self.subject
    }

    /// What it claims of them.
    pub fn predicate(&self) -> &P {
        &self.predicate
    }

    /// The same bytes for the same claim, whenever and wherever.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts, times and maps by text can be written as JSON")
    }

    /// The envelope to sign it in.
    pub fn envelope(&self) -> Envelope {
        Envelope::new(IN_TOTO, self.to_json())
    }

    fn check(&self) -> Result<()> {
        if self.statement_type != TYPE {
            return Err(refused(format!("its `_type` is not `{TYPE}`")));
        }
        if self.subject.is_empty() {
            return Err(refused("it is about nothing"));
        }
        let mut names: Vec<_> = self.subject.iter().map(|file| file.name.as_deref()).collect();
        names.sort_unstable();
        for file in &self.subject {
            if file.digest.is_empty() {
                let name = file.name.as_deref().unwrap_or_default().escape_debug();
                return Err(refused(format!("its subject `{name}` has no digest")));
            }
        }
        if names.len() > 1 && (names[0].is_none() || names.windows(2).any(|two| two[0] == two[1])) {
            return Err(refused("its subjects lack names of their own"));
        }
        Ok(())
    }
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    if json.len() > LARGEST {
        return Err(refused("it is larger than 24 MiB"));
    }
    serde_json::from_slice(json).map_err(|error| refused(error.to_string()))
}

fn refused(reason: impl Into<String>) -> SignError {
    SignError::Refused { what: "the statement", reason: reason.into() }
}
