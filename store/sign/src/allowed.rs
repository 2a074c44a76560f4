//! The file `allowed_signers` of OpenSSH and git: whose keys they are, for what, and when.
//!
//! A line is `PRINCIPALS [OPTIONS] KIND BASE64 [COMMENT]`. Options are `namespaces="..."`,
//! `valid-after="..."` and `valid-before="..."`, with commas between them. Three things that OpenSSH
//! takes are refused: certificate authorities, since certificates are not read here; times without a
//! `Z`, since they would mean another moment on another machine; and lines that it would skip, since
//! a file that trusts fewer people than it lists surprises somebody.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::key::PublicKey;
use crate::pattern::Patterns;

/// The largest file in bytes.
const LARGEST: usize = 1 << 20;

/// Whom to believe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedSigners {
    /// The lines that hold a key, in the file's order.
    pub signers: Vec<AllowedSigner>,
}

/// One line: who signs with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedSigner {
    /// Its number in the file, from 1.
    pub line: usize,
    /// Who they are, mostly by mail address.
    pub principals: Patterns,
    /// What they sign with.
    pub key: PublicKey,
    /// What they may sign; anything if there is no such list.
    pub namespaces: Option<Patterns>,
    /// The first second in which the key counts.
    pub valid_after: Option<Timestamp>,
    /// The last second in which the key counts.
    pub valid_before: Option<Timestamp>,
}

/// A line that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct LineError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it and what was expected, as a lower-case fragment.
    pub reason: String,
}

/// Why a key does not count, from the least to the most that was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    /// No line has the key.
    Key,
    /// The key is somebody else's.
    Principal,
    /// The key may not sign this kind of document.
    Namespace,
    /// The key does not count yet.
    Early,
    /// The key counts no more.
    Late,
}

impl AllowedSigners {
    /// Reads the file.
    ///
    /// # Errors
    /// The first line that is not sound.
    pub fn parse(text: &[u8]) -> Result<AllowedSigners, LineError> {
        if text.len() > LARGEST {
            return Err(LineError { line: 1, reason: "the file is larger than 1 MiB".to_owned() });
        }
        let mut signers = Vec::new();
        for (index, bytes) in text.split(|byte| *byte == b'\n').enumerate() {
            let number = index + 1;
            let refused = |reason| LineError { line: number, reason };
            let line = std::str::from_utf8(bytes).map_err(|_| refused("it is not UTF-8".into()))?;
            let line = line.strip_suffix('\r').unwrap_or(line).trim_matches([' ', '\t']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            signers.push(signer(number, line).map_err(refused)?);
        }
        Ok(AllowedSigners { signers })
    }

    /// The principals of every line by which a key may sign a kind of document at a time.
    pub fn find<'a>(
        &'a self,
        key: &'a PublicKey,
        namespace: &'a str,
        time: Timestamp,
    ) -> impl Iterator<Item = &'a Patterns> {
        let lines = self.signers.iter().filter(move |signer| signer.key == *key);
        let lines = lines.filter(move |signer| signer.permits(namespace, time).is_ok());
        lines.map(|signer| &signer.principals)
    }

    /// Whether a key is somebody's, and may sign a kind of document at a time.
    ///
    /// # Errors
    /// What the line that comes closest lacks.
    pub fn check(
        &self,
        principal: &str,
        key: &PublicKey,
        namespace: &str,
        time: Timestamp,
    ) -> Result<&AllowedSigner, Denied> {
        self.closest(key, |signer| match signer.permits(namespace, time) {
            _ if !signer.principals.matches(principal) => Err(Denied::Principal),
            permitted => permitted,
        })
    }

    /// Whether a key, whoever's it is, may sign a kind of document at a time.
    ///
    /// # Errors
    /// What the line that comes closest lacks.
    pub fn permit(
        &self,
        key: &PublicKey,
        namespace: &str,
        time: Timestamp,
    ) -> Result<&AllowedSigner, Denied> {
        self.closest(key, |signer| signer.permits(namespace, time))
    }

    /// The first line with the key that nothing is said against, or what comes closest to nothing.
    fn closest(
        &self,
        key: &PublicKey,
        judge: impl Fn(&AllowedSigner) -> Result<(), Denied>,
    ) -> Result<&AllowedSigner, Denied> {
        let mut closest = Denied::Key;
        for signer in self.signers.iter().filter(|signer| signer.key == *key) {
            match judge(signer) {
                Ok(()) => return Ok(signer),
                Err(denied) => closest = closest.max(denied),
            }
        }
        Err(closest)
    }
}

impl AllowedSigner {
    fn permits(&self, namespace: &str, time: Timestamp) -> Result<(), Denied> {
        if self.namespaces.as_ref().is_some_and(|list| !list.matches(namespace)) {
            return Err(Denied::Namespace);
        }
        let second = time.as_second();
        if self.valid_after.is_some_and(|after| second < after.as_second()) {
            return Err(Denied::Early);
        }
        if self.valid_before.is_some_and(|before| second > before.as_second()) {
            return Err(Denied::Late);
        }
        Ok(())
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Denied::Key => "the key is nobody's in the list",
            Denied::Principal => "the key is somebody else's",
            Denied::Namespace => "the key may not sign this kind of document",
            Denied::Early => "the key does not count yet",
            Denied::Late => "the key counts no more",
        })
    }
}

