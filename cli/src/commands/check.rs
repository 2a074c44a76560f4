//! `rescience check`: everything that can be known to be wrong before anything runs.
//!
//! The recipe and its inputs are read, and every paper whose results are made is typeset, without
//! recording it. A paper that waits for experiments is no error: as `cargo check` links nothing,
//! this runs nothing.

use rescience_exec::event::{Failure, Problem};
use rescience_exec::host::Host;
use rescience_exec::proof::{self, Lack, Proof};
use rescience_recipes::Code;
use serde_json::json;

use crate::args::{Check, Global, MessageFormat};
use crate::error::Error;
use crate::project::{self, Project};
use crate::settings::Settings;
use crate::shell::Shell;
use crate::{console, diagnostics};

pub(crate) fn run(
    shell: &Shell,
    global: &Global,
    settings: &Settings,
    args: &Check,
) -> Result<(), Error> {
    let began = std::time::Instant::now();
    let json = args.message_format == MessageFormat::Json;
    let project = Project::open(global, settings)?;
    let host = project::host(global, settings, None, project.unpacked.as_ref())?;
    let everything = project.everything()?;
    let plan = rescience_exec::build::plan(project.as_built(), &everything, &host)?;
    let dirty = plan.dirty().count();
    let mut wrong = 0;
    for index in project.papers(None)? {
        let paper = project.graph.action(index).name.to_string();
        match check(&project, index, &host)? {
            Checked::Good(warnings) => tell_problems(shell, &paper, &warnings, json),
            Checked::Waiting(lacking) => tell_lacking(shell, &paper, &lacking, json),
            Checked::Wrong(failure) => {
                wrong += 1;
                tell_failure(shell, &failure, json);
            }
        }
    }
    let took = console::seconds(began.elapsed().as_secs_f64());
    let name = &project.recipe.project.name;
    if json {
        shell
            .data(json!({ "reason": "check-finished", "success": wrong == 0, "would_run": dirty }));
    }
    if wrong > 0 {
        let papers =
            if wrong == 1 { "1 paper is".to_owned() } else { format!("{wrong} papers are") };
        shell.error(format_args!("{papers} refused; nothing was run ({took})"));
        return Err(Error::Build);
    }
    shell.status(
        "Checked",
        format_args!("{name}: {} actions, {dirty} would run, in {took}", plan.steps.len()),
    );
    Ok(())
}

enum Checked {
    Good(Vec<Problem>),
    Waiting(Vec<Lack>),
    Wrong(Box<Failure>),
}

fn check(
    project: &Project,
    paper: rescience_recipes::ActionIndex,
    host: &Host,
) -> Result<Checked, Error> {
    Ok(match proof::prepare(project.as_built(), paper, host)? {
        Proof::Waiting(lacking) => Checked::Waiting(lacking),
        Proof::Wrong(failure) => Checked::Wrong(failure),
        // It was typeset like this before.
        Proof::Ready(ready) if ready.fresh => Checked::Good(Vec::new()),
        Proof::Ready(ready) => match ready.typeset() {
            Ok(typeset) => Checked::Good(typeset.warnings),
            Err(failure) => Checked::Wrong(failure),
        },
    })
}

fn tell_problems(shell: &Shell, paper: &str, problems: &[Problem], json: bool) {
    for problem in problems {
        if json {
            shell.data(diagnostics::problem_json(problem, paper, Code::PaperError));
        } else {
            shell.raw(diagnostics::render_problem(problem, Code::PaperError));
            shell.raw("");
        }
    }
}

fn tell_failure(shell: &Shell, failure: &Failure, json: bool) {
    if !json {
        diagnostics::show_failure(shell, failure);
    } else if failure.problems.is_empty() {
        let help = failure.notes.join("; ");
        shell.data(diagnostics::bare(failure.code, &failure.message, &help));
    } else {
        for problem in &failure.problems {
            shell.data(diagnostics::problem_json(problem, &failure.action, failure.code));
        }
    }
}

fn tell_lacking(shell: &Shell, paper: &str, lacking: &[Lack], json: bool) {
    if json {
        let lacking: Vec<_> = lacking
            .iter()
            .map(|lack| json!({ "action": lack.action, "needs": lack.root, "why": lack.reason }))
            .collect();
        shell.data(json!({ "reason": "not-checked", "action": paper, "lacking": lacking }));
        return;
    }
    shell.note(format_args!("the text of {paper} was not checked: {}", lacks(lacking)));
}

/// What is not made, in one line.
pub(super) fn lacks(lacking: &[Lack]) -> String {
    let each = lacking.iter().map(|lack| match &lack.reason {
        Some(reason) if lack.root == lack.action => format!("{} ({reason})", lack.action),
        Some(reason) => format!("{} ({}: {reason})", lack.action, lack.root),
        None => lack.action.clone(),
    });
    let each: Vec<String> = each.collect();
    format!("`rescience build` has to make {}", each.join(", "))
}
