//! Paths of a project as recipes write them: relative, with `/`, never leaving the project.

/// Why text is no path below a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    /// It is empty, or names the directory itself.
    #[error("it names the directory itself")]
    Empty,
    /// It begins at the root of the file system or at a drive.
    #[error("it is absolute")]
    Absolute,
    /// It goes up with `..`.
    #[error("it leaves the directory with `..`")]
    Escapes,
    /// It holds a backslash or a control character.
    #[error("it holds a backslash or a control character")]
    Character,
}

/// Checks a path and writes it in its one form: `./a//b/` is `a/b`.
pub(crate) fn normal(text: &str) -> Result<String, PathError> {
    if text.contains(|c: char| c == '\\' || c.is_control()) {
        return Err(PathError::Character);
    }
    let drive = text.as_bytes().get(1) == Some(&b':') && text.as_bytes()[0].is_ascii_alphabetic();
    if text.starts_with('/') || text.starts_with('~') || drive {
        return Err(PathError::Absolute);
    }
    let mut path = String::with_capacity(text.len());
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(PathError::Escapes),
            part => {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(part);
            }
        }
    }
    if path.is_empty() { Err(PathError::Empty) } else { Ok(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_form_and_stay_inside() {
        assert_eq!(normal("./a//b/"), Ok("a/b".to_owned()));
        assert_eq!(normal("a..b/.c"), Ok("a..b/.c".to_owned()));
        assert_eq!(normal("../a"), Err(PathError::Escapes));
        assert_eq!(normal("a/../../b"), Err(PathError::Escapes));
        assert_eq!(normal("/a"), Err(PathError::Absolute));
        assert_eq!(normal("c:/a"), Err(PathError::Absolute));
        assert_eq!(normal("~/a"), Err(PathError::Absolute));
        assert_eq!(normal("a\\b"), Err(PathError::Character));
        assert_eq!(normal("."), Err(PathError::Empty));
        assert_eq!(normal(""), Err(PathError::Empty));
    }
}
