//! Where a bundle goes to and comes from, read from what a person typed.

mod oci;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use reqwest::Url;

pub(crate) use oci::is_loopback;
pub use oci::{OciAddress, Version};

/// Where a bundle is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `dir:PATH`: a folder that the zip is copied into.
    Folder(PathBuf),
    /// `git:REMOTE[#BRANCH]`.
    Git(GitAddress),
    /// `oci:REGISTRY/NAME:TAG`.
    Oci(OciAddress),
    /// `zenodo`, `zenodo:sandbox`, or `zenodo:` and the address of another server's API.
    Zenodo(Site),
}

/// Where a bundle is fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A path, with or without `dir:`: a zip, or the folder that holds one or that one was unpacked to.
    Path(PathBuf),
    /// `git:REMOTE[#BRANCH]`, where a tag may stand for the branch.
    Git(GitAddress),
    /// `oci:REGISTRY/NAME:TAG`, or a digest for the tag.
    Oci(OciAddress),
    /// `https:...` or `http:...`: the zip itself.
    Web(Url),
}

impl Origin {
    /// The host that is asked, with its port where the address names one; none if only this machine
    /// is, or nobody who would look at a token.
    pub fn host(&self) -> Option<String> {
        let of = |url: &Url| {
            let host = url.host_str()?.to_owned();
            Some(url.port().map_or(host.clone(), |port| format!("{host}:{port}")))
        };
        match self {
            Origin::Path(_) => None,
            Origin::Oci(address) => Some(address.registry.clone()),
            Origin::Web(url) => of(url),
            Origin::Git(address) => {
                let url = Url::parse(&address.remote).ok();
                url.filter(|url| matches!(url.scheme(), "http" | "https")).as_ref().and_then(of)
            }
        }
    }
}

/// A branch or a tag of a git remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitAddress {
    /// As git takes it: an address or a path.
    pub remote: String,
    /// The branch: [`GitAddress::BRANCH`] unless another was named.
    pub branch: String,
}

impl GitAddress {
    /// The branch of an address that names none. Not `main`: a bundle replaces all files of its
    /// branch.
    pub const BRANCH: &'static str = "bundle";
}

/// Which Zenodo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Site {
    /// The archive: what is published there stays.
    Zenodo,
    /// The place to try things: its DOIs lead nowhere, and it is emptied at any time.
    Sandbox,
    /// Another server that speaks the same API, by the address that ends in `/api/`.
    At(Url),
}

/// Text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct AddressError {
    /// What was read, without passwords.
    pub text: String,
    /// What is wrong, as a lower-case fragment.
    pub problem: String,
    /// The forms that would do.
    pub expected: &'static str,
    /// The form that was probably meant.
    pub nearest: Option<String>,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AddressError { text, problem, expected, nearest } = self;
        write!(f, "`{text}` is no address: {problem}; expected {expected}")?;
        nearest.as_ref().map_or(Ok(()), |nearest| write!(f, "; did you mean `{nearest}`?"))
    }
}

const TARGETS: &str =
    "`dir:PATH`, `git:REMOTE[#BRANCH]`, `oci:REGISTRY/NAME:TAG`, `zenodo` or `zenodo:sandbox`";
const ORIGINS: &str =
    "a path, `git:REMOTE[#BRANCH]`, `oci:REGISTRY/NAME:TAG`, or an address with `https:`";
const SCHEMES: [&str; 4] = ["dir", "git", "oci", "zenodo"];

