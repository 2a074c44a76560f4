//! Who has signed a bundle, and whether that counts.

use jiff::Timestamp;
use rescience_bundle::Bundle;
use rescience_sign::allowed::AllowedSigners;
use rescience_sign::{Envelope, namespace};
use serde_json::json;

use super::Report;
use crate::error::Error;
use crate::signing;

/// Checks every signature; with a list of allowed signers, one of them has to have signed.
pub(super) fn check(
    report: &mut Report<'_>,
    bundle: &Bundle,
    allowed: Option<&AllowedSigners>,
    now: Timestamp,
) -> Result<(), Error> {
    let (mut counted, mut all) = (0, 0);
    for (file, key) in signing::signatures(bundle)? {
        all += 1;
        let mut problem = |message: String| {
            let value = json!({ "problem": "signature", "file": file, "message": message });
            report.problem(format_args!("`{file}`: {message}"), &[], value);
        };
        let key = match key {
            Ok(key) => key,
            Err(error) => {
                problem(error.to_string());
                continue;
            }
        };
        let print = key.fingerprint();
        let Some(allowed) = allowed else {
            report.shell.note(format_args!(
                "signed by {print}; `--allowed-signers FILE` says whose key that is"
            ));
            continue;
        };
        let who: Vec<String> =
            allowed.find(&key, namespace::BUNDLE, now).map(ToString::to_string).collect();
        if who.is_empty() {
            problem(format!("{print} may not sign bundles, or not now"));
        } else {
            counted += 1;
            report.shell.status("Signed", format_args!("by {} ({print})", who.join(", ")));
        }
    }
    if let Some(bytes) = bundle.read(signing::PROVENANCE)? {
        let keys = Envelope::parse(&bytes).map(|envelope| envelope.keys(namespace::PROVENANCE));
        let wrong = keys.map(|keys| keys.into_iter().find_map(Result::err));
        if let Some(error) = wrong.unwrap_or_else(Some) {
            let (file, message) = (signing::PROVENANCE, error.to_string());
            let value = json!({ "problem": "signature", "file": file, "message": message });
            report.problem(format_args!("`{file}`: {message}"), &[], value);
        }
    }
    if allowed.is_some() && counted == 0 {
        let value = json!({ "problem": "signature", "message": "no allowed signer" });
        report.problem("none of the allowed signers has signed it", &[], value);
    }
    if all > 0 {
        report.count("signatures", all);
    }
    Ok(())
}
