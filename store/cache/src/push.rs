//! Pushing: everything that a trace names, then the trace under a signature.

use rescience_digest::Digest;
use rescience_sign::{Signer, namespace, sshsig};
use rescience_store::{Outcome, Store, Trace};

use crate::error::{CacheError, Result};
use crate::fetch::LONGEST_TRACE;
use crate::layout::Item;
use crate::place::Place;
use crate::shelf::{Sent, Shelf, Source};

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pushed {
    /// How many objects went over.
    pub objects: u64,
    /// How many objects were there already.
    pub present: u64,
    /// How many bytes went over, with those of the trace and its signature.
    pub bytes: u64,
    /// Whether the trace itself was there already.
    pub known: bool,
}

pub(crate) fn push(
    shelf: &mut dyn Shelf,
    store: &Store,
    trace: &Trace,
    bytes: &[u8],
    signature: &[u8],
) -> Result<Pushed> {
    let mut pushed = Pushed::default();
    // Sorted with blobs before trees.
    for artifact in store.closure(trace.artifacts())? {
        let digest = artifact.digest();
        let path = store.object_path(&digest);
        // What is damaged here must not get there.
        let blob = store.verify(&digest)?;
        match shelf.put(Item::Object(digest), Source::File(&path, blob))? {
            Sent::Moved => {
                pushed.objects += 1;
                pushed.bytes += blob.size;
            }
            Sent::Present => pushed.present += 1,
        }
    }
    let name = Digest::of(bytes);
    let (key, signature) = (trace.key, Source::Bytes(signature));
    let sent = [
        (Item::Signature(key, name), signature),
        // It counts from here on.
        (Item::Trace(key, name), Source::Bytes(bytes)),
    ];
    for (item, source) in sent {
        let sent = shelf.put(item, source)?;
        pushed.bytes += if sent == Sent::Moved { source.size() } else { 0 };
        pushed.known = sent == Sent::Present;
    }
    shelf.finish()?;
    Ok(pushed)
}

/// The bytes of a trace that may be shared, and the signature over them.
pub(crate) fn sign(trace: &Trace, signer: &Signer, place: &Place) -> Result<(Vec<u8>, Vec<u8>)> {
    if trace.outcome != Outcome::Success {
        return Err(CacheError::Failed { key: trace.key });
    }
    let bytes = trace.to_bytes();
    if bytes.len() as u64 > LONGEST_TRACE {
        let reason = format!("the trace is longer than {LONGEST_TRACE} bytes");
        return Err(CacheError::Unfit { place: place.to_string(), reason });
    }
    let signature = sshsig::sign(signer, namespace::TRACE, &*bytes)?;
    Ok((bytes, signature.armour().into_bytes()))
}
