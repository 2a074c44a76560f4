//! Which paths a bundle may hold: those that mean the same file, inside the folder, everywhere.

use std::collections::BTreeMap;

/// The longest path in bytes: what every common file system takes.
const LONGEST: usize = 1024;

/// What is wrong with a path, as a lower-case fragment; none if a bundle may hold it.
pub fn problem(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("the path is empty");
    }
    if name.len() > LONGEST {
        return Some("the path is longer than 1024 bytes");
    }
    if name.starts_with('/') {
        return Some("the path is absolute");
    }
    if name.chars().any(|c| c.is_control() || c == '\\') {
        return Some("the path holds a backslash or a control character");
    }
    for part in name.split('/') {
        match part {
            "" => return Some("the path names a directory or has an empty part"),
            "." | ".." => return Some("the path leaves its folder with `.` or `..`"),
            _ if part.as_bytes().get(1) == Some(&b':') => {
                return Some("the path names a drive");
            }
            _ => {}
        }
    }
    None
}

/// The paths of one bundle: none twice, none in the way of another, on no file system.
#[derive(Debug, Default)]
pub struct Names {
    /// Every path and every folder of one, in lower case, with its own spelling.
    taken: BTreeMap<String, (String, bool)>,
}

impl Names {
    /// Takes a path.
    ///
    /// # Errors
    /// As a fragment, why it cannot stand beside those that were taken.
    pub fn take(&mut self, name: &str) -> Result<(), String> {
        if let Some(problem) = problem(name) {
            return Err(problem.to_owned());
        }
        for (at, _) in name.match_indices('/') {
            let folder = &name[..at];
            match self.taken.get(&folder.to_lowercase()) {
                Some((other, true)) if other == folder => {}
                Some((other, true)) => return Err(clash(other)),
                Some((other, false)) => return Err(format!("`{other}` is a file")),
                None => {
                    self.taken.insert(folder.to_lowercase(), (folder.to_owned(), true));
                }
            }
        }
        match self.taken.get(&name.to_lowercase()) {
            None => {
                self.taken.insert(name.to_lowercase(), (name.to_owned(), false));
                Ok(())
            }
            Some((other, false)) if other == name => Err("the path is there twice".to_owned()),
            Some((other, true)) if other == name => Err(format!("`{other}` is a folder")),
            Some((other, _)) => Err(clash(other)),
        }
    }
}

fn clash(other: &str) -> String {
    format!("it differs from `{other}` only in case")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_inside_the_folder_are_names() {
        for good in ["a", "a/b.json", "ä/…", ".gitignore", "a b/c"] {
            assert_eq!(problem(good), None, "{good}");
        }
        for bad in ["", "/a", "..", "a/../b", "./a", "a//b", "a/", "a\\b", "c:/x", "a\nb", "a\0"] {
            assert!(problem(bad).is_some(), "{bad:?}");
        }
        assert!(problem(&"x".repeat(LONGEST + 1)).is_some());
    }

    #[test]
    fn paths_that_some_file_system_confuses_are_refused() {
        let mut names = Names::default();
        names.take("a/b").unwrap();
        names.take("a/c").unwrap();
        for (bad, why) in
            [("a/b", "twice"), ("A/d", "case"), ("a/B", "case"), ("a", "folder"), ("a/b/c", "file")]
        {
            assert!(names.take(bad).unwrap_err().contains(why), "{bad}");
        }
    }
}
