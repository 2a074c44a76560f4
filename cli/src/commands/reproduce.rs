//! `rescience reproduce`: run experiments again, here, and judge what comes out.
//!
//! Nothing recorded takes part in the runs: they have a store of their own, which begins empty. An
//! interrupted reproduction goes on where it was; a finished one is done again from the start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rescience_bundle::Bundle;
use rescience_digest::{Digest, Hashed};
use rescience_exec::build::{Report, build, plan};
use rescience_exec::event::Event;
use rescience_exec::host::Host;
use rescience_recipes::{ActionName, Code, NodeName, Step, Work};
use rescience_sign::statement::svr::Verifier;
use rescience_sign::statement::test_result::Outcome as TestOutcome;
use rescience_sign::statement::{ResourceDescriptor, Statement, TestResult, VerificationResult};
use rescience_sign::{PublicKey, Signer, namespace};
use rescience_store::{Artifact, Root, Store};
use rescience_typst_papers::Results;
use rescience_typst_papers::reproduction::{
    self, Difference, Head, Judged, Outcome, Verdict, differences, judge,
};
use serde_json::{Value, json};

use crate::args::{Global, MessageFormat, Reproduce};
use crate::console::Console;
use crate::drive::drive;
use crate::error::Error;
use crate::project::{self, Project, RECIPE, Texts};
use crate::settings::Settings;
use crate::shell::Shell;
use crate::signing;
use crate::unpacked::Tools;

