//! Every document of the sample, as it was when a person last read it.
//!
//! `SNAPSHOTS=overwrite cargo test -p rescience-provenance` writes them anew; read them before you
//! commit them.

mod support;

use std::path::Path;

use rescience_provenance::documents;
use snapbox::{Assert, Data};

#[test]
fn the_documents_of_the_sample() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected");
    let sample = support::sample();
    assert_eq!(sample.account.problems(), Vec::<String>::new());
    let documents = documents(&sample.account);
    assert_eq!(documents.len(), 8);
    let check = Assert::new().action_env("SNAPSHOTS").normalize_paths(false);
    for document in documents {
        let expected = Data::read_from(&folder.join(&document.path), None);
        check.eq(String::from_utf8(document.bytes).unwrap(), expected.raw());
    }
}
