//! A bundle behind an address of the web.

use std::path::Path;

use reqwest::Url;
use rescience_digest::Hashed;

use crate::check::Check;
use crate::dir::Clash;
use crate::error::{ExchangeError, Result};
use crate::http::Http;
use crate::http::call::Call;
use crate::http::download::{Wanted, download};
use crate::token::Credentials;
use crate::watch::Watch;

/// Gets a file, from where it was cut off if need be. Nothing is known of its bytes: `check` verifies
/// them.
///
/// # Errors
/// Those of `check` too; then no file is there, or the one that was.
pub fn fetch<E: From<ExchangeError>>(
    http: &Http,
    url: &Url,
    credentials: &Credentials,
    to: &Path,
    clash: Clash,
    check: &mut Check<'_, E>,
    watch: &mut Watch<'_>,
) -> Result<Hashed, E> {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let call = Call::get(url.clone(), &name).credentials(credentials);
    let send = &mut |call: &Call<'_>, watch: &mut Watch<'_>| http.send(call, watch);
    let wanted = Wanted { to, clash, sha256: None, size: None };
    download(http, &call, wanted, check, watch, send)
}
