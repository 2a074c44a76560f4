//! Fetching: the traces of a key that count, and everything they name.

use rescience_digest::{ActionKey, Digest};
use rescience_store::{Store, Trace};

use crate::error::{CacheError, Result};
use crate::layout::Item;
use crate::parcel::{Flaw, Getter, Parcel, Small};
use crate::place::Place;
use crate::shelf::{MOST_TRACES, Shelf};
use crate::trust::Trust;

/// The longest trace in bytes.
pub(crate) const LONGEST_TRACE: u64 = 4 << 20;

/// The longest signature in bytes.
const LONGEST_SIGNATURE: u64 = 1 << 14;

/// What a place has for a key.
#[derive(Debug, Default)]
pub struct Found {
    /// The traces that count, oldest first. The store has them now, and everything they name.
    pub accepted: Vec<Accepted>,
    /// The traces that do not.
    pub refused: Vec<Refused>,
    /// How many bytes came over.
    pub bytes: u64,
}

/// A trace that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// What it says.
    pub trace: Trace,
    /// Its name.
    pub digest: Digest,
    /// Who vouches for it: the principals of the line of the allowed signers.
    pub signer: String,
}

/// A trace that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its name at the place.
    pub name: String,
    /// Why not, as a lower-case fragment.
    pub reason: String,
}

/// A trace that is believed, and its bytes.
struct Believed {
    accepted: Accepted,
    bytes: Vec<u8>,
}

pub(crate) fn fetch(
    shelf: &mut dyn Shelf,
    place: &Place,
    store: &Store,
    key: &ActionKey,
    trust: &Trust,
) -> Result<Found> {
    let names = shelf.traces(key)?;
    let mut getter = Getter::new(shelf, place, store);
    let mut found = Found::default();
    let refused = |digest: &Digest, reason: String| Refused {
        name: Item::Trace(*key, *digest).to_string(),
        reason,
    };
    let mut believed = Vec::new();
    for (nth, digest) in names.iter().enumerate() {
        if nth == MOST_TRACES {
            let reason = format!("the key has more than {MOST_TRACES} traces there");
            found.refused.push(refused(digest, reason));
            break;
        }
        match look(&mut getter, key, digest, trust)? {
            Ok(trace) => believed.push(trace),
            Err(reason) => found.refused.push(refused(digest, reason)),
        }
    }
    believed.sort_by_key(|it| it.accepted.trace.finished);
    let (mut parcel, mut taken) = (Parcel::default(), Vec::new());
    for it in believed {
        let (more, gathered) = getter.gather(&it.accepted.trace, &parcel);
        match gathered {
            Ok(()) => {
                parcel.append(more);
                taken.push(it);
            }
            Err(Flaw::Refused(reason)) => {
                found.refused.push(refused(&it.accepted.digest, reason));
            }
            // A place that lies leaves nothing.
            Err(Flaw::Broken(error @ CacheError::Wrong { .. })) => return Err(error),
            Err(Flaw::Broken(error)) => {
                // The next fetch goes on from here.
                parcel.append(more);
                parcel.keep()?;
                return Err(error);
            }
        }
    }
    found.bytes = getter.bytes;
    parcel.keep()?;
    for Believed { accepted, bytes } in taken {
        store.record_bytes(&bytes)?;
        found.accepted.push(accepted);
    }
    Ok(found)
}

/// A trace, if it counts; the inner error is a lower-case fragment.
fn look(
    getter: &mut Getter<'_>,
    key: &ActionKey,
    digest: &Digest,
    trust: &Trust,
) -> Result<Result<Believed, String>> {
    let signature = match getter.small(Item::Signature(*key, *digest), LONGEST_SIGNATURE)? {
        Small::Bytes(bytes) => bytes,
        Small::Missing => return Ok(Err("nobody signed it".to_owned())),
        Small::TooLong => return Ok(Err("its signature is longer than any".to_owned())),
    };
    let bytes = match getter.small(Item::Trace(*key, *digest), LONGEST_TRACE)? {
        Small::Bytes(bytes) => bytes,
        Small::Missing => return Ok(Err("it was removed meanwhile".to_owned())),
        Small::TooLong => return Ok(Err(format!("it is longer than {LONGEST_TRACE} bytes"))),
    };
    Ok(trust.judge(key, digest, &bytes, &signature).map(|(trace, signer)| {
        let accepted = Accepted { trace, digest: *digest, signer };
        Believed { accepted, bytes }
    }))
}