pub(crate) fn run(
    shell: &mut Shell,
    global: &Global,
    settings: &Settings,
    args: &Reproduce,
) -> Result<(), Error> {
    let json = args.message_format == MessageFormat::Json;
    let signer = args.sign.as_deref().map(|key| signing::signer(settings, key)).transpose()?;
    let subject = Subject::find(shell, settings, args)?;
    let recorded = Recorded::read(&subject, global, settings, args)?;
    let again = subject.texts(settings)?.project_with(global, |recipe| {
        for experiment in recipe.experiments.values_mut() {
            experiment.seeds = args.seeds.unwrap_or(experiment.seeds);
        }
    })?;
    let store = OwnStore::open(settings, &subject, &again, args.seeds)?;
    let mut host = project::host(global, settings, args.jobs, None)?;
    host.store = store.store.clone();
    host.recorded = Tools::new();
    host.keep_going = true;
    host.isolation = args.sandbox.into();
    let names: Vec<String> = recorded.experiments.keys().map(ToString::to_string).collect();
    let selection = again.select(&names)?;
    let mut console = Console::new(shell, json, settings.progress, host.jobs);
    let report = drive(
        |event: &Event| console.handle(event),
        async |events| Ok(build(again.as_built(), &selection, &host, &events).await?),
    )?;
    console.handle(&Event::BuildFinished(report.summary.clone()));
    let found = Found::gather(&again, &report, &host)?;
    let judged = judge(
        recorded.experiments.iter().map(|(name, results)| (results, found.experiments.get(name))),
    );
    let complete = recorded.complete && args.seeds.is_none_or(|seeds| seeds >= recorded.seeds);
    let reproduction = Reproduction {
        outcome: Outcome::of(&judged, complete),
        machines: differences(&recorded.facts, &found.facts),
        head: Head {
            title: again.recipe.project.title.clone(),
            project: format!("{} {}", again.recipe.project.name, again.recipe.project.version),
            of: subject.of.clone(),
            profile: again.recipe.profile,
            finished: settings.clock.now(),
            runs: (found.runs, recorded.runs),
            signed_by: signer.as_ref().map(|signer| recorded.relation(signer)),
            rescience: env!("CARGO_PKG_VERSION").to_owned(),
        },
        judged,
        subjects: recorded.subjects,
    };
    let written = reproduction.write(settings, &subject.output, signer.as_ref())?;
    store.finish()?;
    reproduction.tell(shell, json, settings, &written);
    match reproduction.outcome {
        Outcome::NotReproduced => Err(Error::Coded {
            code: Code::NotReproduced,
            message: format!("{} was not reproduced", reproduction.head.project),
            help: "the report names each metric, and how the machines differ".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// What judges, in statements.
const VERIFIER: &str = "https://rescience.dev/reproduce";

/// What is to be reproduced.
struct Subject {
    directory: PathBuf,
    /// The digest of the bundle, or the project's name.
    of: String,
    /// Where the report goes.
    output: PathBuf,
}

impl Subject {
    /// A project, an unpacked bundle, or a zip, which is unpacked first.
    fn find(shell: &Shell, settings: &Settings, args: &Reproduce) -> Result<Subject, Error> {
        let path = settings.directory.join(&args.path);
        let output = |default: PathBuf| match &args.output {
            Some(path) => settings.directory.join(path),
            None => default,
        };
        if path.is_dir() {
            let listed = std::fs::read(path.join(rescience_bundle::manifest::BLAKE3));
            let of = match listed {
                Ok(list) => format!("bundle {}", Digest::of(&list)),
                Err(_) => "the project's own runs".to_owned(),
            };
            let output = output(path.join("out/reproduction"));
            return Ok(Subject { directory: path, of, output });
        }
        let bundle = Bundle::open(&path)?;
        let list = bundle.read(rescience_bundle::manifest::BLAKE3)?.unwrap_or_default();
        let digest = Digest::of(&list);
        let directory = settings.home.join("cache/unpacked").join(digest.hex());
        if !directory.is_dir() {
            shell.status("Unpacking", args.path.display());
            let parent = settings.home.join("cache/unpacked");
            std::fs::create_dir_all(&parent).map_err(|error| Error::write(&parent, &error))?;
            bundle.unpack(&directory)?;
        }
        let output = output(settings.directory.join("reproduction"));
        Ok(Subject { directory, of: format!("bundle {digest}"), output })
    }

    fn texts(&self, settings: &Settings) -> Result<Texts, Error> {
        let path = self.directory.join(RECIPE);
        if !path.is_file() {
            return Err(Error::NoRecipe { start: self.directory.clone() });
        }
        Texts::of(&path, settings)
    }
}

/// What the author's runs gave.
struct Recorded {
    experiments: BTreeMap<NodeName, Results>,
    facts: Vec<Value>,
    /// The results, by their digests.
    subjects: Vec<ResourceDescriptor>,
    /// The keys that have signed the bundle.
    authors: Vec<PublicKey>,
    runs: usize,
    /// The most seeds that an experiment has.
    seeds: u32,
    /// Whether these are all experiments of the papers.
    complete: bool,
}

impl Recorded {
    fn read(
        subject: &Subject,
        global: &Global,
        settings: &Settings,
        args: &Reproduce,
    ) -> Result<Recorded, Error> {
        let project = subject.texts(settings)?.project(global)?;
        let host = project::host(global, settings, None, project.unpacked.as_ref())?;
        let papers = project.unpacked.as_ref().map(|it| it.about.papers.clone());
        let all = project.select(&papers.unwrap_or_default())?;
        let wanted = match args.only.is_empty() {
            true => None,
            false => Some(project.select(&args.only)?),
        };
        let plan = plan(project.as_built(), &all, &host)?;
        let mut recorded = Recorded {
            experiments: BTreeMap::new(),
            facts: Vec::new(),
            subjects: Vec::new(),
            authors: authors(&subject.directory)?,
            runs: 0,
            seeds: 0,
            complete: true,
        };
        for step in &plan.steps {
            let action = project.graph.action(step.index());
            let (Work::Collect(_), ActionName::Node(name)) = (&action.work, &action.name) else {
                continue;
            };
            if wanted.as_ref().is_some_and(|wanted| !wanted.contains(step.index())) {
                recorded.complete = false;
                continue;
            }
            let Step::Fresh { made, .. } = step else {
                return Err(Error::Other {
                    message: format!("{name} has no recorded results to compare with"),
                    help: Some(match project.unpacked {
                        Some(_) => "the bundle was changed: `rescience verify` says where".into(),
                        None => "`rescience build` makes them".into(),
                    }),
                });
            };
            let results = read(&host.store, &made.output)?;
            recorded.runs += results.points.iter().map(|point| point.runs.len()).sum::<usize>();
            let seeds = project.recipe.experiments.get(&name.name).map_or(0, |it| it.seeds);
            recorded.seeds = recorded.seeds.max(seeds);
            recorded.facts.extend(facts(&host.store, &results)?);
            let hashed = Hashed::of(&host.store.read(&made.output)?);
            recorded.subjects.push(ResourceDescriptor::file(&name.to_string(), &hashed));
            recorded.experiments.insert(name.clone(), results);
        }
        if recorded.experiments.is_empty() {
            return Err(Error::Other {
                message: "there is no experiment to reproduce".to_owned(),
                help: Some("`--only` takes experiments; `rescience tree` shows them".to_owned()),
            });
        }
        Ok(recorded)
    }
}

impl Recorded {
    /// Who signs the verdict, and whether that is somebody else than signed the bundle: only
    /// another can have reproduced it.
    fn relation(&self, signer: &Signer) -> String {
        let print = signer.public().fingerprint();
        match self.authors.is_empty() {
            true => format!("{print}; nobody has signed the bundle"),
            false if self.authors.contains(signer.public()) => {
                format!("{print}, who signed the bundle too: checked, not reproduced by another")
            }
            false => format!("{print}, who did not sign the bundle"),
        }
    }
}

/// The keys whose signatures a bundle has.
fn authors(directory: &Path) -> Result<Vec<PublicKey>, Error> {
    if !Bundle::is_folder(directory) {
        return Ok(Vec::new());
    }
    let signatures = signing::signatures(&Bundle::open(directory)?)?;
    Ok(signatures.into_iter().filter_map(|(_, key)| key.ok()).collect())
}

/// What the runs gave here.
struct Found {
    experiments: BTreeMap<NodeName, Results>,
    facts: Vec<Value>,
    runs: usize,
}

impl Found {
    fn gather(project: &Project, report: &Report, host: &Host) -> Result<Found, Error> {
        let mut found = Found { experiments: BTreeMap::new(), facts: Vec::new(), runs: 0 };
        for (index, artifact, _) in &report.made {
            let action = project.graph.action(*index);
            match (&action.work, &action.name) {
                (Work::Run(_), _) => found.runs += 1,
                (Work::Collect(_), ActionName::Node(name)) => {
                    let results = read(&host.store, &artifact.digest())?;
                    found.facts.extend(facts(&host.store, &results)?);
                    found.experiments.insert(name.clone(), results);
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

fn read(store: &Store, digest: &Digest) -> Result<Results, Error> {
    let bytes = store.read(digest)?;
    Results::parse(&bytes).map_err(|error| Error::other(format!("results {digest}: {error}")))
}

/// The facts of every run of an experiment.
fn facts(store: &Store, results: &Results) -> Result<Vec<Value>, Error> {
    let runs = results.points.iter().flat_map(|point| &point.runs);
    let digests = runs.filter_map(|run| run.facts.parse::<Digest>().ok());
    digests
        .map(|digest| {
            let bytes = store.read(&digest)?;
            let value = serde_json::from_slice(&bytes);
            value.map_err(|error| Error::other(format!("facts {digest}: {error}")))
        })
        .collect()
}

/// The store of a reproduction: what is recorded elsewhere is not in it.
struct OwnStore {
    store: Store,
    done: PathBuf,
}

impl OwnStore {
    fn open(
        settings: &Settings,
        subject: &Subject,
        project: &Project,
        seeds: Option<u32>,
    ) -> Result<OwnStore, Error> {
        let identity = format!("{} {} {seeds:?}", subject.of, project.directory.display());
        let name = Digest::of(identity.as_bytes()).hex();
        let home = settings.home.join("cache/reproductions").join(name);
        let done = home.join("done");
        if done.exists() {
            std::fs::remove_dir_all(&home).map_err(|error| Error::write(&home, &error))?;
        }
        Ok(OwnStore { store: Store::open(&home.join("store"))?, done })
    }

    fn finish(&self) -> Result<(), Error> {
        std::fs::write(&self.done, "").map_err(|error| Error::write(&self.done, &error))
    }
}

/// What came of it.
struct Reproduction {
    head: Head,
    outcome: Outcome,
    judged: Vec<Judged>,
    machines: Vec<Difference>,
    subjects: Vec<ResourceDescriptor>,
}

/// Where the verdict is.
struct Written {
    verdict: Digest,
    page: PathBuf,
}

impl Reproduction {
    /// The verdict for machines.
    fn json(&self) -> Value {
        json!({
            "schema": 1,
            "title": format!("{} {}", self.outcome.mark(), self.head.title),
            "of": self.head.of,
            "project": self.head.project,
            "profile": self.head.profile,
            "outcome": self.outcome,
            "runs": { "again": self.head.runs.0, "recorded": self.head.runs.1 },
            "metrics": self.judged,
            "differences": self.machines,
            "signed_by": self.head.signed_by,
            "finished": self.head.finished,
            "rescience": self.head.rescience,
        })
    }

    /// Writes the report and the statements, and keeps them in the user's store.
    fn write(
        &self,
        settings: &Settings,
        folder: &Path,
        signer: Option<&Signer>,
    ) -> Result<Written, Error> {
        let page = reproduction::page(&self.head, self.outcome, &self.judged, &self.machines);
        let page = page.map_err(|error| Error::other(format!("the report: {error}")))?;
        let mut verdict = serde_json::to_vec_pretty(&self.json()).expect("JSON serialises");
        verdict.push(b'\n');
        let statements = self.statements(&verdict, signer)?;
        std::fs::create_dir_all(folder).map_err(|error| Error::write(folder, &error))?;
        let store = Store::open(&settings.home.join("store"))?;
        let _shared = store.share()?;
        let mut kept = Vec::new();
        for (name, bytes) in [
            ("reproduction.json", &verdict),
            ("reproduction.pdf", &page),
            ("reproduction.intoto.jsonl", &statements),
        ] {
            let path = folder.join(name);
            std::fs::write(&path, bytes).map_err(|error| Error::write(&path, &error))?;
            kept.push(Artifact::Blob(store.put_bytes(bytes)?.digest));
        }
        let verdict = kept[0].digest();
        let project_dir = folder.display().to_string();
        let root = Root { project_dir, keys: Vec::new(), artifacts: kept };
        store.set_root(&format!("reproduction of {}", self.head.of), &root)?;
        Ok(Written { verdict, page: folder.join("reproduction.pdf") })
    }

    /// The verdict as others read it: a test result and a summary of what was verified, one DSSE
    /// envelope each, signed if somebody signs.
    fn statements(&self, verdict: &[u8], signer: Option<&Signer>) -> Result<Vec<u8>, Error> {
        let named = |holds: bool| -> Vec<String> {
            self.judged.iter().filter(|it| it.verdict.holds() == holds).map(name).collect()
        };
        let result = TestResult {
            result: match self.outcome {
                Outcome::Reproduced => TestOutcome::Passed,
                Outcome::PartlyReproduced => TestOutcome::Warned,
                Outcome::NotReproduced => TestOutcome::Failed,
            },
            configuration: vec![ResourceDescriptor::file(
                "reproduction.json",
                &Hashed::of(verdict),
            )],
            url: None,
            passed_tests: named(true),
            warned_tests: Vec::new(),
            failed_tests: named(false),
        };
        let mut envelopes = vec![Statement::new(self.subjects.clone(), result)?.envelope()];
        if self.outcome != Outcome::NotReproduced {
            let summary = VerificationResult {
                verifier: Verifier { id: VERIFIER.to_owned(), policies: Vec::new() },
                time_created: self.head.finished,
                properties: vec![self.outcome.as_str().replace(' ', "-")],
            };
            envelopes.push(Statement::new(self.subjects.clone(), summary)?.envelope());
        }
        let mut lines = Vec::new();
        for mut envelope in envelopes {
            if let Some(signer) = signer {
                envelope.sign(signer, namespace::VERDICT)?;
            }
            lines.extend(envelope.to_json());
            lines.push(b'\n');
        }
        Ok(lines)
    }

    fn tell(&self, shell: &Shell, json: bool, settings: &Settings, written: &Written) {
        for it in &self.judged {
            let line = format!("{}: {}", name(it), it.verdict.as_str());
            match it.verdict.holds() {
                true => shell.detail("Judged", line),
                false => shell.warning(line),
            }
        }
        for it in &self.machines {
            let text = |side: &Option<String>| side.clone().unwrap_or_else(|| "unknown".to_owned());
            let line =
                format!("{}: {} there, {} here", it.path, text(&it.recorded), text(&it.found));
            shell.detail("Differs", line);
        }
        let counts = [
            Verdict::Identical,
            Verdict::WithinTolerance,
            Verdict::Indistinguishable,
            Verdict::Different,
            Verdict::Missing,
        ]
        .map(|verdict| (self.judged.iter().filter(|it| it.verdict == verdict).count(), verdict));
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> =
            counts.map(|(count, verdict)| format!("{count} {}", verdict.as_str())).collect();
        let (again, recorded) = self.head.runs;
        let shown = written.page.strip_prefix(&settings.directory).unwrap_or(&written.page);
        shell.status(
            "Judged",
            format_args!(
                "{} {}: {again} of {recorded} runs again; {}; {}",
                self.outcome.mark(),
                self.outcome.as_str(),
                counts.join(", "),
                shown.display()
            ),
        );
        if json {
            let mut line = self.json();
            line["reason"] = json!("reproduction");
            line["verdict"] = json!(written.verdict);
            shell.data(line);
        } else {
            shell.data(format_args!("{}  {}", written.verdict, self.outcome.as_str()));
        }
    }
}

/// A metric of a point, in full.
fn name(it: &Judged) -> String {
    let point: Vec<_> = it.point.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
    let point = if point.is_empty() { String::new() } else { format!("[{}]", point.join(",")) };
    format!("{}{point}.{}", it.experiment, it.metric)
}
