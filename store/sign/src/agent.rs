//! The two requests to an `ssh-agent` that signing needs: which keys it has, and a signature.
//!
//! A message is its length in four bytes, big-endian, then its kind in one byte, then strings that
//! have their own lengths (draft-ietf-sshm-ssh-agent).

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ssh_key::Signature;
use ssh_key::encoding::{Decode as _, Encode as _};

use crate::error::{Context as _, Result, SignError};
use crate::key::PublicKey;

const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// For RSA: sign a SHA-512 instead of a SHA-1.
const RSA_SHA2_512: u32 = 4;

/// The longest answer in bytes: what OpenSSH's own client takes.
const LONGEST: usize = 256 << 10;

/// How long the agent may take: a person may have to confirm, or to touch a security key.
const PATIENCE: Duration = Duration::from_secs(120);

/// An agent that listens on a socket.
pub(crate) struct Agent {
    stream: UnixStream,
    socket: PathBuf,
}

impl Agent {
    pub(crate) fn connect(socket: &Path) -> Result<Agent> {
        let stream = UnixStream::connect(socket)
            .and_then(|stream| {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(stream)
            })
            .context("connect to the ssh-agent at", socket)?;
        Ok(Agent { stream, socket: socket.to_owned() })
    }

    /// Errs unless the agent has the private half of `key`.
    pub(crate) fn expect(&self, key: &PublicKey) -> Result<()> {
        let answer = self.ask(&[REQUEST_IDENTITIES], IDENTITIES_ANSWER, "did not list its keys")?;
        let keys = keys(&answer).ok_or_else(|| self.nonsense())?;
        if !keys.contains(&key.blob()) {
            let reason = format!("has no {}: `ssh-add` adds it", key.fingerprint());
            return Err(self.error(reason));
        }
        Ok(())
    }

    /// The agent's signature over `data`, which the caller has to verify.
    pub(crate) fn sign(&self, key: &PublicKey, data: &[u8]) -> Result<Signature> {
        let mut request = vec![SIGN_REQUEST];
        let flags = if key.is_rsa() { RSA_SHA2_512 } else { 0 };
        key.blob()
            .encode(&mut request)
            .and_then(|()| data.encode(&mut request))
            .and_then(|()| flags.encode(&mut request))
            .expect("a vector takes whatever is written");
        let answer = self.ask(&request, SIGN_RESPONSE, "refused to sign")?;
        let mut rest = &*answer;
        let signature = Vec::decode(&mut rest).ok().filter(|_| rest.is_empty());
        let signature = signature.and_then(|blob| Signature::try_from(&*blob).ok());
        signature.ok_or_else(|| self.nonsense())
    }

    /// Sends a request, and returns what follows the kind of the answer.
    fn ask(&self, request: &[u8], expected: u8, failure: &str) -> Result<Vec<u8>> {
        let mut answer =
            self.exchange(request).context("talk to the ssh-agent at", &self.socket)?;
        match answer.first() {
            Some(kind) if *kind == expected => Ok(answer.split_off(1)),
            Some(&FAILURE) => Err(self.error(failure.to_owned())),
            _ => Err(self.nonsense()),
        }
    }

    fn exchange(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = &self.stream;
        let length = u32::try_from(request.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), request].concat())?;
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > LONGEST {
            return Err(io::Error::other(format!("its answer has {length} bytes")));
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    }

    fn nonsense(&self) -> SignError {
        self.error("answered something that is no answer".to_owned())
    }

    fn error(&self, reason: String) -> SignError {
        SignError::Agent { socket: self.socket.clone(), reason }
    }
}

/// The keys of a list of keys and comments; none if it is no such list.
fn keys(mut answer: &[u8]) -> Option<Vec<Vec<u8>>> {
    let count = u32::decode(&mut answer).ok()?;
    let mut keys = Vec::new();
    for _ in 0..count {
        keys.push(Vec::decode(&mut answer).ok()?);
        Vec::<u8>::decode(&mut answer).ok()?;
    }
    answer.is_empty().then_some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_keys_is_read_to_its_end() {
        let list = [&[0, 0, 0, 1][..], &[0, 0, 0, 2, 7, 8], &[0, 0, 0, 1, b'c']].concat();
        assert_eq!(keys(&list), Some(vec![vec![7, 8]]));
        for length in 0..list.len() {
            assert_eq!(keys(&list[..length]), None, "{length}");
        }
        assert_eq!(keys(&[list, vec![0]].concat()), None);
        assert_eq!(keys(&[255; 8]), None);
    }
}
