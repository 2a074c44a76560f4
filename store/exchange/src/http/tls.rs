//! Whom to trust: the authorities of the system, or those of a file that the caller names.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore, crypto};

use crate::error::{Context as _, ExchangeError, Result};

/// Where systems keep the authorities that they trust.
const PLACES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The configuration, and whether it trusts anybody.
pub(super) fn config(named: Option<&Path>) -> Result<(ClientConfig, bool)> {
    let found = PLACES.iter().map(Path::new).find(|place| place.is_file());
    let mut store = RootCertStore::empty();
    if let Some(path) = named.or(found) {
        let pem = fs::read(path).context("read", path)?;
        // Systems carry a few that nobody can read any more.
        let read = CertificateDer::pem_slice_iter(&pem).filter_map(|it| it.ok());
        store.add_parsable_certificates(read);
        if store.is_empty() && named.is_some() {
            let reason = format!("`{}` holds no certificate in PEM", path.display());
            return Err(ExchangeError::Connection { url: "the network".to_owned(), reason });
        }
    }
    let trusting = !store.is_empty();
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks both versions")
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok((config, trusting))
}

/// What to do without authorities.
pub(super) fn missing() -> String {
    let places = PLACES.join("`, `");
    format!("nobody is trusted: none of `{places}` is there; name a file of certificates in PEM")
}
