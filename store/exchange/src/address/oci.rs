//! The name of an artifact in an OCI registry.

use std::fmt;
use std::net::Ipv4Addr;

use rescience_digest::Sha256;

use super::{AddressError, error};

/// `REGISTRY/NAME:TAG` or `REGISTRY/NAME@sha256:DIGEST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciAddress {
    /// Host and port.
    pub registry: String,
    /// The repository in it.
    pub name: String,
    /// Which of its manifests.
    pub version: Version,
}

/// Which manifest of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// The one that a name leads to now.
    Tag(String),
    /// The one with these bytes.
    Digest(Sha256),
}

impl OciAddress {
    pub(super) fn parse(
        text: &str,
        rest: &str,
        expected: &'static str,
    ) -> Result<OciAddress, AddressError> {
        let wrong = |problem: &str, nearest| error(text, problem, expected, nearest);
        let rest = rest.trim_start_matches("//");
        let Some((registry, path)) = rest.split_once('/') else {
            return Err(wrong("the name in the registry is missing", None));
        };
        if !registry.contains(['.', ':']) && registry != "localhost" {
            let nearest = Some(format!("oci:ghcr.io/{rest}"));
            return Err(wrong("it does not begin with the host of a registry", nearest));
        }
        if registry.is_empty()
            || registry.contains(|c: char| c.is_whitespace() || "@?#".contains(c))
        {
            return Err(wrong("this is no host", None));
        }
        let (name, version) = if let Some((name, digest)) = path.split_once('@') {
            let digits = digest.strip_prefix("sha256:").and_then(Sha256::from_hex);
            let digest = digits.ok_or_else(|| wrong("the digest is not a SHA-256", None))?;
            (name, Version::Digest(digest))
        } else if let Some((name, tag)) = path.split_once(':') {
            if !is_tag(tag) {
                let problem = "a tag is up to 128 letters, digits, `_`, `.` and `-`";
                return Err(wrong(problem, Some(format!("oci:{registry}/{name}:v1"))));
            }
            (name, Version::Tag(tag.to_owned()))
        } else {
            return Err(wrong("the tag is missing", Some(format!("oci:{rest}:v1"))));
        };
        if !is_name(name) {
            let lower = name.to_lowercase();
            let problem = "names are lower-case words, joined by `.`, `_`, `-` and `/`";
            let nearest = is_name(&lower).then(|| format!("oci:{registry}/{lower}{version}"));
            return Err(wrong(problem, nearest));
        }
        Ok(OciAddress { registry: registry.to_owned(), name: name.to_owned(), version })
    }

    /// Whether the registry is on this machine, and so speaks http.
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.registry.rsplit_once(':').map_or(&*self.registry, |(host, _)| host))
    }

    /// Where its part of the registry's API begins.
    pub(crate) fn base(&self) -> String {
        let scheme = if self.is_loopback() { "http" } else { "https" };
        format!("{scheme}://{}/v2/{}", self.registry, self.name)
    }
}

/// Whether a host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for OciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci:{}/{}{}", self.registry, self.name, self.version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Version::Tag(tag) => write!(f, ":{tag}"),
            Version::Digest(digest) => write!(f, "@sha256:{digest}"),
        }
    }
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-')
}

fn is_name(name: &str) -> bool {
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let part = |part: &str| {
        let (first, last) = (part.bytes().next(), part.bytes().next_back());
        let joined = part.split(lower_or_digit).filter(|joint| !joint.is_empty());
        first.is_some_and(lower) && last.is_some_and(lower) && { joined }.all(is_joint)
    };
    name.len() <= 255 && name.split('/').all(part)
}

fn lower_or_digit(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn is_joint(joint: &str) -> bool {
    matches!(joint, "." | "_" | "__") || joint.bytes().all(|byte| byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::super::{Origin, Target};

    #[test]
    fn registries_on_this_machine_speak_http() {
        for (text, base) in [
            ("oci:ghcr.io/a/b.c:v1", "https://ghcr.io/v2/a/b.c"),
            ("oci:127.0.0.1:5000/a:v1", "http://127.0.0.1:5000/v2/a"),
            ("oci:localhost/a:v1", "http://localhost/v2/a"),
            ("oci:[::1]:5000/a:v1", "http://[::1]:5000/v2/a"),
            ("oci:127.0.0.1.evil.org/a:v1", "https://127.0.0.1.evil.org/v2/a"),
        ] {
            let Ok(Target::Oci(address)) = text.parse() else { panic!("{text}") };
            assert_eq!(address.base(), base);
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn names_tags_and_digests_are_checked() {
        for (wrong, said) in [
            ("oci:a/b:v1", "did you mean `oci:ghcr.io/a/b:v1`?"),
            ("oci:ghcr.io/a/b", "did you mean `oci:ghcr.io/a/b:v1`?"),
            ("oci:ghcr.io/A/b:v1", "did you mean `oci:ghcr.io/a/b:v1`?"),
            ("oci:ghcr.io/a/b:-", "did you mean `oci:ghcr.io/a/b:v1`?"),
            ("oci:ghcr.io/a..b:v1", "lower-case words"),
            ("oci:ghcr.io/../b:v1", "lower-case words"),
            ("oci:ghcr.io", "name in the registry is missing"),
            ("oci:ghcr.io/a@sha256:12", "not a SHA-256"),
        ] {
            let error = wrong.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        let pinned = format!("oci:ghcr.io/a@sha256:{}", "0".repeat(64));
        assert!(pinned.parse::<Origin>().is_ok());
        assert!(pinned.parse::<Target>().unwrap_err().to_string().contains("name a tag"));
    }
}
