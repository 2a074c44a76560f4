//! The `README.md` of a bundle: what a stranger types to check it, and to do it all again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::account::{Account, File, Kind, Outcome};
use crate::index::Index;
use crate::markdown::{code, line};
use crate::{citation, croissant, ro_crate, slsa, time};

/// Where the document is.
pub const PATH: &str = "README.md";

/// The document of an account. It tells of files that are in the account, so make it last but for
/// the RO-Crate.
pub fn readme(account: &Account) -> String {
    let mut out = format!("# {}\n\n", line(&account.project.title));
    about(&mut out, account);
    out.push_str(&checks(account));
    contents(&mut out, account);
    done(&mut out, account);
    out
}

fn about(out: &mut String, account: &Account) {
    let project = &account.project;
    let authors: Vec<String> = project.authors.iter().map(|it| line(&it.name.full())).collect();
    if !authors.is_empty() {
        _ = writeln!(out, "{}\n", authors.join(", "));
    }
    _ = writeln!(
        out,
        "{} {}, {}: a paper, and all it was made from.\n",
        line(&project.name),
        line(&project.version),
        time::date(project.published),
    );
    if let Some(description) = &project.description {
        _ = writeln!(out, "> {}\n", line(description));
    }
}

/// The commands are the tool's names as they are typed, whatever version wrote the bundle.
fn checks(account: &Account) -> String {
    let engine = &account.engine;
    format!(
        "## Check it\n\n\
         Every byte, with tools that are not ours:\n\n\
         ```sh\nb3sum -c manifest-blake3.txt\nsha256sum -c manifest-sha256.txt\n```\n\n\
         Every byte, every trace, and that each belongs to its inputs, without running anything:\n\n\
         ```sh\nrescience verify .\n```\n\n\
         ## Make it again\n\n\
         The paper and its figures from the recorded results, to the same bytes:\n\n\
         ```sh\nrescience build\n```\n\n\
         The experiments too, on your machine, with a verdict for each metric:\n\n\
         ```sh\nrescience reproduce .\n```\n\n\
         `rescience` is from {}; {} {} wrote this.\n\n",
        engine.url,
        line(&engine.name),
        line(&engine.version),
    )
}

fn contents(out: &mut String, account: &Account) {
    let index = Index::of(account);
    out.push_str("## What is in it\n\n| path | what it is |\n|---|---|\n");
    let mut folders: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for file in index.files() {
        match file.path.split_once('/') {
            Some((folder, _)) => {
                let (files, size) = folders.entry(folder).or_default();
                *files += 1;
                *size += file.size;
            }
            None if file.path == PATH => {}
            None => row(out, file),
        }
    }
    for (folder, (files, size)) in folders {
        let plural = if files == 1 { "" } else { "s" };
        _ = writeln!(out, "| {}/ | {files} file{plural}, {size} bytes |", line(folder));
    }
    _ = writeln!(out, "| {} | this table and more, for machines |\n", ro_crate::PATH);
}

fn row(out: &mut String, file: &File) {
    _ = writeln!(out, "| {} | {} |", line(&file.path), line(&file.about));
}

fn done(out: &mut String, account: &Account) {
    let index = Index::of(account);
    let papers = index.made(account, |it| it.kind == Kind::Paper && it.outcome == Outcome::Ok);
    for file in papers.iter().filter(|file| file.media_type == "application/pdf") {
        _ = writeln!(out, "The paper is {}, with the digest `{}`.", code(&file.path), file.digest);
    }
    let runs = || account.actions.iter().filter(|action| action.kind == Kind::Run);
    let failed: Vec<_> = runs().filter(|action| action.outcome != Outcome::Ok).collect();
    _ = writeln!(
        out,
        "\nRuns of experiments: {}. Of these failed: {}.",
        runs().count(),
        failed.len()
    );
    for action in failed {
        if let Outcome::Failed(why) = &action.outcome {
            _ = writeln!(out, "\n- {}: {}", line(&action.label), line(why));
        }
    }
    if index.file(citation::PATH).is_some() {
        _ = writeln!(out, "\nHow to cite it is in `{}`.", citation::PATH);
    }
    if index.file(slsa::PATH).is_some() {
        _ = writeln!(
            out,
            "\nWho built what from what is in `{}`, which can be signed.",
            slsa::PATH
        );
    }
    for set in &account.data_sets {
        _ = writeln!(
            out,
            "\nThe data set {} is described in {}.",
            line(&set.name),
            code(&croissant::path(set))
        );
    }
}
