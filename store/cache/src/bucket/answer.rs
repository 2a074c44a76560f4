//! What the storage answered, made short and plain, and what to do.

use std::error::Error as _;

use object_store::Error;

/// The most characters of an answer that are shown.
const LONGEST: usize = 300;

/// What comes before the status in the words of `object_store`.
const STATUS: &str = "status code: ";

/// Whether the file is missing, and not the bucket.
pub(super) fn is_missing(error: &Error) -> bool {
    matches!(error, Error::NotFound { .. }) && !is_bucket(error)
}

fn is_bucket(error: &Error) -> bool {
    error.to_string().contains("NoSuchBucket")
}

/// Why it failed, as a lower-case fragment.
pub(super) fn reason(error: &Error) -> String {
    let text = error.to_string();
    if let Some((_, answer)) = text.split_once(STATUS) {
        let (status, body) = answer.split_once(": ").unwrap_or((answer, ""));
        let said: Vec<&str> =
            ["Code", "Message"].into_iter().filter_map(|name| element(body, name)).collect();
        let said = if said.is_empty() { String::new() } else { format!(" ({})", said.join(": ")) };
        return plain(&format!("it answered {status}{said}"));
    }
    let mut innermost = error.source();
    while let Some(next) = innermost.and_then(|error| error.source()) {
        innermost = Some(next);
    }
    plain(&innermost.map_or(text, ToString::to_string))
}

/// What to do, as a lower-case fragment.
pub(super) fn advice(error: &Error, key_id: Option<&str>) -> String {
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            let who = match key_id {
                Some(key_id) => format!("it was asked with the access key `{key_id}`"),
                None => "it was asked without an access key".to_owned(),
            };
            format!(
                "{who}: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` are looked for, and \
                 `AWS_SESSION_TOKEN` where the key is temporary; the key must be allowed to list, \
                 read and write"
            )
        }
        error if is_bucket(error) => {
            "make the bucket, or look at its name and at `AWS_ENDPOINT_URL`".to_owned()
        }
        _ => "look at `AWS_ENDPOINT_URL` and `AWS_REGION`, or try again later".to_owned(),
    }
}

/// The text of an element in the XML of an answer.
fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    rest.split_once('<').map(|(text, _)| text).filter(|text| !text.is_empty())
}

/// One line, bounded, without characters that a terminal obeys.
fn plain(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = text.trim();
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}\u{2026}", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(body: &str) -> Error {
        let source = format!("Error performing GET u in 1ms - {STATUS}403 Forbidden: {body}");
        Error::PermissionDenied { path: "p".to_owned(), source: source.into() }
    }

    #[test]
    fn an_answer_is_one_short_line() {
        let xml = "<Error><Code>AccessDenied</Code><Message>no\x1b[31m</Message></Error>";
        assert_eq!(
            reason(&denied(xml)),
            "it answered 403 Forbidden (AccessDenied: no [31m)",
            "no escape reaches a terminal"
        );
        assert_eq!(reason(&denied("<html>")), "it answered 403 Forbidden");
        let long = format!("<Code>{}</Code>", "x".repeat(4000));
        assert_eq!(reason(&denied(&long)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn who_is_denied_learns_which_credentials_are_looked_for() {
        let said = advice(&denied(""), Some("AKIA"));
        assert!(said.contains("access key `AKIA`") && said.contains("`AWS_SECRET_ACCESS_KEY`"));
        assert!(advice(&denied(""), None).contains("without an access key"));
    }
}
