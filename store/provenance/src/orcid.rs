//! ORCIDs: the numbers by which researchers are told apart.

/// The address of an ORCID that is given with or without its resolver; `None` if it is none.
pub(crate) fn url(text: &str) -> Option<String> {
    let text = text.trim();
    let resolvers = ["https://orcid.org/", "http://orcid.org/", "orcid.org/"];
    let id = resolvers.iter().find_map(|it| text.strip_prefix(it)).unwrap_or(text);
    is_orcid(id).then(|| format!("https://orcid.org/{id}"))
}

/// Four groups of four, of which the last character is the check of ISO 7064 over the others.
fn is_orcid(id: &str) -> bool {
    let grouped = id.len() == 19 && [4, 9, 14].iter().all(|at| id.as_bytes()[*at] == b'-');
    let characters: Vec<char> = id.chars().filter(|c| *c != '-').collect();
    let Some((check, digits)) = characters.split_last() else { return false };
    if !grouped || digits.len() != 15 {
        return false;
    }
    let mut total = 0;
    for digit in digits {
        let Some(digit) = digit.to_digit(10) else { return false };
        total = (total + digit) * 2;
    }
    match (12 - total % 11) % 11 {
        10 => *check == 'X',
        expected => check.to_digit(10) == Some(expected),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orcid_is_read_in_any_form_and_checked() {
        let address = "https://orcid.org/0000-0002-1825-0097";
        for form in ["0000-0002-1825-0097", address, " http://orcid.org/0000-0002-1825-0097"] {
            assert_eq!(url(form).as_deref(), Some(address), "{form}");
        }
        assert!(url("0000-0002-1694-233X").is_some());
        for bad in ["0000-0002-1825-0098", "", "0000-0000", "https://evil/0000-0002-1825-0097"] {
            assert_eq!(url(bad), None, "{bad}");
        }
    }
}
