//! Nothing more than there should be: every file of a bundle is led to by its recipe or by a trace,
//! or is a document that follows from these.

use std::collections::{BTreeMap, BTreeSet};

use rescience_digest::{Digest, Hashed};
use rescience_provenance::documents;
use rescience_recipes::{ActionName, Plan, Step};

use super::inside::Inside;
use crate::account::{Done, Subject, account};
use crate::error::Error;
use crate::left_out::LeftOut;
use crate::project::{LOCK, RECIPE};
use crate::signing;
use crate::unpacked::{About, views};

/// What is wrong with files, by path.
pub(super) type Strays = Vec<(String, String)>;

/// Every file that nothing leads to.
pub(super) fn strays(inside: &Inside<'_>, plan: &Plan, documents: &BTreeSet<String>) -> Strays {
    let fixed = [RECIPE, LOCK, About::FILE, LeftOut::FILE, signing::PROVENANCE];
    let mut expected: BTreeSet<String> = fixed.map(str::to_owned).into();
    expected.extend(documents.iter().cloned());
    let mut folders = Vec::new();
    for step in &plan.steps {
        let action = inside.graph.action(step.index());
        for (_, path) in &action.files {
            expected.insert(path.get_ref().clone());
            folders.push(format!("{}/", path.get_ref()));
        }
        if let (Step::Fresh { key: Some(key), made, .. }, ActionName::Node(node)) =
            (step, &action.name)
        {
            let beside = |form: &str| inside.traces.log(key, form);
            expected.extend(views(node, &made.output, beside).into_iter().map(|(path, _)| path));
        }
    }
    let reached = inside.reached();
    let led_to = |name: &str, hashed: &Hashed| {
        expected.contains(name)
            || folders.iter().any(|folder| name.starts_with(folder.as_str()))
            || name.starts_with("traces/")
            || name == format!("objects/{}", hashed.digest.hex())
                && reached.contains(&hashed.digest)
    };
    let strays = inside.files.iter().filter(|(name, hashed)| !led_to(name, hashed));
    strays.map(|(name, _)| (name.clone(), "nothing in the bundle leads to it".to_owned())).collect()
}

/// The documents that follow from the recipe and the traces, by path.
///
/// # Errors
/// Facts that cannot be read.
pub(super) fn expected_documents(
    inside: &Inside<'_>,
    plan: &Plan,
) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut traces: Vec<Done> = Vec::new();
    for step in &plan.steps {
        let Step::Fresh { key: Some(key), .. } = step else { continue };
        traces.extend(inside.traces.trace(key).map(|trace| (step.index(), trace.clone())));
    }
    let subject = Subject {
        recipe: &inside.recipe,
        graph: &inside.graph,
        read: &|digest| inside.bytes(digest),
    };
    let written = |files: &BTreeMap<String, Hashed>| -> Result<_, Error> {
        let documents = documents(&account(subject, &traces, files)?);
        Ok(documents.into_iter().map(|it| (it.path, it.bytes)).collect::<BTreeMap<_, _>>())
    };
    // Their paths do not depend on the files that they tell of.
    let paths = written(&BTreeMap::new())?;
    let told = |name: &&String| !paths.contains_key(*name) && *name != signing::PROVENANCE;
    let files = inside.files.iter().filter(|(name, _)| told(name));
    written(&files.map(|(name, hashed)| (name.clone(), *hashed)).collect())
}

/// The documents that are other than they should be.
pub(super) fn changed(
    files: &BTreeMap<String, Hashed>,
    expected: &BTreeMap<String, Vec<u8>>,
) -> Strays {
    let wrong = |(path, bytes): (&String, &Vec<u8>)| {
        let why = match files.get(path) {
            None => "is missing",
            Some(found) if found.digest != Digest::of(bytes) => {
                "does not say what the recipe and the traces say"
            }
            Some(_) => return None,
        };
        Some((path.clone(), why.to_owned()))
    };
    expected.iter().filter_map(wrong).collect()
}