impl FromStr for Target {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Target, AddressError> {
        let wrong = |problem: &str, nearest| error(text, problem, TARGETS, nearest);
        match text.split_once(':').unwrap_or((text, "")) {
            ("dir", "") => Err(wrong("the path is missing", Some("dir:.".to_owned()))),
            ("dir", path) => Ok(Target::Folder(path.into())),
            ("git", rest) => git(text, rest, TARGETS).map(Target::Git),
            ("oci", rest) => match OciAddress::parse(text, rest, TARGETS)? {
                OciAddress { version: Version::Digest(_), .. } => {
                    Err(wrong("a digest cannot be published to: name a tag", None))
                }
                address => Ok(Target::Oci(address)),
            },
            ("zenodo", _) if text == "zenodo" => Ok(Target::Zenodo(Site::Zenodo)),
            ("zenodo", "sandbox") => Ok(Target::Zenodo(Site::Sandbox)),
            ("zenodo", rest) if rest.ends_with("/api/") => match Url::parse(rest) {
                Ok(url) if url.password().is_some() || !url.username().is_empty() => {
                    Err(wrong("a password has no place in an address: give it apart", None))
                }
                Ok(url) if matches!(url.scheme(), "http" | "https") => {
                    Ok(Target::Zenodo(Site::At(url)))
                }
                Ok(_) => Err(wrong("its API is spoken over `https:`", None)),
                Err(reason) => Err(wrong(&reason.to_string(), None)),
            },
            ("zenodo", rest) => {
                let nearest = if rest.starts_with('s') { "zenodo:sandbox" } else { "zenodo" };
                Err(wrong("there is one other Zenodo, the sandbox", Some(nearest.to_owned())))
            }
            (scheme, rest) => Err(wrong("it does not say what kind of place it is", {
                likely(text, scheme, rest).or_else(|| Some(format!("dir:{text}")))
            })),
        }
    }
}

impl FromStr for Origin {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Origin, AddressError> {
        let wrong = |problem: &str, nearest| error(text, problem, ORIGINS, nearest);
        match text.split_once(':').unwrap_or((text, "")) {
            ("", _) | ("dir", "") => Err(wrong("the path is missing", Some(".".to_owned()))),
            ("dir", path) => Ok(Origin::Path(path.into())),
            ("git", rest) => git(text, rest, ORIGINS).map(Origin::Git),
            ("oci", rest) => OciAddress::parse(text, rest, ORIGINS).map(Origin::Oci),
            ("http" | "https", _) => match Url::parse(text) {
                Ok(url) if url.password().is_some() || !url.username().is_empty() => {
                    Err(wrong("a password has no place in an address: give it apart", None))
                }
                Ok(url) => Ok(Origin::Web(url)),
                Err(reason) => Err(wrong(&reason.to_string(), None)),
            },
            ("zenodo", _) => {
                let problem = "a record of Zenodo is fetched by the `https:` address of its file";
                Err(wrong(problem, None))
            }
            (scheme, rest) => match likely(text, scheme, rest) {
                Some(nearest) => Err(wrong("its scheme is unknown", Some(nearest))),
                None => Ok(Origin::Path(text.into())),
            },
        }
    }
}

fn git(text: &str, rest: &str, expected: &'static str) -> Result<GitAddress, AddressError> {
    let wrong = |problem: &str, nearest| error(text, problem, expected, nearest);
    let (remote, branch) = rest.rsplit_once('#').unwrap_or((rest, GitAddress::BRANCH));
    if remote.is_empty() {
        return Err(wrong("the remote is missing", Some("git:https://HOST/NAME.git".to_owned())));
    }
    if !git2::Reference::is_valid_name(&format!("refs/heads/{branch}")) {
        return Err(wrong("git takes no branch of this name", Some(format!("git:{remote}"))));
    }
    if Url::parse(remote).is_ok_and(|url| url.password().is_some()) {
        return Err(wrong("a password has no place in an address: give it apart", None));
    }
    Ok(GitAddress { remote: remote.to_owned(), branch: branch.to_owned() })
}

/// What was probably meant by an unknown scheme; none if it may be a path that holds a colon.
fn likely(text: &str, scheme: &str, rest: &str) -> Option<String> {
    if text == scheme {
        return (strsim::damerau_levenshtein(scheme, "zenodo") <= 2).then(|| "zenodo".to_owned());
    }
    let address = rest.trim_start_matches("//");
    match scheme {
        "http" | "https" if address.contains("sandbox.zenodo.org") => {
            return Some("zenodo:sandbox".to_owned());
        }
        "http" | "https" if address.contains("zenodo.org") => return Some("zenodo".to_owned()),
        "http" | "https" | "ssh" => return Some(format!("git:{text}")),
        "docker" | "docker-daemon" => return Some(format!("oci:{address}")),
        "file" => return Some(format!("dir:{address}")),
        _ if scheme.contains('@') => return Some(format!("git:{text}")),
        _ => {}
    }
    let distance = |known: &&str| strsim::damerau_levenshtein(scheme, known);
    let nearest = SCHEMES.into_iter().min_by_key(distance)?;
    (distance(&nearest) <= 2 && !scheme.contains('/')).then(|| format!("{nearest}:{rest}"))
}

