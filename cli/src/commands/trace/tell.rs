//! A chain in words: one link a line, digests short unless `-v` asks for all of them.

use rescience_digest::Digest;
use serde_json::Value;

use super::chain::{Chain, Origin, Program, Run, What};
use crate::shell::{DIM, STRONG, Shell};

pub(super) fn chain(shell: &Shell, chain: &Chain) {
    let text = |name: &str| chain.claim.get(name).and_then(Value::as_str).unwrap_or_default();
    let page = chain.claim.get("page").and_then(Value::as_u64);
    let page = page.map(|page| format!(", page {page}")).unwrap_or_default();
    link(
        shell,
        "claim",
        format_args!(
            "{STRONG}{}{STRONG:#}: row {} of {}{page}{}",
            text("printed"),
            chain.row,
            chain.paper.name,
            digest(shell, "", &chain.paper.pdf),
        ),
    );
    if let Some(sentence) = chain.claim.get("sentence").and_then(Value::as_str) {
        link(shell, "sentence", sentence);
    }
    let statistic = text("statistic");
    let statistic = if statistic.is_empty() { String::new() } else { format!(", {statistic}") };
    link(shell, text("kind"), format_args!("{}{statistic}", text("path")));
    if !text("because").is_empty() {
        link(shell, "because", text("because"));
    }
    for one in &chain.origins {
        origin(shell, one);
    }
    if chain.origins.is_empty() && text("because").is_empty() {
        link(shell, "from", "the recipe and all of its runs");
    }
}

fn link(shell: &Shell, name: &str, what: impl std::fmt::Display) {
    shell.data(format_args!("{name:>9}  {what}"));
}

fn below(shell: &Shell, what: impl std::fmt::Display) {
    shell.data(format_args!("{:>9}    {what}", ""));
}

fn digest(shell: &Shell, what: &str, digest: &Digest) -> String {
    let what = if what.is_empty() { String::new() } else { format!("{what} ") };
    let shown = if shell.verbose() { digest.to_string() } else { format!("b3:{}", digest.short()) };
    format!("  {DIM}{what}{shown}{DIM:#}")
}

fn origin(shell: &Shell, origin: &Origin) {
    let Origin { experiment, results, what, runs, program } = origin;
    let said = match what {
        What::Metric { name, at, unit, better } => {
            format!("{name} in {unit} from {at}, {better} is better")
        }
        What::Param { name, value: Some(value) } => format!("param {name} = {value}"),
        What::Param { name, value: None } => format!("param {name}"),
        What::Facts => "what was measured of its runs".to_owned(),
        What::Other { path } => path.clone(),
    };
    link(shell, "results", format_args!("{experiment}: {said}{}", digest(shell, "", results)));
    for one in runs {
        run(shell, one);
    }
    if let Some(one) = program {
        self::program(shell, one);
    }
}

fn run(shell: &Shell, run: &Run) {
    let Run { name, seed, key, finished, output, file, measured, facts, machine } = run;
    let value = match measured {
        Some(measured) if measured.censored => format!(" > {}", measured.value),
        Some(measured) => format!(" = {}", measured.value),
        None => String::new(),
    };
    let file = file.as_ref().map(|file| digest(shell, "file", file)).unwrap_or_default();
    link(shell, "run", format_args!("{name} (seed {seed}){value}{file}"));
    let key = key.map(|key| format!("key:{}, ", key.short())).unwrap_or_default();
    let finished = finished.as_deref().unwrap_or("time unknown");
    below(shell, format_args!("{key}finished {finished}{}", digest(shell, "output", output)));
    let machine = machine.as_ref().map_or_else(|| "machine unknown".to_owned(), described);
    let facts = facts.as_ref().map(|facts| digest(shell, "facts", facts)).unwrap_or_default();
    below(shell, format_args!("on {machine}{facts}"));
}

/// A machine in a few words; what is unknown is left out.
fn described(machine: &Value) -> String {
    let text = |pointer: &str| machine.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let gpus = machine.pointer("/gpu/devices").and_then(Value::as_array);
    let gpus = gpus.into_iter().flatten().filter_map(|gpu| gpu["name"].as_str());
    let mut parts: Vec<String> = text("/cpu/model").into_iter().collect();
    parts.extend(gpus.map(str::to_owned));
    parts.extend(text("/os"));
    parts.extend(text("/kernel"));
    if parts.is_empty() { "machine unknown".to_owned() } else { parts.join(", ") }
}

fn program(shell: &Shell, program: &Program) {
    let Program { digest: made, build, sources } = program;
    let from = sources.first().map(|source| source.node.as_str()).unwrap_or_default();
    match build {
        Some(build) => {
            let tools: Vec<&str> = build.toolchain.values().map(String::as_str).collect();
            let tools = if tools.is_empty() {
                String::new()
            } else {
                format!(" with {}", tools.join(", "))
            };
            let key = build.key.short();
            let digest = digest(shell, "", made);
            link(shell, "program", format_args!("{} (key:{key}){tools}{digest}", build.action));
        }
        None => link(shell, "program", format_args!("{from} as it is{}", digest(shell, "", made))),
    }
    for source in sources {
        let (kind, patch) = match &source.patch {
            Some(patch) => ("diff", digest(shell, "patch", patch)),
            None => ("source", String::new()),
        };
        let tree = digest(shell, "tree", &source.tree);
        link(shell, kind, format_args!("{}{patch}{tree}", source.node));
    }
}
