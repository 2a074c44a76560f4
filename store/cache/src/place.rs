//! Where a cache is, read from what a person typed.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use rescience_exchange::address::{OciAddress, Target};

/// A place that several machines can read and write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `dir:PATH`: a folder, such as one on a network file system.
    Folder(PathBuf),
    /// `s3:BUCKET[/PREFIX]`.
    Bucket {
        /// The bucket.
        bucket: String,
        /// What every name in it begins with, without a slash at its end; may be empty.
        prefix: String,
    },
    /// `oci:REGISTRY/NAME`.
    Repository {
        /// Host and port.
        registry: String,
        /// The repository in it.
        name: String,
    },
}

/// Text that names no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no place for a cache: {problem}; expected `dir:PATH`, `s3:BUCKET[/PREFIX]` or \
     `oci:REGISTRY/NAME`{}", meant(.nearest.as_ref())
)]
pub struct PlaceError {
    /// What was read.
    pub text: String,
    /// What is wrong, as a lower-case fragment.
    pub problem: String,
    /// The form that was probably meant.
    pub nearest: Option<String>,
}

fn meant(nearest: Option<&String>) -> String {
    nearest.map_or(String::new(), |nearest| format!("; did you mean `{nearest}`?"))
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Place, PlaceError> {
        let wrong = |problem: &str, nearest: Option<String>| PlaceError {
            text: text.to_owned(),
            problem: problem.to_owned(),
            nearest,
        };
        match text.split_once(':').unwrap_or((text, "")) {
            ("dir", "") => Err(wrong("the path is missing", None)),
            ("dir", path) => Ok(Place::Folder(path.into())),
            ("s3", rest) => {
                let rest = rest.trim_start_matches("//").trim_end_matches('/');
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if let Some(problem) = bucket_problem(bucket) {
                    let lower = format!("s3:{}", rest.to_lowercase());
                    let nearest = bucket_problem(&bucket.to_lowercase()).is_none().then_some(lower);
                    return Err(wrong(problem, nearest));
                }
                if !prefix.is_empty() && !prefix.split('/').all(is_segment) {
                    let problem = "a prefix is words of letters, digits, `.`, `_` and `-`, joined \
                                   by `/`";
                    return Err(wrong(problem, Some(format!("s3:{bucket}"))));
                }
                Ok(Place::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
            }
            ("oci", rest) => {
                let start = rest.rfind('/').unwrap_or(0);
                if let Some(at) = rest[start..].find([':', '@']) {
                    let nearest =
                        Some(format!("oci:{}", &rest[..start + at])).filter(|_| start > 0);
                    return Err(wrong("a cache has a tag for every key: leave it out", nearest));
                }
                // Only the tag is missing for an address of exchange.
                match format!("oci:{rest}:cache").parse() {
                    Ok(Target::Oci(OciAddress { registry, name, .. })) => {
                        Ok(Place::Repository { registry, name })
                    }
                    Ok(_) => Err(wrong("it is no registry", None)),
                    Err(error) => {
                        let nearest = error.nearest.map(|it| it.replace(":cache", ""));
                        Err(wrong(&error.problem, nearest))
                    }
                }
            }
            _ => Err(wrong("it does not say what kind of place it is", likely(text))),
        }
    }
}

/// What was probably meant by text without a known scheme.
fn likely(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    match scheme {
        "" => (!text.contains(':') && !text.is_empty()).then(|| format!("dir:{text}")),
        "file" => Some(format!("dir:{rest}")),
        "docker" => Some(format!("oci:{rest}")),
        _ => None,
    }
}

fn bucket_problem(bucket: &str) -> Option<&'static str> {
    let byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let inner = |it: u8| byte(it) || matches!(it, b'.' | b'-');
    if bucket.is_empty() {
        return Some("the bucket is missing");
    }
    let ends = [bucket.bytes().next(), bucket.bytes().next_back()];
    if !(3..=63).contains(&bucket.len())
        || !bucket.bytes().all(inner)
        || !ends.into_iter().flatten().all(byte)
    {
        return Some("a bucket is 3 to 63 lower-case letters, digits, `.` and `-`");
    }
    None
}

fn is_segment(segment: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !matches!(segment, "" | "." | "..") && segment.bytes().all(word)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Folder(path) => write!(f, "dir:{}", path.display()),
            Place::Bucket { bucket, prefix } if prefix.is_empty() => write!(f, "s3:{bucket}"),
            Place::Bucket { bucket, prefix } => write!(f, "s3:{bucket}/{prefix}"),
            Place::Repository { registry, name } => write!(f, "oci:{registry}/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_printed_as_it_is_read() {
        for text in [
            "dir:/mnt/cache",
            "dir:a b",
            "s3:lab-cache",
            "s3:lab.cache/papers/v1",
            "oci:ghcr.io/lab/cache",
            "oci:127.0.0.1:5000/cache",
        ] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
        assert_eq!("s3://lab/a/".parse::<Place>().unwrap().to_string(), "s3:lab/a");
    }

    #[test]
    fn what_is_no_place_says_what_would_be_one() {
        for (wrong, said) in [
            ("", "what kind of place it is"),
            ("cache", "did you mean `dir:cache`?"),
            ("file:///mnt/x", "did you mean `dir:/mnt/x`?"),
            ("dir:", "the path is missing"),
            ("s3:", "the bucket is missing"),
            ("s3:Lab", "did you mean `s3:lab`?"),
            ("s3:ab", "3 to 63"),
            ("s3:lab/../x", "did you mean `s3:lab`?"),
            ("s3:lab//x", "did you mean `s3:lab`?"),
            ("oci:ghcr.io/lab/cache:v1", "did you mean `oci:ghcr.io/lab/cache`?"),
            ("oci:lab/cache", "did you mean `oci:ghcr.io/lab/cache`?"),
            ("oci:ghcr.io/Lab/cache", "did you mean `oci:ghcr.io/lab/cache`?"),
            ("oci:ghcr.io", "the name in the registry is missing"),
            ("gs:lab", "what kind of place it is"),
        ] {
            let error = wrong.parse::<Place>().unwrap_err().to_string();
            assert!(error.contains(said), "{wrong}: {error}");
            assert!(error.contains("expected `dir:PATH`"), "{error}");
        }
    }
}