fn error(
    text: &str,
    problem: &str,
    expected: &'static str,
    nearest: Option<String>,
) -> AddressError {
    let (text, nearest) = (hide(text), nearest.as_deref().map(hide));
    AddressError { text, problem: problem.to_owned(), expected, nearest }
}

/// The text without what stands between `://` and `@`.
fn hide(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let host = rest.find('/').unwrap_or(rest.len());
    match rest[..host].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> String {
        text.parse::<Target>().unwrap_err().to_string()
    }

    #[test]
    fn what_is_published_to_names_its_kind() {
        assert_eq!("dir:a/b".parse(), Ok(Target::Folder("a/b".into())));
        let (remote, branch) = ("../r.git".to_owned(), "v1".to_owned());
        assert_eq!("git:../r.git#v1".parse(), Ok(Target::Git(GitAddress { remote, branch })));
        assert_eq!("zenodo".parse(), Ok(Target::Zenodo(Site::Zenodo)));
        assert_eq!("zenodo:sandbox".parse(), Ok(Target::Zenodo(Site::Sandbox)));
        let own = Url::parse("https://archive.example.org/api/").unwrap();
        assert_eq!(
            "zenodo:https://archive.example.org/api/".parse(),
            Ok(Target::Zenodo(Site::At(own)))
        );
        for (wrong, nearest) in [
            ("out", "`dir:out`"),
            ("dir:", "`dir:.`"),
            ("dri:out", "`dir:out`"),
            ("zendo", "`zenodo`"),
            ("zenodo:", "`zenodo`"),
            ("zenodo:sandbx", "`zenodo:sandbox`"),
            ("https://sandbox.zenodo.org", "`zenodo:sandbox`"),
            ("git@github.com:a/b.git", "`git:git@github.com:a/b.git`"),
            ("https://github.com/a/b", "`git:https://github.com/a/b`"),
            ("git:r#a..b", "`git:r`"),
            ("docker://ghcr.io/a/b:1", "`oci:ghcr.io/a/b:1`"),
        ] {
            let said = target(wrong);
            assert!(said.ends_with(&format!("did you mean {nearest}?")), "{said}");
            assert!(said.contains("expected `dir:PATH`"), "{said}");
        }
    }

    #[test]
    fn a_bundle_is_fetched_from_paths_and_the_web_too() {
        assert_eq!("paper.zip".parse(), Ok(Origin::Path("paper.zip".into())));
        assert_eq!("dir:a".parse(), Ok(Origin::Path("a".into())));
        assert_eq!("a:b.zip".parse::<Origin>().unwrap(), Origin::Path("a:b.zip".into()));
        assert!(matches!("https://a.org/p.zip".parse(), Ok(Origin::Web(_))));
        let said = "zenodo".parse::<Origin>().unwrap_err().to_string();
        assert!(said.contains("`https:` address"), "{said}");
    }

    #[test]
    fn an_origin_names_whom_a_token_would_reach() {
        for (text, host) in [
            ("paper.zip", None),
            ("git:../r.git", None),
            ("git:file:///r.git", None),
            ("git:https://me@a.org/r.git#v1", Some("a.org")),
            ("git:https://a.org:8443/r.git", Some("a.org:8443")),
            ("oci:ghcr.io/a/b:v1", Some("ghcr.io")),
            ("oci:127.0.0.1:5000/a:v1", Some("127.0.0.1:5000")),
            ("https://A.org:443/p.zip", Some("a.org")),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().host().as_deref(), host, "{text}");
        }
    }

    #[test]
    fn passwords_are_refused_and_not_repeated() {
        for text in ["git:https://me:hunter2@a.org/r.git", "https://me:hunter2@a.org/p.zip"] {
            for said in [target(text), text.parse::<Origin>().unwrap_err().to_string()] {
                assert!(!said.contains("hunter2"), "{said}");
            }
        }
    }
}
