//! Whose traces count.

use jiff::Timestamp;
use rescience_digest::{ActionKey, Digest};
use rescience_sign::{AllowedSigners, Signature, namespace};
use rescience_store::{Outcome, Trace};

/// Whom to believe, and when that is.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Whose keys they are; one of them has to have signed a trace for [`namespace::TRACE`].
    pub allowed: AllowedSigners,
    /// The present: a key that counts no more does not count for what it signed before either, since
    /// nothing tells when that was.
    pub now: Timestamp,
}

impl Trust {
    /// The trace in some bytes, and who vouches for it: the principals of the line with the key.
    ///
    /// # Errors
    /// As a lower-case fragment, why it does not count.
    pub(crate) fn judge(
        &self,
        key: &ActionKey,
        digest: &Digest,
        trace: &[u8],
        signature: &[u8],
    ) -> Result<(Trace, String), String> {
        let found = Digest::of(trace);
        if found != *digest {
            return Err(format!("its bytes are not those that it is named by, but {found}"));
        }
        let said = |error: rescience_sign::SignError| error.to_string();
        let signature = Signature::parse(signature).map_err(said)?;
        let signer = signature.verify(namespace::TRACE, trace).map_err(said)?;
        let print = signer.fingerprint();
        let line = self.allowed.permit(signer, namespace::TRACE, self.now);
        let line = line.map_err(|denied| format!("it is signed by {print}, and {denied}"))?;
        let trace = Trace::parse(trace).map_err(|problem| format!("it is no trace: {problem}"))?;
        if trace.key != *key {
            return Err(format!("it belongs to {}", trace.key));
        }
        if trace.outcome != Outcome::Success {
            return Err("it is of an execution that failed".to_owned());
        }
        Ok((trace, line.principals.to_string()))
    }
}
