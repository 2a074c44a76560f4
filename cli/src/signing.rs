//! Signing with an SSH key that a researcher has already, and whose signatures count.

use std::path::Path;

use rescience_bundle::{Bundle, manifest};
use rescience_sign::allowed::AllowedSigners;
use rescience_sign::{Envelope, PublicKey, SignError, Signature, Signer, dsse, namespace, sshsig};

use crate::error::Error;
use crate::settings::Settings;

/// Opens the key to sign with: a private key, or a public one whose other half the agent has.
///
/// # Errors
/// A file that is no such key, or a key that cannot sign.
pub(crate) fn signer(settings: &Settings, key: &Path) -> Result<Signer, Error> {
    Ok(Signer::open(&settings.directory.join(key), settings.agent.as_deref())?)
}

/// The signature of a bundle's list of digests, with the name of its file.
///
/// # Errors
/// A key that does not sign.
pub(crate) fn sign_list(signer: &Signer, list: &[u8]) -> Result<(String, Vec<u8>), Error> {
    let signature = sshsig::sign(signer, namespace::BUNDLE, list)?;
    // A fingerprint is base64, and this is the name of a file.
    let name = signer.public().fingerprint().replace(':', "-").replace('/', "_");
    Ok((format!("{name}.sig"), signature.armour().into_bytes()))
}

/// Where a bundle has its signed provenance.
pub(crate) const PROVENANCE: &str = "provenance.intoto.jsonl";

/// A statement in a signed DSSE envelope, as one line.
///
/// # Errors
/// A key that does not sign.
pub(crate) fn envelope(signer: &Signer, statement: Vec<u8>) -> Result<Vec<u8>, Error> {
    let mut envelope = Envelope::new(dsse::IN_TOTO, statement);
    envelope.sign(signer, namespace::PROVENANCE)?;
    let mut line = envelope.to_json();
    line.push(b'\n');
    Ok(line)
}

/// A signature in a bundle: its file, and the key that made it if it belongs to the bundle.
pub(crate) type Found = (String, Result<PublicKey, SignError>);

/// Every signature of a bundle, checked against its list of digests.
///
/// # Errors
/// A bundle that cannot be read.
pub(crate) fn signatures(bundle: &Bundle) -> Result<Vec<Found>, Error> {
    let list = bundle.read(manifest::BLAKE3)?.unwrap_or_default();
    let names = bundle.names().filter(|name| name.starts_with(manifest::SIGNATURES));
    names
        .map(|name| {
            let bytes = bundle.read(name)?.unwrap_or_default();
            let key = Signature::parse(&bytes)
                .and_then(|it| it.verify(namespace::BUNDLE, list.as_slice()).cloned());
            Ok((name.to_owned(), key))
        })
        .collect()
}

/// Reads whose signatures count.
///
/// # Errors
/// A file that cannot be read, or the first line that is not sound.
pub(crate) fn allowed(settings: &Settings, file: &Path) -> Result<AllowedSigners, Error> {
    let path = settings.directory.join(file);
    let bytes = std::fs::read(&path).map_err(|error| Error::read(&path, &error))?;
    parse_allowed(file, &bytes)
}

/// Reads the text of such a file.
///
/// # Errors
/// The first line that is not sound.
pub(crate) fn parse_allowed(file: &Path, text: &[u8]) -> Result<AllowedSigners, Error> {
    AllowedSigners::parse(text).map_err(|error| Error::Other {
        message: format!("{}:{}: {}", file.display(), error.line, error.reason),
        help: Some("each line is `PRINCIPAL KEYTYPE KEY`, as `man ssh-keygen` says".to_owned()),
    })
}
