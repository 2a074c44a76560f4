//! Resolving: layers and a profile to a recipe in which every name leads somewhere.
//!
//! The profile is laid over the nodes first, so that experiments which extend others inherit what
//! it says. Then each experiment is laid over the one it extends. Only what comes out is checked
//! for missing keys and dangling names.

mod cycle;
mod experiment;
mod extends;
mod figure;
mod figure_checks;
mod refer;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_spanned::Spanned;

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::layers::{Layers, NodeLayers, PaperLayer, Spot};
use crate::name::{NodeKind, NodeName};
use crate::nearest::nearest;
use crate::read::document;
use crate::read::fields::{Problems, excerpt, listed};
use crate::recipe::{Diff, Paper, Recipe, Source};
use refer::Names;

/// What the profile is called where none is named.
const DEFAULT: &str = "default";

/// Reads a recipe under the profile it defaults to. Every profile is checked.
///
/// # Errors
/// Everything that is wrong in the text.
pub fn parse(file: &str, text: &str) -> Result<Recipe, Diagnostics> {
    parse_with_profile(file, text, None)
}

/// Reads a recipe from bytes that may not even be text.
///
/// # Errors
/// Everything that is wrong in the bytes, or that there is no such profile.
pub fn parse_bytes(file: &str, bytes: &[u8], profile: Option<&str>) -> Result<Recipe, Diagnostics> {
    parse_with_profile(file, document::text(file, bytes)?, profile)
}

/// Reads a recipe under a profile. Every profile is checked, whichever is taken.
///
/// # Errors
/// Everything that is wrong in the text, or that there is no such profile.
pub fn parse_with_profile(
    file: &str,
    text: &str,
    profile: Option<&str>,
) -> Result<Recipe, Diagnostics> {
    let (table, syntax) = document::parse(text);
    let fail = |problems| Err(Diagnostics::new(file, text, problems));
    let hopeless = |problem: &Diagnostic| {
        matches!(problem.code, Code::EmptyRecipe | Code::TooLarge | Code::TooDeep)
    };
    if syntax.iter().any(hopeless) {
        return fail(syntax);
    }
    let mut problems = Problems(Vec::new());
    let layers = crate::read::layers(table.get_ref(), &mut problems);
    if syntax.iter().any(|problem| problem.code != Code::DuplicateKey) {
        // What could not be parsed is missing from the table, and must not be missed again.
        problems.0.retain(|problem| stands_alone(problem.code));
        problems.0.extend(syntax);
        return fail(problems.0);
    }
    problems.0.extend(syntax);
    let (file, text, layers): (Arc<str>, Arc<str>, _) =
        (file.into(), text.into(), Arc::new(layers));
    let mut chosen = None;
    let wanted = choose(&layers, profile, &mut problems);
    for profile in layers.profiles() {
        let recipe = resolve(&file, &text, &layers, profile, &mut problems);
        if Some(profile) == wanted.as_deref() {
            chosen = Some(recipe);
        }
    }
    match chosen {
        Some(recipe) if problems.0.is_empty() => Ok(recipe),
        _ => Err(Diagnostics::new(&file, &text, problems.0)),
    }
}

/// Reads an already checked recipe under another profile.
pub(crate) fn select(
    file: &Arc<str>,
    text: &Arc<str>,
    layers: &Arc<Layers>,
    profile: Option<&str>,
) -> Result<Recipe, Diagnostics> {
    let mut problems = Problems(Vec::new());
    if let Some(profile) = choose(layers, profile, &mut problems) {
        let recipe = resolve(file, text, layers, &profile, &mut problems);
        if problems.0.is_empty() {
            return Ok(recipe);
        }
    }
    Err(Diagnostics::new(file, text, problems.0))
}

/// Whether a mistake is one whatever else the text may say.
fn stands_alone(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownKey
            | Code::WrongType
            | Code::WrongKind
            | Code::BadName
            | Code::BadUnit
            | Code::BadDuration
            | Code::BadSize
            | Code::BadPointer
            | Code::BadCount
            | Code::BadPath
            | Code::BadChoice
            | Code::BadEnv
            | Code::BadNumber
            | Code::NotSupported
    )
}

