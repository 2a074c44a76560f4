//! How a registry asks for a token: `WWW-Authenticate`, read.

use std::collections::BTreeMap;

/// What a registry wants to see.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A name and a password.
    Basic,
    /// A token, which another server gives out.
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

/// Reads one header; none if it asks for anything else.
pub(super) fn parse(header: &str) -> Option<Challenge> {
    let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut fields = fields(rest);
    let (service, scope) = (fields.remove("service"), fields.remove("scope"));
    Some(Challenge::Bearer { realm: fields.remove("realm")?, service, scope })
}

/// `name="value"`, separated by commas, which values may hold too.
fn fields(mut rest: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([',', ' ']).to_ascii_lowercase();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        fields.insert(name, value.trim().to_owned());
        rest = after;
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_names_who_gives_tokens_out() {
        let header =
            r#"Bearer realm="https://a.org/token",service="a.org",scope="repository:b:pull,push""#;
        let text = |text: &str| text.to_owned();
        let bearer = |scope: Option<&str>| Challenge::Bearer {
            realm: text("https://a.org/token"),
            service: Some(text("a.org")),
            scope: scope.map(text),
        };
        assert_eq!(parse(header), Some(bearer(Some("repository:b:pull,push"))));
        assert_eq!(parse("bearer realm=https://a.org/token, service=a.org"), Some(bearer(None)));
        assert_eq!(parse(r#"Basic realm="r""#), Some(Challenge::Basic));
        for odd in ["", "Bearer", "Bearer realm", "Negotiate abc", r#"Bearer service="x"#] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }
}