/// The options of a line, each at most once.
#[derive(Default)]
struct Options {
    namespaces: Option<Patterns>,
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
}

fn signer(line: usize, text: &str) -> Result<AllowedSigner, String> {
    if let Some(control) = text.chars().find(|c| c.is_control() && *c != '\t') {
        return Err(format!("it holds the control character `{}`", control.escape_debug()));
    }
    let Some((principals, rest)) = text.split_once([' ', '\t']) else {
        return Err("expected principals and a key with blanks between them".to_owned());
    };
    let principals = Patterns::parse(principals)?;
    let mut rest = rest.trim_start_matches([' ', '\t']);
    let mut given = Options::default();
    if !is_kind(rest) {
        (given, rest) = options(rest)?;
    }
    let key = PublicKey::parse(rest).map_err(|reason| format!("of its key: {reason}"))?;
    let Options { namespaces, valid_after, valid_before } = given;
    Ok(AllowedSigner { line, principals, key, namespaces, valid_after, valid_before })
}

/// Whether a text begins with the kind of a key, which no option does.
fn is_kind(text: &str) -> bool {
    ["ssh-", "sk-", "ecdsa-"].iter().any(|start| text.starts_with(start))
}

/// Reads options, and returns them with what follows.
fn options(text: &str) -> Result<(Options, &str), String> {
    let mut options = Options::default();
    let mut rest = text;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.eq_ignore_ascii_case("cert-authority") {
            return Err("`cert-authority` is not supported, since certificates are not read: \
                        expected the signer's own key"
                .to_owned());
        }
        let set = match name {
            "namespaces" | "valid-after" | "valid-before" => value(name, after)?,
            _ => {
                let word = rest.split([' ', '\t']).next().unwrap_or_default();
                return Err(format!(
                    "`{}` is neither an option nor the kind of a key: expected `namespaces=`, \
                     `valid-after=`, `valid-before=` or a key",
                    word.escape_debug()
                ));
            }
        };
        let (value, after) = set;
        let twice = match name {
            "namespaces" => options.namespaces.replace(Patterns::parse(value)?).is_some(),
            "valid-after" => options.valid_after.replace(time(value)?).is_some(),
            _ => options.valid_before.replace(time(value)?).is_some(),
        };
        if twice {
            return Err(format!("`{name}` is there twice"));
        }
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None if after.starts_with([' ', '\t']) => {
                rest = after.trim_start_matches([' ', '\t']);
                break;
            }
            None => return Err(format!("expected a comma or a blank after `{name}=\"{value}\"`")),
        }
    }
    if let (Some(after), Some(before)) = (options.valid_after, options.valid_before)
        && after >= before
    {
        return Err("`valid-before` is not after `valid-after`".to_owned());
    }
    Ok((options, rest))
}

/// The text between the quotes behind `NAME=`, and what follows them.
fn value<'a>(name: &str, text: &'a str) -> Result<(&'a str, &'a str), String> {
    let quoted = text.strip_prefix("=\"").and_then(|text| text.split_once('"'));
    quoted.ok_or_else(|| format!("expected `{name}=\"...\"`"))
}

