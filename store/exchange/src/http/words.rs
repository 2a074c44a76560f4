//! What servers and connections say, made short, plain and free of secrets.

use std::error::Error;

use reqwest::Url;
use serde_json::Value;

/// The most characters of a server's words that are shown.
const LONGEST: usize = 400;

/// An address without what may give access: user, password, query.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_username("").ok();
    url.set_password(None).ok();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// Why a connection failed: the innermost reason, which names no address.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    let mut innermost: Option<&dyn Error> = error.source();
    while let Some(next) = innermost.and_then(Error::source) {
        innermost = Some(next);
    }
    match innermost {
        _ if error.is_timeout() && error.is_connect() => "nobody answered in time".to_owned(),
        Some(reason) => plain(&reason.to_string()),
        None => "the connection failed".to_owned(),
    }
}

/// The message in a body: that of its JSON, else its text.
pub(crate) fn of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(json) => message(&json).unwrap_or_else(|| text.into_owned()),
        // A page for people is no message.
        Err(_) if text.trim_start().starts_with('<') => String::new(),
        Err(_) => text.into_owned(),
    };
    plain(&text)
}

/// `message` and whatever `errors` say of single fields, as Zenodo, registries and token servers
/// write them.
fn message(json: &Value) -> Option<String> {
    let mut parts = Vec::new();
    for key in ["message", "error_description", "details"] {
        parts.extend(json[key].as_str().map(str::to_owned));
    }
    for error in json["errors"].as_array().into_iter().flatten() {
        let text = |key: &str| error[key].as_str().filter(|text| !text.is_empty());
        let said = text("message").map(str::to_owned).or_else(|| {
            let said: Vec<&str> =
                error["messages"].as_array()?.iter().filter_map(Value::as_str).collect();
            Some(said.join(", "))
        });
        let Some(said) = said.or_else(|| text("code").map(str::to_owned)) else { continue };
        parts.push(match text("field") {
            Some(field) => format!("{field}: {said}"),
            None => said,
        });
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// One line, bounded, without characters that a terminal obeys.
pub(crate) fn plain(text: &str) -> String {
    let mut line = String::new();
    for (nth, word) in text.split(|c: char| c.is_whitespace() || c.is_control()).enumerate() {
        if !word.is_empty() {
            line.push_str(if nth > 0 && !line.is_empty() { " " } else { "" });
            line.push_str(word);
        }
    }
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}\u{2026}", &line[..at]),
        None => line,
    }
}

/// What to do after such an answer, as a lower-case fragment.
pub(super) fn advice(status: u16) -> &'static str {
    match status {
        300..=399 => "use the address that it leads to",
        401 => "the token is missing, wrong or expired",
        403 => "the token may not do this: look at its scopes",
        404 => "look at the address, and whether the token may see it",
        409 | 412 => "somebody else changed it in the meantime: look at it and try again",
        413 => "it is too large for this server",
        429 => "too many requests: try again later",
        500..=599 => "the server has a problem: try again later",
        _ => "the server does not take this request as it is",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_server_are_one_short_line() {
        let zenodo = br#"{"status":400,"message":"Validation error.","errors":[{"field":"metadata.title","message":"Missing."}]}"#;
        assert_eq!(of(zenodo), "Validation error.; metadata.title: Missing.");
        let newer = br#"{"errors":[{"field":"title","messages":["a","b"]}]}"#;
        assert_eq!(of(newer), "title: a, b");
        let registry = br#"{"errors":[{"code":"DENIED","message":"not yours","detail":{}}]}"#;
        assert_eq!(of(registry), "not yours");
        assert_eq!(of(b"<html><body>Bad Gateway"), "");
        assert_eq!(of(b"no\x1b[31m\r\n way"), "no [31m way");
        assert_eq!(of("\u{e4}".repeat(900).as_bytes()).chars().count(), LONGEST + 1);
    }

    #[test]
    fn an_address_is_shown_without_what_gives_access() {
        let url = Url::parse("https://me:secret@a.org/b?token=secret#secret").unwrap();
        assert_eq!(shown(&url), "https://a.org/b");
    }
}
