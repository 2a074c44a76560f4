//! The SLSA provenance v1 of what was made, in an in-toto Statement v1 that can be signed.
//!
//! | SLSA | is here |
//! |---|---|
//! | `subject` | papers, figures and results |
//! | `externalParameters` | the recipe and the profile: what a person chose |
//! | `internalParameters` | the actions, by key |
//! | `resolvedDependencies` | the lock, and every file that an action read and none made |
//! | `byproducts` | facts, logs, and what failed actions left |
//!
//! An unsigned statement of a laptop is of level 1, whatever it says of itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::account::{Account, Content, File, Kind, Outcome};
use crate::index::Index;
use crate::{time, uri};

/// Where the statement is, before anybody signs it.
pub const PATH: &str = "provenance.intoto.json";

/// The type of the predicate.
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";

/// The type of the statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// The statement of an account: what was made, and how.
pub fn statement(account: &Account) -> Value {
    json!({
        "_type": STATEMENT_TYPE,
        "subject": subjects(account).into_iter().map(descriptor).collect::<Vec<_>>(),
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate(account),
    })
}

/// The files that the statement is about, by path.
pub fn subjects(account: &Account) -> Vec<&File> {
    Index::of(account).made(account, |action| {
        matches!(action.kind, Kind::Paper | Kind::Figure | Kind::Results)
            && action.outcome == Outcome::Ok
    })
}

/// How the subjects were made.
pub fn predicate(account: &Account) -> Value {
    let engine = &account.engine;
    let index = Index::of(account);
    let mut external = Map::new();
    let recipe = index.file(&account.recipe).map(descriptor);
    external.insert("recipe".into(), recipe.unwrap_or_else(|| json!({ "name": account.recipe })));
    if let Some(profile) = &account.profile {
        external.insert("profile".into(), profile.as_str().into());
    }
    let keys: Vec<String> = account.actions.iter().map(|it| it.key.to_string()).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut metadata = json!({
        "invocationId": format!("urn:uuid:{}", uri::uuid(&[&["invocation"], keys.as_slice()].concat())),
    });
    if let Some(started) = account.actions.iter().map(|it| it.started).min() {
        metadata["startedOn"] = time::zulu(started).into();
    }
    if let Some(finished) = account.actions.iter().map(|it| it.finished).max() {
        metadata["finishedOn"] = time::zulu(finished).into();
    }
    let builder =
        engine.builder.clone().unwrap_or_else(|| format!("{}/builders/local", engine.url));
    json!({
        "buildDefinition": {
            "buildType": format!("{}/buildtypes/recipe/v1", engine.url),
            "externalParameters": external,
            "internalParameters": { "actions": actions(account) },
            "resolvedDependencies": dependencies(account, &index),
        },
        "runDetails": {
            "builder": { "id": builder, "version": { (engine.name.as_str()): engine.version } },
            "metadata": metadata,
            "byproducts": byproducts(account, &index),
        },
    })
}

fn actions(account: &Account) -> Vec<Value> {
    let action = account.actions.iter().map(|action| {
        let mut value = json!({
            "key": action.key.to_string(),
            "label": action.label,
            "failed": action.outcome != Outcome::Ok,
        });
        if let Some(sandbox) = &action.sandbox {
            value["sandbox"] = sandbox.as_str().into();
        }
        value
    });
    action.collect()
}

/// What came from outside, by path or digest.
fn dependencies(account: &Account, index: &Index<'_>) -> Vec<Value> {
    let made: BTreeSet<&Content> = account
        .actions
        .iter()
        .flat_map(|action| action.outputs.iter().map(|slot| &slot.content))
        .collect();
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    for slot in account.actions.iter().flat_map(|action| &action.inputs) {
        if made.contains(&slot.content) {
            continue;
        }
        let files = index.files_of(&slot.content);
        if let (true, Content::Digest(digest)) = (files.is_empty(), &slot.content) {
            let value = json!({ "name": slot.name, "digest": { "blake3": digest.hex() } });
            found.insert(digest.to_string(), value);
        }
        for file in files {
            found.insert(file.path.clone(), descriptor(file));
        }
    }
    if let Some(lock) = account.lock.as_deref().and_then(|path| index.file(path)) {
        found.insert(lock.path.clone(), descriptor(lock));
    }
    for file in subjects(account) {
        found.remove(&file.path);
    }
    found.into_values().collect()
}

fn byproducts(account: &Account, index: &Index<'_>) -> Vec<Value> {
    let mut found: BTreeMap<&str, &File> = BTreeMap::new();
    for action in &account.actions {
        for path in action.facts.iter().chain(&action.logs) {
            found.extend(index.file(path).map(|file| (file.path.as_str(), file)));
        }
    }
    let failed = index.made(account, |action| action.outcome != Outcome::Ok);
    found.extend(failed.into_iter().map(|file| (file.path.as_str(), file)));
    found.into_values().map(descriptor).collect()
}

/// A file as in-toto describes a resource. SHA-256 is what verifiers read, and BLAKE3 its name here.
fn descriptor(file: &File) -> Value {
    json!({
        "name": file.path,
        "digest": { "sha256": file.sha256.to_string(), "blake3": file.digest.hex() },
        "mediaType": file.media_type,
    })
}