/// Reads `YYYYMMDD[HHMM[SS]]Z`.
fn time(text: &str) -> Result<Timestamp, String> {
    let shown = text.escape_debug();
    let digits = text.strip_suffix('Z').unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || ![8, 12, 14].contains(&digits.len()) {
        return Err(format!("`{shown}` is no time: expected `YYYYMMDDZ` or `YYYYMMDDHHMM[SS]Z`"));
    }
    if digits.len() == text.len() {
        return Err(format!("`{shown}` is another time in every time zone: expected `{shown}Z`"));
    }
    let field = |from: usize, to: usize| digits.get(from..to).and_then(|it| it.parse::<i8>().ok());
    let (month, day) = (field(4, 6), field(6, 8));
    let (hour, minute, second) = (field(8, 10), field(10, 12), field(12, 14));
    let year = digits[..4].parse();
    let moment = year.ok().zip(month).zip(day).and_then(|((year, month), day)| {
        let [hour, minute, second] = [hour, minute, second].map(Option::unwrap_or_default);
        let moment = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
        Offset::UTC.to_timestamp(moment).ok()
    });
    moment.ok_or_else(|| format!("`{shown}` is no moment of the calendar"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn parse(text: &str) -> Result<AllowedSigners, LineError> {
        AllowedSigners::parse(text.as_bytes())
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_key_counts_for_its_principals_namespaces_and_time() {
        let file = format!(
            "# who we are\n\n*@example.org,!eve@*\tnamespaces=\"git,*@rescience.dev\",\
             valid-after=\"20250101Z\",valid-before=\"202506012359Z\"  {KEY} Ada's laptop\r\n"
        );
        let allowed = parse(&file).unwrap();
        let key = PublicKey::parse(KEY).unwrap();
        let within = at("2025-03-01T00:00:00Z");
        let bundle = "bundle@rescience.dev";
        assert_eq!(allowed.signers[0].line, 3);
        assert_eq!(
            allowed.find(&key, bundle, within).map(ToString::to_string).collect::<Vec<_>>(),
            ["*@example.org,!eve@*"]
        );
        assert_eq!(allowed.find(&key, "file", within).count(), 0);
        for (principal, namespace, time, expected) in [
            ("ada@example.org", bundle, "2025-03-01T00:00:00Z", None),
            ("ada@example.org", "git", "2025-01-01T00:00:00Z", None),
            ("ada@example.org", "git", "2025-06-01T23:59:00Z", None),
            ("ada@example.org", "git", "2024-12-31T23:59:59Z", Some(Denied::Early)),
            ("ada@example.org", "git", "2025-06-01T23:59:01Z", Some(Denied::Late)),
            ("ada@example.org", "file", "2025-03-01T00:00:00Z", Some(Denied::Namespace)),
            ("eve@example.org", bundle, "2025-03-01T00:00:00Z", Some(Denied::Principal)),
            ("", bundle, "2025-03-01T00:00:00Z", Some(Denied::Principal)),
        ] {
            let found = allowed.check(principal, &key, namespace, at(time)).err();
            assert_eq!(found, expected, "{principal} {namespace} {time}");
        }
    }

    #[test]
    fn the_closest_line_says_what_is_missing() {
        let late = "valid-before=\"20200101Z\"";
        let allowed = parse(&format!("bob {KEY}\nada {late} {KEY}\nada {KEY}")).unwrap();
        let key = PublicKey::parse(KEY).unwrap();
        let now = at("2025-03-01T00:00:00Z");
        assert_eq!(allowed.check("ada", &key, "git", now).unwrap().line, 3);
        let allowed = AllowedSigners { signers: allowed.signers[..2].to_vec() };
        assert_eq!(allowed.check("ada", &key, "git", now).unwrap_err(), Denied::Late);
        assert_eq!(allowed.check("eve", &key, "git", now).unwrap_err(), Denied::Principal);
        let nobody = AllowedSigners::default();
        assert_eq!(nobody.check("ada", &key, "git", now).unwrap_err(), Denied::Key);
        assert_eq!(allowed.permit(&key, "git", now).unwrap().line, 1, "whoever's it is");
        assert_eq!(nobody.permit(&key, "git", now).unwrap_err(), Denied::Key);
    }

    #[test]
    fn every_other_line_is_refused_by_its_number() {
        for (line, why) in [
            ("ada", "expected principals and a key"),
            ("ada ", "expected principals and a key"),
            ("ada, KEY", "empty pattern"),
            ("!ada KEY", "takes nothing"),
            ("\"ada\" KEY", "no pattern"),
            ("ada cert-authority KEY", "certificates are not read"),
            ("ada namespaces=\"git\",cert-authority KEY", "certificates are not read"),
            ("ada no-touch-required KEY", "neither an option"),
            ("ada namespaces=git KEY", "expected `namespaces=\"...\"`"),
            ("ada namespaces=\"git KEY", "expected `namespaces=\"...\"`"),
            ("ada namespaces=\"\" KEY", "empty pattern"),
            ("ada namespaces=\"git\"KEY", "expected a comma or a blank"),
            ("ada namespaces=\"git\", KEY", "neither an option"),
            ("ada namespaces=\"a\",namespaces=\"b\" KEY", "twice"),
            ("ada namespaces=\"git\"", "comma or a blank"),
            ("ada valid-after=\"20250101\" KEY", "expected `20250101Z`"),
            ("ada valid-after=\"2025-01-01\" KEY", "no time"),
            ("ada valid-after=\"20250230Z\" KEY", "no moment"),
            ("ada valid-after=\"202501012460Z\" KEY", "no moment"),
            ("ada valid-after=\"20250101Z\",valid-before=\"20250101Z\" KEY", "is not after"),
            ("ada ssh-ed25519", "expected the kind of the key and its base64"),
            ("ada ssh-ed25519 AAAA", "of its key"),
            (
                "ada ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti",
                "holds `ssh-ed25519`",
            ),
            ("ada \u{1b}[2J KEY", "control character"),
        ] {
            let file = format!("\n# x\n{}\n", line.replace("KEY", KEY));
            let found = parse(&file).unwrap_err();
            assert_eq!(found.line, 3);
            assert!(found.reason.contains(why), "{line}: {found}");
        }
        let found = AllowedSigners::parse(b"# a\n\xff").unwrap_err();
        assert_eq!(found.to_string(), "line 2: it is not UTF-8");
        assert!(AllowedSigners::parse(&vec![b'\n'; LARGEST + 1]).is_err());
    }
}
