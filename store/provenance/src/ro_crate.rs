//! `ro-crate-metadata.json`: a Provenance Run Crate 0.5 on RO-Crate 1.1.
//!
//! The profiles for runs are defined on version 1.1 of RO-Crate, and their validator refuses later
//! ones. What the validators want beyond the profiles' prose:
//!
//! | rule | where |
//! |---|---|
//! | times end in `+00:00`, not in `Z` | `time` |
//! | a list of one is written as that one | `entity` |
//! | an engine's action has control actions as objects and nothing else | `actions` |
//! | a formal parameter is shown by files, folders and values only | `formal` |
//! | identifiers of files are percent-encoded | `data` |
//! | every file and folder is a part of the root | `data` |

mod actions;
mod data;
mod entity;
mod formal;
mod people;
mod run;

use serde_json::{Value, json};

use crate::account::Account;
use crate::{license, time, uri};
use data::Data;
use entity::{Entity, Graph};
use run::Run;

/// Where the document must be.
pub const PATH: &str = "ro-crate-metadata.json";

const BASE: &str = "https://w3id.org/ro/crate/1.1";
const WORKFLOW: &str = "https://w3id.org/workflowhub/workflow-ro-crate/1.0";
/// The profiles that the root conforms to: identifier, name, version.
const PROFILES: [(&str, &str, &str); 4] = [
    ("https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/provenance/0.5", "Provenance Run Crate", "0.5"),
    (WORKFLOW, "Workflow RO-Crate", "1.0"),
];

/// The document of an account.
pub fn metadata(account: &Account) -> Value {
    let data = Data::of(account);
    let run = Run::of(account, &data);
    let mut graph = Graph::default();
    frame(&mut graph, account, &run, &data);
    let mut roles = run.roles(&data);
    if let Some(readme) = data.id(crate::readme::PATH) {
        roles.about.entry(readme).or_default().push("./".to_owned());
    }
    recipe(&mut graph, account, &run, &data);
    actions::describe(&mut graph, account, &run, &data);
    run.formals.describe(&mut graph);
    data.describe(&mut graph, &account.recipe, &roles);
    json!({
        "@context": [
            "https://w3id.org/ro/crate/1.1/context",
            "https://w3id.org/ro/terms/workflow-run/context",
            // A term of the profile that neither of its contexts has.
            { "buildInstructions": "https://codemeta.github.io/terms/buildInstructions" },
        ],
        "@graph": graph.into_value(),
    })
}

/// The descriptor, the root, and whom and what the root names.
fn frame(graph: &mut Graph, account: &Account, run: &Run<'_>, data: &Data<'_>) {
    let project = &account.project;
    graph.add(
        Entity::new(PATH, &["CreativeWork"])
            .link("about", "./")
            .links("conformsTo", [BASE, WORKFLOW]),
    );
    let (license, license_entity) = license_entity(project.license.as_deref());
    let description = project.description.clone();
    let description = description.unwrap_or_else(|| {
        format!("The paper \u{201c}{}\u{201d}, and all it was made from.", project.title)
    });
    let mut mentions: Vec<String> = run.done.iter().map(|done| format!("#{}", done.uuid)).collect();
    if !mentions.is_empty() {
        mentions.insert(0, actions::whole_id(run));
    }
    let authors = project.authors.iter().enumerate();
    let doi = project.doi.as_ref().map(|doi| format!("https://doi.org/{doi}"));
    graph.add(
        Entity::new("./", &["Dataset"])
            .set("name", project.title.as_str())
            .set("description", description)
            .set("datePublished", time::with_offset(project.published))
            .set("version", project.version.as_str())
            .link("license", &license)
            .links("conformsTo", PROFILES.map(|(id, ..)| id))
            .links("hasPart", data.ids())
            .link("mainEntity", &uri::path(&account.recipe))
            .links("mentions", mentions)
            .links("author", authors.clone().map(|(at, it)| people::author_id(at, it)))
            .links("publisher", project.publisher.as_ref().map(people::organization_id))
            .set_some("keywords", keywords(&project.keywords))
            .set_some("identifier", doi)
            .set_some("url", project.url.as_deref()),
    );
    for (id, name, version) in PROFILES {
        graph.add(
            Entity::new(id, &["CreativeWork", "Profile"]).set("name", name).set("version", version),
        );
    }
    graph.add(license_entity);
    authors.for_each(|(at, author)| people::describe(graph, at, author));
    if let Some(publisher) = &project.publisher {
        people::describe_organization(graph, publisher);
    }
}

fn keywords(keywords: &[String]) -> Option<Value> {
    entity::one_or_many(keywords.iter().map(|word| Value::from(word.as_str())).collect())
}

/// The recipe, which is the workflow.
fn recipe(graph: &mut Graph, account: &Account, run: &Run<'_>, data: &Data<'_>) {
    let types = ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"];
    let project = &account.project;
    let authors = project.authors.iter().enumerate();
    let formals = run.formals.list();
    let mut entity = Entity::new(&uri::path(&account.recipe), &types)
        .set("name", format!("recipe of {}", project.name))
        .link("conformsTo", "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE")
        .link("programmingLanguage", "#recipe-language")
        .set("version", project.version.as_str())
        .set_some("url", project.url.as_deref())
        .link("license", &license_entity(project.license.as_deref()).0)
        .links("creator", authors.map(|(at, author)| people::author_id(at, author)))
        .links("input", run.inputs.iter().map(|at| formals[*at].id.as_str()))
        .links("output", run.outputs.iter().map(|at| formals[*at].id.as_str()))
        .links("hasPart", run.tools.iter().map(|tool| tool.id.as_str()))
        .links("step", actions::step_ids(run));
    if let Some(file) = data.file(&account.recipe) {
        entity = data::bytes_of(entity, file);
    }
    graph.add(entity);
    let engine = &account.engine;
    graph.add(
        Entity::new("#recipe-language", &["ComputerLanguage"])
            .set("name", format!("{} recipe", engine.name))
            .link("identifier", &engine.url)
            .set("version", engine.version.as_str())
            .link("url", &engine.url),
    );
}

/// The identifier of the licence and its entity, which says so where none is stated.
fn license_entity(expression: Option<&str>) -> (String, Entity) {
    let Some(expression) = expression else {
        let entity = Entity::new("#license", &["CreativeWork"])
            .set("name", "No licence is stated")
            .set("description", "The authors state no licence: ask them before you use it.");
        return ("#license".to_owned(), entity);
    };
    let page = license::url(expression);
    let id = page.clone().unwrap_or_else(|| "#license".to_owned());
    let entity = Entity::new(&id, &["CreativeWork"])
        .set("name", expression)
        .set("description", format!("SPDX: {expression}"))
        .set("identifier", page.unwrap_or_else(|| expression.to_owned()));
    (id, entity)
}
