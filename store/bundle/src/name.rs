//! Which paths a bundle may hold: those that mean the same file, inside the folder, everywhere.
//!
//! A bundle is written on Linux and unpacked anywhere. What Windows or macOS would only refuse is
//! taken; what they would take for another file, a device or a stream of one is not.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;

/// The longest path in bytes: what every common file system takes.
const LONGEST: usize = 1024;

/// The longest part of one, in bytes.
const LONGEST_PART: usize = 255;

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
    if name.contains(':') {
        return Some("the path holds a colon, which names a drive or a stream on Windows");
    }
    name.split('/').find_map(|part| match part {
        "" => Some("the path names a directory or has an empty part"),
        "." | ".." => Some("the path leaves its folder with `.` or `..`"),
        _ if part.len() > LONGEST_PART => Some("a part of the path is longer than 255 bytes"),
        _ if part.ends_with(['.', ' ']) => {
            Some("a part of the path ends with a dot or a blank, which Windows drops")
        }
        _ if is_device(part) => Some("a part of the path is the name of a device on Windows"),
        _ => None,
    })
}

/// Whether Windows opens a device under this name, whatever extension it has.
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).trim_end().to_ascii_uppercase();
    match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" => true,
        _ => stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT")).is_some_and(|port| {
            let mut digits = port.chars();
            matches!((digits.next(), digits.next()), (Some('1'..='9' | '¹' | '²' | '³'), None))
        }),
    }
}

/// A path as the file systems see it that tell neither case nor the ways to write an accent apart.
///
/// Upper case first, as `ſ` and `ß` differ from `s` and `ss` in lower case alone.
fn folded(name: &str) -> String {
    name.nfd().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

/// The paths of one bundle: none twice, none in the way of another, on no file system.
#[derive(Debug, Default)]
pub struct Names {
    /// Every path and every folder of one, folded, with its own spelling.
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
            let key = folded(folder);
            match self.taken.get(&key) {
                Some((other, true)) if other == folder => {}
                Some((other, true)) => return Err(clash(other)),
                Some((other, false)) => return Err(format!("`{other}` is a file")),
                None => {
                    self.taken.insert(key, (folder.to_owned(), true));
                }
            }
        }
        let key = folded(name);
        match self.taken.get(&key) {
            None => {
                self.taken.insert(key, (name.to_owned(), false));
                Ok(())
            }
            Some((other, false)) if other == name => Err("the path is there twice".to_owned()),
            Some((other, true)) if other == name => Err(format!("`{other}` is a folder")),
            Some((other, _)) => Err(clash(other)),
        }
    }
}

fn clash(other: &str) -> String {
    format!("it differs from `{other}` only in case or in how its accents are written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_inside_the_folder_are_names() {
        for good in ["a", "a/b.json", "ä/…", ".gitignore", "a b/c", "what?.txt"] {
            assert_eq!(problem(good), None, "{good}");
        }
        for bad in ["", "/a", "..", "a/../b", "./a", "a//b", "a/", "a\\b", "c:/x", "a\nb", "a\0"] {
            assert!(problem(bad).is_some(), "{bad:?}");
        }
        assert!(problem(&"x/".repeat(LONGEST / 2)).is_some());
        assert!(problem(&format!("{}x", "x/".repeat(LONGEST / 2))).is_some());
        assert_eq!(problem(&"x".repeat(LONGEST_PART)), None);
        assert!(problem(&format!("a/{}/b", "ä".repeat(LONGEST_PART / 2 + 1))).is_some());
    }

    #[test]
    fn names_that_mean_something_else_on_windows_are_refused() {
        for bad in [
            "a:b",
            "a/b:stream",
            "a.",
            "a /b",
            "a/b..",
            "nul",
            "a/Con.txt",
            "com1",
            "LPT9.x",
            "aux .tar.gz",
            "COM²",
        ] {
            assert!(problem(bad).is_some(), "{bad}");
        }
        for good in ["console", "COM", "com0", "com10", "a.nul", " a", ".a", "aux-b", "lptx"] {
            assert_eq!(problem(good), None, "{good}");
        }
    }

    #[test]
    fn paths_that_some_file_system_confuses_are_refused() {
        let mut names = Names::default();
        for good in ["a/b", "a/c", "\u{e4}/x", "stra\u{df}e", "\u{3c3}"] {
            names.take(good).unwrap();
        }
        for (bad, why) in [
            ("a/b", "twice"),
            ("A/d", "case"),
            ("a/B", "case"),
            ("a", "folder"),
            ("a/b/c", "file"),
            ("a\u{308}/y", "accents"),
            ("A\u{308}/x", "accents"),
            ("STRASSE", "case"),
            ("\u{3c2}", "case"),
        ] {
            assert!(names.take(bad).unwrap_err().contains(why), "{bad}");
        }
    }
}
