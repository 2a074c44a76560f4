//! What a verifier found to hold: in-toto's simple verification result v0.2.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Predicate, ResourceDescriptor};

/// What holds of the files, and who checked it when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerificationResult {
    /// Who checked.
    pub verifier: Verifier,
    /// When.
    pub time_created: Timestamp,
    /// What was found to hold; what is not listed is not claimed.
    pub properties: Vec<String>,
}

impl Predicate for VerificationResult {
    const TYPE: &'static str = "https://in-toto.io/attestation/svr/v0.2";
}

/// Whoever has to be trusted for the claim to be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Verifier {
    /// A URI that changes when the verifier checks something else.
    pub id: String,
    /// What it checked the files against.
    #[serde(default)]
    pub policies: Vec<ResourceDescriptor>,
}
