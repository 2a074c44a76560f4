//! Licences: SPDX expressions, and what each format can say of them.

/// The identifiers that CITATION.cff 1.2.0 knows, a line each, from its schema.
const CFF: &str = include_str!("cff-licenses.txt");

/// The page of a licence, if the expression is one identifier of the SPDX list's form.
pub(crate) fn url(expression: &str) -> Option<String> {
    let id = expression.trim();
    is_id(id).then(|| format!("https://spdx.org/licenses/{id}"))
}

/// The licences among which one may choose, spelled as CITATION.cff does; `None` where it cannot
/// say what the expression says.
pub(crate) fn choices(expression: &str) -> Option<Vec<&'static str>> {
    let ids = expression.split(" OR ").map(str::trim);
    let mut choices = Vec::new();
    for id in ids {
        let known = CFF.lines().find(|known| known.eq_ignore_ascii_case(id))?;
        if !choices.contains(&known) {
            choices.push(known);
        }
    }
    Some(choices)
}

fn is_id(text: &str) -> bool {
    let ordinary = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    !text.is_empty()
        && text.bytes().all(ordinary)
        && !text.starts_with("LicenseRef-")
        && !["NONE", "NOASSERTION"].contains(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_identifier_has_a_page() {
        assert_eq!(url("CC-BY-4.0").unwrap(), "https://spdx.org/licenses/CC-BY-4.0");
        for none in ["MIT OR Apache-2.0", "", "LicenseRef-mine", "all rights reserved", "NONE"] {
            assert_eq!(url(none), None, "{none}");
        }
    }

    #[test]
    fn a_citation_can_offer_choices_of_what_it_knows() {
        assert_eq!(choices("MIT OR apache-2.0 OR MIT").unwrap(), ["MIT", "Apache-2.0"]);
        for none in ["MIT AND Zlib", "(MIT OR Zlib)", "", "LicenseRef-mine", "MIT OR unknown"] {
            assert_eq!(choices(none), None, "{none}");
        }
    }
}
