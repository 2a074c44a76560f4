//! The verdict: for people, for machines, and as statements that somebody can sign.

use std::path::{Path, PathBuf};

use rescience_digest::{Digest, Hashed};
use rescience_sign::statement::svr::Verifier;
use rescience_sign::statement::test_result::Outcome as TestOutcome;
use rescience_sign::statement::{ResourceDescriptor, Statement, TestResult, VerificationResult};
use rescience_sign::{Signer, namespace};
use rescience_store::{Artifact, Root, Store};
use rescience_typst_papers::reproduction::{self, Difference, Head, Judged, Outcome, Verdict};
use serde_json::{Value, json};

use super::runs::Relation;
use crate::error::Error;
use crate::settings::Settings;
use crate::shell::Shell;

/// What judges, in statements.
const VERIFIER: &str = "https://rescience.dev/reproduce";

/// What came of it.
pub(super) struct Reproduction {
    pub(super) head: Head,
    pub(super) outcome: Outcome,
    /// What whoever signs it is to the authors.
    pub(super) relation: Option<Relation>,
    pub(super) judged: Vec<Judged>,
    pub(super) machines: Vec<Difference>,
    pub(super) subjects: Vec<ResourceDescriptor>,
}

/// Where the verdict is.
pub(super) struct Written {
    pub(super) verdict: Digest,
    pub(super) page: PathBuf,
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
            "relation": self.relation.map(Relation::as_str),
            "finished": self.head.finished,
            "rescience": self.head.rescience,
        })
    }

    /// Writes the report and the statements, and keeps them in the user's store.
    pub(super) fn write(
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
        let place = folder.canonicalize().map_err(|error| Error::write(folder, &error))?;
        let project_dir = place.display().to_string();
        // By its place: what two projects say of their own runs must not take turns.
        let name = format!("reproduction in {project_dir}");
        store.set_root(&name, &Root { project_dir, keys: Vec::new(), artifacts: kept })?;
        Ok(Written { verdict, page: folder.join("reproduction.pdf") })
    }

    /// The verdict as others read it: a test result and a summary of what was verified, one DSSE
    /// envelope each, signed if somebody signs.
    fn statements(&self, verdict: &[u8], signer: Option<&Signer>) -> Result<Vec<u8>, Error> {
        let named = |which: fn(Verdict) -> bool| -> Vec<String> {
            self.judged.iter().filter(|it| which(it.verdict)).map(name).collect()
        };
        let result = TestResult {
            result: match self.outcome {
                Outcome::Reproduced => TestOutcome::Passed,
                Outcome::PartlyReproduced | Outcome::Undecided => TestOutcome::Warned,
                Outcome::NotReproduced => TestOutcome::Failed,
            },
            configuration: vec![ResourceDescriptor::file(
                "reproduction.json",
                &Hashed::of(verdict),
            )],
            url: None,
            passed_tests: named(Verdict::holds),
            warned_tests: named(|verdict| verdict == Verdict::Undecided),
            failed_tests: named(Verdict::fails),
        };
        let mut envelopes = vec![Statement::new(self.subjects.clone(), result)?.envelope()];
        if matches!(self.outcome, Outcome::Reproduced | Outcome::PartlyReproduced) {
            let summary = VerificationResult {
                verifier: Verifier { id: VERIFIER.to_owned(), policies: Vec::new() },
                time_created: self.head.finished,
                properties: [Some(self.outcome.as_str()), self.relation.map(Relation::as_str)]
                    .into_iter()
                    .flatten()
                    .map(|property| property.replace(' ', "-"))
                    .collect(),
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

    pub(super) fn tell(&self, shell: &Shell, json: bool, settings: &Settings, written: &Written) {
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
            Verdict::Undecided,
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
