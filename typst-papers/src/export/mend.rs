//! What the standards refuse, said for authors: what is wrong, and what to write.

use crate::problem::Problem;

/// Says a refusal of the PDF standards in the words of somebody who writes a paper.
pub(crate) fn mended(mut problem: Problem) -> Problem {
    let Some(refused) = problem.message.strip_prefix("PDF/").and_then(|rest| {
        let (standards, message) = rest.split_once(" error: ")?;
        Some((format!("PDF/{standards}"), message.to_owned()))
    }) else {
        return problem;
    };
    let (standards, message) = refused;
    let (message, hint) = said(&message);
    problem.message = message;
    if let Some(hint) = hint {
        problem.hints = vec![hint.to_owned()];
    }
    problem.hints.push(format!("papers are {standards} files, which do not allow it"));
    problem
}

fn said(message: &str) -> (String, Option<&'static str>) {
    if message == "missing alt text" {
        return (
            "this picture has no words for those who cannot see it".to_owned(),
            Some("write alt: \"what it shows\" among its arguments"),
        );
    }
    if let Some(rest) = message.strip_prefix("the text ")
        && let Some((text, _)) = rest.split_once(" could not be displayed with ")
    {
        return (
            format!("no font of the paper has the letter {text}"),
            Some(
                "papers see embedded fonts only: Libertinus Serif, New Computer Modern and \
                 DejaVu Sans Mono; write it in Latin, Greek or Cyrillic letters",
            ),
        );
    }
    if message.starts_with("skipped from heading level") {
        return (message.to_owned(), Some("leave out no level: below `=` comes `==`"));
    }
    if message == "the first heading must be of level 1" {
        return (message.to_owned(), Some("write `= Title` for the first section"));
    }
    if message.starts_with("cannot combine underline, overline, or strike") {
        return (
            "two lines through or along one text".to_owned(),
            Some("keep one of underline, overline and strike"),
        );
    }
    (message.to_owned(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_tell_authors_what_to_write() {
        let problem = mended(Problem::error("PDF/A-3a, PDF/UA-1 error: missing alt text"));
        assert_eq!(
            problem.to_string(),
            "error: this picture has no words for those who cannot see it\n  \
             hint: write alt: \"what it shows\" among its arguments\n  \
             hint: papers are PDF/A-3a, PDF/UA-1 files, which do not allow it"
        );
        let letter =
            "PDF/A-3a error: the text \"中\" could not be displayed with the font Libertinus Serif";
        let problem = mended(Problem::error(letter));
        assert_eq!(problem.message, "no font of the paper has the letter \"中\"");
        assert_eq!(mended(Problem::error("something else")), Problem::error("something else"));
    }
}
