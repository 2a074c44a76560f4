//! `rescience reproduce`: run experiments again, here, and judge what comes out.
//!
//! Nothing recorded takes part in the runs: they have a store of their own, which begins empty. An
//! interrupted reproduction goes on where it was; a finished one is done again from the start.

use rescience_exec::build::build;
use rescience_exec::event::Event;
use rescience_recipes::Code;
use rescience_typst_papers::reproduction::{Head, Outcome, differences, judge};

use crate::args::{Global, MessageFormat, Reproduce};
use crate::console::Console;
use crate::drive::drive;
use crate::error::Error;
use crate::project;
use crate::settings::Settings;
use crate::shell::Shell;
use crate::signing;
use crate::unpacked::{Tools, Unpacked};

mod runs;
mod subject;
mod verdict;

use runs::{Found, Recorded};
use subject::{OwnStore, Subject};
use verdict::Reproduction;

pub(crate) fn run(
    shell: &mut Shell,
    global: &Global,
    settings: &Settings,
    args: &Reproduce,
) -> Result<(), Error> {
    let json = args.message_format == MessageFormat::Json;
    let signer = args.sign.as_deref().map(|key| signing::signer(settings, key)).transpose()?;
    let subject = Subject::find(shell, global, settings, args)?;
    let recorded = Recorded::read(&subject, global, settings, args)?;
    let again = subject.texts(settings)?.project_with(global, |recipe| {
        for experiment in recipe.experiments.values_mut() {
            experiment.seeds = args.seeds.unwrap_or(experiment.seeds);
        }
    })?;
    let store = OwnStore::open(shell, settings, &subject, &again, args.seeds)?;
    let mut host = project::host(global, settings, args.jobs, None)?;
    host.store = store.store.clone();
    host.recorded = Tools::new();
    host.absent = again.unpacked.as_ref().map(Unpacked::absent).unwrap_or_default();
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
    let complete = recorded.complete
        && report.summary.failed == 0
        && args.seeds.is_none_or(|seeds| seeds >= recorded.seeds);
    let relation = signer.as_ref().map(|signer| recorded.relation(signer));
    let reproduction = Reproduction {
        relation,
        outcome: Outcome::of(&judged, complete),
        machines: differences(&recorded.facts, &found.facts),
        head: Head {
            title: again.recipe.project.title.clone(),
            project: format!("{} {}", again.recipe.project.name, again.recipe.project.version),
            of: subject.of.clone(),
            profile: again.recipe.profile,
            finished: settings.clock.now(),
            runs: (found.runs, recorded.runs),
            signed_by: signer.as_ref().zip(relation).map(|(signer, relation)| {
                format!("{}, {}", signer.public().fingerprint(), relation.words())
            }),
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
        Outcome::Undecided => Err(Error::Coded {
            code: Code::NotReproduced,
            message: format!("{} was neither reproduced nor refuted", reproduction.head.project),
            help: "more runs can tell: `--seeds N`".to_owned(),
        }),
        Outcome::Reproduced | Outcome::PartlyReproduced => Ok(()),
    }
}
