//! A bundle behind an address of the web.

use std::path::Path;

use reqwest::Url;
use rescience_digest::Hashed;

use crate::dir::Clash;
use crate::error::Result;
use crate::http::Http;
use crate::http::call::Call;
use crate::http::download::{Expected, download};
use crate::token::Credentials;
use crate::watch::Watch;

/// Gets a file, from where it was cut off if need be. Nothing is known of its bytes: whoever opens
/// the bundle verifies them.
pub fn fetch(
    http: &Http,
    url: &Url,
    credentials: &Credentials,
    to: &Path,
    clash: Clash,
    watch: &mut Watch<'_>,
) -> Result<Hashed> {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let call = Call::get(url.clone(), &name).credentials(credentials);
    let send = &mut |call: &Call<'_>, watch: &mut Watch<'_>| http.send(call, watch);
    download(http, &call, to, Expected::default(), clash, watch, send)
}
