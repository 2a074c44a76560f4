//! All that is made without running a program, made again from what is recorded: sources, results,
//! figures, and papers with every claim's text against its artifact and its formula.

use rescience_digest::{ActionKey, Digest};
use rescience_exec::request::{self, Artifacts, NoFigure};
use rescience_exec::studio::{Studio as _, Typeset};
use rescience_recipes::{ActionName, Graph, PaperSpec, Plan, Plot, Step, Work};
use rescience_typst_papers::evidence;
use serde_json::Value;

use super::{Report, derived};
use crate::error::Error;
use crate::studio::TypstStudio;

/// Where recorded papers and what they were made from are found.
pub(super) trait Recorded: Artifacts<Error = Error> {
    /// A file of the project, or the listing of a folder.
    fn own(&self, path: &str) -> Option<Digest>;

    /// What is recorded beside a result: `html`, `json`, `claims`.
    fn beside(&self, key: &ActionKey, output: &Digest, log: &str) -> Option<Digest>;

    /// Whether the bytes of this digest are not expected to be here.
    fn left_out(&self, digest: &Digest) -> bool;

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
    /// What made the figures and pages that were not compared, and how many there are.
    pub(super) others: Option<(String, usize)>,
}

/// Makes every figure and paper of a plan again.
pub(super) fn again(graph: &Graph, plan: &Plan, recorded: &impl Recorded) -> Pages {
    let mut pages = Pages::default();
    let (theirs, ours) = (recorded.engine(), TypstStudio.engine());
    let bitwise = theirs == ours;
    let mut others = 0;
    for step in &plan.steps {
        let Step::Fresh { key: Some(key), made, .. } = step else { continue };
        let action = graph.action(step.index());
        let Some(inputs) = inputs(graph, plan, step) else { continue };
        let name = action.name.to_string();
        let expected = &made.output;
        let done = match &action.work {
            Work::Patch { path } => {
                let base = action.deps.iter().position(|(role, _)| role == "base");
                match base.map(|at| derived::patched(&inputs[at].1, path, recorded)) {
                    None => Err("it has no base".to_owned()),
                    Some(again) => again.map(|found| pages.compare(&name, "", expected, found)),
                }
            }
            Work::Collect(spec) => derived::collected(graph, plan, step, spec, recorded)
                .map(|found| pages.compare(&name, "", expected, found)),
            Work::Figure { plot } if bitwise => drawn(&name, plot, &inputs, recorded)
                .map(|svg| pages.compare(&name, "", expected, Digest::of(&svg))),
            Work::Paper(spec) if bitwise => typeset(graph, spec, &inputs, recorded).map(|paper| {
                pages.compare(&name, "", expected, Digest::of(&paper.pdf));
                for (form, bytes) in [("html", paper.html.as_bytes()), ("json", &paper.json)] {
                    let found = Digest::of(bytes);
                    match recorded.beside(key, expected, form) {
                        Some(digest) => pages.compare(&name, form, &digest, found),
                        None => pages.problem(&name, format!("its {form} is not recorded")),
                    }
                }
                let claims = recorded.beside(key, expected, "claims");
                pages.compare_claims(&name, claims, &paper, recorded);
            }),
            Work::Figure { .. } | Work::Paper(_) => {
                others += 1;
                evidence(expected, &action.work, recorded)
            }
            Work::Source { .. } | Work::Build { .. } | Work::Run(_) => Ok(()),
        };
        if let Err(why) = done {
            pages.problem(&name, why);
        }
    }
    pages.others = (others > 0).then(|| (theirs.to_owned(), others));
    pages
}

/// A page that cannot be made again at least agrees with what is attached to it.
fn evidence(page: &Digest, work: &Work, recorded: &impl Recorded) -> Result<(), String> {
    let Work::Paper(_) = work else { return Ok(()) };
    let bytes = recorded.read(page).map_err(|error| error.words())?;
    let checked = evidence::check(&evidence::attachments(&bytes)?)?;
    checked.problems.into_iter().next().map_or(Ok(()), Err)
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
    let text = recorded.own(&spec.directory).ok_or("its text is not here")?;
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
        report.count("artifacts made again", self.same.len());
        report.count("claims", self.claims);
    }

    fn problem(&mut self, name: &str, what: impl Into<String>) {
        self.problems.push((name.to_owned(), what.into()));
    }

    fn compare(&mut self, name: &str, form: &str, expected: &Digest, found: Digest) {
        let shown = if form.is_empty() { name.to_owned() } else { format!("{name} ({form})") };
        if found == *expected {
            self.same.push(shown);
        } else {
            let of = if form.is_empty() { String::new() } else { format!("its {form} ") };
            self.problem(name, format!("{of}comes out as {found}, and {expected} is recorded"));
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
            return self.problem(name, "its claims are not recorded");
        };
        let then: Vec<Value> = match serde_json::from_slice(&bytes) {
            Ok(rows) => rows,
            Err(error) => return self.problem(name, format!("its claims: {error}")),
        };
        let now = paper.claims.as_array().map(Vec::as_slice).unwrap_or_default();
        let text =
            |claim: &Value, field: &str| claim[field].as_str().unwrap_or_default().to_owned();
        for (row, claim) in then.iter().enumerate() {
            let (path, printed) = (text(claim, "path"), text(claim, "printed"));
            let what = match now.get(row) {
                Some(again) if again == claim => {
                    self.claims += 1;
                    continue;
                }
                Some(again) if text(again, "printed") != printed => {
                    format!("says `{printed}`, and is `{}`", text(again, "printed"))
                }
                Some(_) => "is recorded otherwise than it is made".to_owned(),
                None => "is not in the text".to_owned(),
            };
            self.problem(name, format!("claim {row}, `{path}`, {what}"));
        }
        if now.len() > then.len() {
            let more = now.len() - then.len();
            self.problem(name, format!("{more} claims of the text are not recorded"));
        }
    }
}
