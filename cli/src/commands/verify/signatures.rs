//! Who has signed a bundle, and whether that counts.

use jiff::Timestamp;
use rescience_bundle::Bundle;
use rescience_provenance::slsa;
use rescience_sign::allowed::AllowedSigners;
use rescience_sign::{Envelope, PublicKey, dsse, namespace};
use serde_json::json;

use super::Report;
use crate::error::Error;
use crate::signing;

/// Checks every signature; with a list of allowed signers, one of them has to have signed the list of
/// the bundle's files, and whoever signed its provenance has to be one of them.
pub(super) fn check(
    report: &mut Report<'_>,
    bundle: &Bundle,
    allowed: Option<&AllowedSigners>,
    now: Timestamp,
) -> Result<(), Error> {
    let (mut counted, mut all) = (0, 0);
    for (file, key) in signing::signatures(bundle)? {
        match key {
            Ok(key) => {
                all += 1;
                counted += usize::from(tell(report, &file, &key, namespace::BUNDLE, allowed, now));
            }
            Err(error) => problem(report, &file, &error.to_string()),
        }
    }
    let provenance = bundle.read(signing::PROVENANCE)?;
    match &provenance {
        Some(bytes) => match provenance_keys(bundle, bytes)? {
            Ok(keys) => {
                for key in keys {
                    tell(report, signing::PROVENANCE, &key, namespace::PROVENANCE, allowed, now);
                }
            }
            Err(why) => problem(report, signing::PROVENANCE, &why),
        },
        None if all == 0 => report.shell.note("nobody has signed it"),
        None => {}
    }
    if provenance.is_some() && all == 0 {
        // Signatures are not on the list: whoever takes one away leaves no other trace.
        let why = "somebody has signed it, and the signature of the list is gone";
        problem(report, signing::PROVENANCE, why);
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

fn problem(report: &mut Report<'_>, file: &str, message: &str) {
    let value = json!({ "problem": "signature", "file": file, "message": message });
    report.problem(format_args!("`{file}`: {message}"), &[], value);
}

/// Who has signed the provenance beside it; or why nobody has.
fn provenance_keys(bundle: &Bundle, bytes: &[u8]) -> Result<Result<Vec<PublicKey>, String>, Error> {
    let envelope = match Envelope::parse(bytes) {
        Ok(envelope) => envelope,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let statement = bundle.read(slsa::PATH)?.unwrap_or_default();
    if envelope.payload_type() != dsse::IN_TOTO || envelope.payload() != statement {
        return Ok(Err(format!("what is signed there is not `{}`", slsa::PATH)));
    }
    let keys: Result<Vec<PublicKey>, _> =
        envelope.keys(namespace::PROVENANCE).into_iter().collect();
    Ok(match keys {
        Ok(keys) if keys.is_empty() => Err("nobody has signed it".to_owned()),
        keys => keys.map_err(|error| error.to_string()),
    })
}

/// Tells who has signed. Returns whether that counts; a stranger beside those who count is no problem,
/// since anybody can add a signature.
fn tell(
    report: &mut Report<'_>,
    file: &str,
    key: &PublicKey,
    namespace: &str,
    allowed: Option<&AllowedSigners>,
    now: Timestamp,
) -> bool {
    let print = key.fingerprint();
    let who = allowed.map(|allowed| allowed.permit(key, namespace, now));
    let principals = match &who {
        Some(Ok(signer)) => Some(signer.principals.to_string()),
        _ => None,
    };
    match &who {
        // Whoever signed the list has signed all that it names.
        None if file == signing::PROVENANCE => {
            report.shell.detail("Signed", format_args!("by {print}: {file}"));
        }
        None => report.shell.note(format_args!(
            "signed by {print}; `--allowed-signers FILE` says whose key that is"
        )),
        Some(Ok(signer)) => report
            .shell
            .status("Signed", format_args!("by {print}, the key of {}: {file}", signer.principals)),
        Some(Err(denied)) => {
            report.shell.note(format_args!("`{file}` is signed by {print}, and {denied}"));
        }
    }
    if report.json {
        report.shell.data(json!({
            "reason": "signed", "file": file, "key": print, "namespace": namespace,
            "principals": principals,
        }));
    }
    principals.is_some()
}