fn choose(layers: &Layers, profile: Option<&str>, problems: &mut Problems) -> Option<String> {
    let known = layers.profiles();
    let mut check = |name: &str, span: Range<usize>, place: &str| {
        if known.contains(&name) {
            return Some(name.to_owned());
        }
        let shown = excerpt(name);
        let problem = Diagnostic::new(
            Code::UnknownProfile,
            span,
            format!("the recipe has no profile `{shown}`{place}"),
        )
        .help(format!("profiles are {}", listed(&known)));
        problems.push(match nearest(name, known.iter().copied()) {
            Some(near) => problem.label(format!("did you mean `{near}`?")),
            None => problem.label(format!("there is no `[profile.{shown}]`")),
        });
        None
    };
    let own = layers.default_profile.as_ref();
    let own = own.map(|own| check(own.get_ref(), own.span(), ", which it defaults to"));
    match (profile, own) {
        (Some(profile), _) => check(profile, 0..0, ""),
        (None, Some(own)) => own,
        (None, None) => Some(DEFAULT.to_owned()),
    }
}

fn resolve(
    file: &Arc<str>,
    text: &Arc<str>,
    layers: &Arc<Layers>,
    profile: &str,
    problems: &mut Problems,
) -> Recipe {
    let mut nodes = layers.base.clone();
    if let Some(upper) = layers.profiles.get(profile) {
        overlay(&mut nodes, upper, problems);
    }
    nodes.experiments = extends::resolve(nodes.experiments, problems);
    let mut names = Names::new(&nodes);
    let recipe = Recipe {
        file: Arc::clone(file),
        text: Arc::clone(text),
        profile: profile.to_owned(),
        project: layers.project.clone(),
        remote: layers.remote.clone(),
        sources: sources(&nodes, problems),
        diffs: diffs(&nodes, &mut names, problems),
        experiments: experiment::resolve(&nodes, &mut names, problems),
        figures: figure::resolve(&nodes, &mut names, problems),
        papers: papers(&nodes, &mut names, problems),
        layers: Arc::clone(layers),
    };
    cycle::check(&recipe, problems);
    recipe
}

/// Lays a profile over the nodes; what it says of nodes that do not exist is wrong.
fn overlay(nodes: &mut NodeLayers, upper: &NodeLayers, problems: &mut Problems) {
    macro_rules! overlay {
        ($($kind:ident: $nodes:ident),+) => {$(
            for (name, upper) in &upper.$nodes {
                match nodes.$nodes.get_mut(name) {
                    Some(lower) => lower.overlay(upper),
                    None => problems.push(absent(
                        NodeKind::$kind,
                        name,
                        &upper.spot,
                        nodes.$nodes.keys().map(String::as_str),
                    )),
                }
            }
        )+};
    }
    overlay!(
        Source: sources,
        Diff: diffs,
        Experiment: experiments,
        Figure: figures,
        Paper: papers
    );
}

fn absent<'a>(
    kind: NodeKind,
    name: &str,
    spot: &Spot,
    known: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let problem = Diagnostic::new(
        Code::DanglingName,
        spot.name.clone(),
        format!("the profile changes `{kind}.{}`, which does not exist", excerpt(name)),
    )
    .help("a profile changes nodes and makes none");
    match nearest(name, known) {
        Some(near) => problem.label(format!("did you mean `{near}`?")),
        None => problem.label(format!("no such {kind}")),
    }
}

/// Reports a key that a node needs and nobody wrote.
fn missing(spot: &Spot, what: &str, key: &str, help: &str) -> Diagnostic {
    Diagnostic::new(Code::MissingKey, spot.span.clone(), format!("`{key}` is missing in {what}"))
        .label(format!("has no `{key}`"))
        .help(help)
}

