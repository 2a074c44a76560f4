//! Figures and papers made again, in memory, from what is recorded: every claim's text against its
//! artifact and its formula, every attachment with it.

use rescience_digest::{ActionKey, Digest};
use rescience_exec::request::{self, Artifacts, NoFigure};
use rescience_exec::studio::{Studio as _, Typeset};
use rescience_recipes::{ActionName, Graph, PaperSpec, Plan, Plot, Step, Work};
use serde_json::Value;

use super::Report;
use crate::error::Error;
use crate::studio::TypstStudio;

/// Where recorded papers and what they were made from are found.
pub(super) trait Recorded: Artifacts<Error = Error> {
    /// The listing of a folder of the project.
    fn folder(&self, path: &str) -> Option<Digest>;

    /// What is recorded beside a result: `html`, `json`, `claims`.
    fn beside(&self, key: &ActionKey, log: &str) -> Option<Digest>;

    /// What made the recorded pages.
    fn engine(&self) -> &str;
}

/// What came of the pages.
#[derive(Default)]
pub(super) struct Pages {
    /// What came out as it is recorded, to the last bit.
    pub(super) same: Vec<String>,
    /// What did not, and how, by action.
    pub(super) problems: Vec<(String, String)>,
    /// How many claims were printed again as they are recorded.
    pub(super) claims: usize,
    /// Why the pages were not compared bit by bit.
    pub(super) note: Option<String>,
}

/// Makes every figure and paper of a plan again.
pub(super) fn again(graph: &Graph, plan: &Plan, recorded: &impl Recorded) -> Pages {
    let mut pages = Pages::default();
    let (theirs, ours) = (recorded.engine(), TypstStudio.engine());
    let bitwise = theirs == ours;
    if !bitwise {
        let what = format!("made by {theirs}, and this is {ours}: only claims were compared");
        pages.note = Some(what);
    }
    for step in &plan.steps {
        let Step::Fresh { key: Some(key), made, .. } = step else { continue };
        let action = graph.action(step.index());
        let Some(inputs) = inputs(graph, plan, step) else { continue };
        let name = action.name.to_string();
        let done = match &action.work {
            Work::Figure { plot } if bitwise => drawn(&name, plot, &inputs, recorded)
                .map(|svg| pages.compare(&name, "", &made.output, &svg)),
            Work::Paper(spec) => typeset(graph, spec, &inputs, recorded).map(|paper| {
                if bitwise {
                    pages.compare(&name, "", &made.output, &paper.pdf);
                    for (form, bytes) in [("html", paper.html.as_bytes()), ("json", &paper.json)] {
                        if let Some(digest) = recorded.beside(key, form) {
                            pages.compare(&name, form, &digest, bytes);
                        }
                    }
                }
                pages.compare_claims(&name, recorded.beside(key, "claims"), &paper, recorded);
            }),
            _ => Ok(()),
        };
        if let Err(why) = done {
            pages.problems.push((name, why));
        }
    }
    pages
}

/// What an action was made from; none if the plan lacks a part of it, which is told elsewhere.
fn inputs<'a>(graph: &'a Graph, plan: &Plan, step: &Step) -> Option<Vec<(&'a ActionName, Digest)>> {
    let deps = graph.action(step.index()).deps.iter();
    deps.map(|(_, dep)| {
        let at = plan.steps.binary_search_by_key(dep, Step::index).ok()?;
        let Step::Fresh { made, .. } = &plan.steps[at] else { return None };
        Some((&graph.action(*dep).name, made.output))
    })
    .collect()
}

fn drawn(
    name: &str,
    plot: &Plot,
    inputs: &[(&ActionName, Digest)],
    recorded: &impl Recorded,
) -> Result<Vec<u8>, String> {
    let own = name.trim_start_matches("figure.");
    let request = request::figure(own, plot, inputs, recorded).map_err(|why| match why {
        NoFigure::Artifact(error) => error.words(),
        NoFigure::NoSeries { run, file } => format!("{run} wrote no `{file}`"),
    })?;
    TypstStudio.draw(&request).map_err(|problem| format!("cannot be drawn: {}", problem.message))
}

fn typeset(
    graph: &Graph,
    spec: &PaperSpec,
    inputs: &[(&ActionName, Digest)],
    recorded: &impl Recorded,
) -> Result<Typeset, String> {
    let text = recorded.folder(&spec.directory).ok_or("its text is not here")?;
    let (project, profile) = (graph.project(), graph.profile());
    let request = request::paper(project, profile, spec, &text, inputs, recorded);
    TypstStudio.typeset(&request.map_err(|error| error.words())?).map_err(|problems| {
        let first = problems.first().map_or("", |problem| problem.message.as_str());
        format!("cannot be typeset: {first}")
    })
}

impl Pages {
    /// Tells what is sound, and how much there was.
    pub(super) fn tell(self, report: &mut Report<'_>) {
        for name in &self.same {
            report.sound(format_args!("{name}: made again, bit for bit"));
        }
        if let Some(note) = &self.note {
            report.shell.note(note);
        }
        report.count("pages and figures made again", self.same.len());
        report.count("claims", self.claims);
    }

    fn compare(&mut self, name: &str, form: &str, expected: &Digest, bytes: &[u8]) {
        let name = if form.is_empty() { name.to_owned() } else { format!("{name} ({form})") };
        match Digest::of(bytes) {
            found if found == *expected => self.same.push(name),
            found => {
                let what = format!("comes out as {found}, and {expected} is recorded");
                self.problems.push((name, what));
            }
        }
    }

    /// Each claim as it is recorded against what its artifact gives now.
    fn compare_claims(
        &mut self,
        name: &str,
        recorded: Option<Digest>,
        paper: &Typeset,
        artifacts: &impl Recorded,
    ) {
        let read = recorded.map(|digest| artifacts.read(&digest));
        let Some(Ok(bytes)) = read else {
            self.problems.push((name.to_owned(), "its claims are not recorded".to_owned()));
            return;
        };
        let then: Vec<Value> = serde_json::from_slice(&bytes).unwrap_or_default();
        let now = paper.claims.as_array().map(Vec::as_slice).unwrap_or_default();
        let said = |claim: &Value| {
            let text = |field: &str| claim[field].as_str().unwrap_or_default().to_owned();
            (text("path"), text("printed"), text("digest"))
        };
        for (row, claim) in then.iter().enumerate() {
            let (path, printed, digest) = said(claim);
            match now.get(row).map(said) {
                Some(again) if again == (path.clone(), printed.clone(), digest) => self.claims += 1,
                Some((_, again, _)) => {
                    let what = format!("claim {row}, `{path}`, says `{printed}`, and is `{again}`");
                    self.problems.push((name.to_owned(), what));
                }
                None => {
                    let what = format!("claim {row}, `{path}`, is not in the text");
                    self.problems.push((name.to_owned(), what));
                }
            }
        }
        if now.len() > then.len() {
            let what = format!("{} claims of the text are not recorded", now.len() - then.len());
            self.problems.push((name.to_owned(), what));
        }
    }
}