fn sources(nodes: &NodeLayers, problems: &mut Problems) -> BTreeMap<String, Source> {
    let mut sources = BTreeMap::new();
    for (name, layer) in &nodes.sources {
        match &layer.path {
            Some(path) => {
                let (span, about) = (layer.spot.span.clone(), layer.about.clone());
                let source = Source { span, path: path.clone(), about };
                sources.insert(name.clone(), source);
            }
            None if layer.written.contains(&"path") => {}
            None => problems.push(missing(
                &layer.spot,
                &format!("`source.{name}`"),
                "path",
                "add `path = \"experiment\"`, a file or directory of the project",
            )),
        }
    }
    sources
}

fn diffs(
    nodes: &NodeLayers,
    names: &mut Names<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, Diff> {
    let mut diffs = BTreeMap::new();
    for (name, layer) in &nodes.diffs {
        let what = format!("`diff.{name}`");
        if !layer.written.contains(&"base") {
            let help = "add `base = \"source.template\"`, the source that the patch changes";
            problems.push(missing(&layer.spot, &what, "base", help));
        }
        if !layer.written.contains(&"patch") {
            let help = format!("add `patch = \"diffs/{name}.patch\"`, a git patch");
            problems.push(missing(&layer.spot, &what, "patch", &help));
        }
        let base = layer.base.as_ref().filter(|base| names.check(base, problems));
        if let (Some(base), Some(patch)) = (base, &layer.patch) {
            let (span, base) = (layer.spot.span.clone(), base.clone());
            diffs.insert(name.clone(), Diff { span, base, patch: patch.clone() });
        }
    }
    diffs
}

fn papers(
    nodes: &NodeLayers,
    names: &mut Names<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, Paper> {
    let mut papers = BTreeMap::new();
    for (name, layer) in &nodes.papers {
        if !layer.written.contains(&"text") {
            let help = "add `text = \"paper/main.typ\"`";
            problems.push(missing(&layer.spot, &format!("`paper.{name}`"), "text", help));
        }
        let data = chosen(layer.data.as_ref(), NodeKind::Experiment, names, problems);
        let figures = chosen(layer.figures.as_ref(), NodeKind::Figure, names, problems);
        let Some(text) = &layer.text else { continue };
        check_folder(layer, text, problems);
        papers.insert(
            name.clone(),
            Paper {
                span: layer.spot.span.clone(),
                text: text.clone(),
                bibliography: layer.bibliography.clone(),
                style: layer.style.unwrap_or_default(),
                mode: layer.mode.unwrap_or_default(),
                terms: layer.terms.clone().unwrap_or_default(),
                lexicon: layer.lexicon.clone(),
                data,
                figures,
            },
        );
    }
    papers
}

/// The nodes that a paper lists, or all of the kind.
fn chosen(
    listed: Option<&Vec<Spanned<NodeName>>>,
    kind: NodeKind,
    names: &mut Names<'_>,
    problems: &mut Problems,
) -> Vec<NodeName> {
    match listed {
        None => names.of_kind(kind).map(|name| NodeName::new(kind, name)).collect(),
        Some(listed) => {
            let good = listed.iter().filter(|name| names.check(name, problems));
            good.map(|name| name.get_ref().clone()).collect()
        }
    }
}

/// A paper sees the folder of its text and nothing else of the project.
fn check_folder(layer: &PaperLayer, text: &Spanned<String>, problems: &mut Problems) {
    let Some((folder, _)) = text.get_ref().rsplit_once('/') else {
        problems.push(
            Diagnostic::new(
                Code::BadPath,
                text.span(),
                "the text of a paper must lie in a folder of its own",
            )
            .label("lies beside the recipe")
            .note("the paper sees all files of that folder, and changes when one of them does")
            .help(format!("move it: `paper/{}`", text.get_ref())),
        );
        return;
    };
    let Some(bibliography) = &layer.bibliography else { return };
    let inside = bibliography.get_ref().strip_prefix(folder);
    if !inside.is_some_and(|rest| rest.starts_with('/')) {
        problems.push(
            Diagnostic::new(
                Code::BadPath,
                bibliography.span(),
                "the bibliography must lie in the folder of the text",
            )
            .label(format!("lies outside `{folder}/`"))
            .also(text.span(), "the text")
            .help(format!("move it beside the text: `{folder}/refs.bib`")),
        );
    }
}
