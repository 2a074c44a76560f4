//! The entities of what was done: tools, steps, and the actions of engine, recipe and programs.

use super::data::{Data, Place};
use super::entity::{Entity, Graph};
use super::formal::Way;
use super::run::{Done, Run};
use crate::account::{Account, Action, Kind, Outcome, Program, Usage};
use crate::{time, uri};

/// The identifier of the engine's own entity.
fn engine_id(account: &Account) -> &str {
    &account.engine.url
}

/// The identifier of the run of the whole recipe.
pub(crate) fn whole_id(run: &Run<'_>) -> String {
    let all: Vec<&str> = run.done.iter().map(|done| done.uuid.as_str()).collect();
    format!("#{}", uri::uuid(&[&["recipe"], all.as_slice()].concat()))
}

pub(crate) fn describe(graph: &mut Graph, account: &Account, run: &Run<'_>, data: &Data<'_>) {
    for (at, tool) in run.tools.iter().enumerate() {
        let formals = |inwards: bool| {
            let own = run.formals.list().iter().filter(move |formal| formal.tool == at);
            own.filter(move |formal| (formal.way != Way::Made) == inwards)
                .map(|formal| formal.id.as_str())
        };
        let entity = Entity::new(&tool.id, &["SoftwareApplication"]);
        let entity = match tool.program {
            None => engine_part(entity, account, tool.kind),
            Some(id) => {
                let program = account.programs.iter().find(|program| program.id == id);
                match program {
                    Some(program) => with_program(graph, entity, account, program, data),
                    None => entity.set("name", id),
                }
            }
        };
        graph.add(entity.links("input", formals(true)).links("output", formals(false)));
    }
    steps(graph, account, run, data);
    connections(graph, run);
    for done in &run.done {
        create(graph, account, run, done, data);
    }
    for digest in &run.elsewhere {
        graph.add(
            Entity::new(&Place::Elsewhere(*digest).id(), &["CreativeWork"])
                .set("name", digest.to_string())
                .set("description", "Bytes that the bundle does not hold.")
                .set("identifier", digest.to_string()),
        );
    }
    whole(graph, account, run, data);
}

fn engine_part(entity: Entity, account: &Account, kind: Kind) -> Entity {
    entity
        .set("name", format!("{} {}", account.engine.name, kind.as_str()))
        .set("version", account.engine.version.as_str())
        .set("url", account.engine.url.as_str())
}

fn with_program(
    graph: &mut Graph,
    mut entity: Entity,
    account: &Account,
    program: &Program,
    data: &Data<'_>,
) -> Entity {
    let url = program.url.as_deref().or(account.project.url.as_deref());
    entity = entity
        .set("name", program.name.as_str())
        .set_some("version", program.version.as_deref())
        .set_some("url", url.filter(|url| uri::is_web(url)));
    if let Some(sources) = program.sources.as_deref().and_then(|path| data.id(path)) {
        entity = entity.link("isBasedOn", &sources);
    }
    let mut tools = Vec::new();
    for (name, version) in &program.toolchain {
        let id = format!("#toolchain/{}/{}", uri::name(name), uri::name(version));
        graph.add(
            Entity::new(&id, &["SoftwareApplication"])
                .set("name", name.as_str())
                .set("version", version.as_str()),
        );
        tools.push(id);
    }
    entity.links("softwareRequirements", tools)
}

fn step_id(at: usize) -> String {
    format!("#step/{}", at + 1)
}

pub(crate) fn step_ids(run: &Run<'_>) -> impl Iterator<Item = String> {
    (0..run.steps.len()).map(step_id)
}

fn steps(graph: &mut Graph, account: &Account, run: &Run<'_>, data: &Data<'_>) {
    for (at, step) in run.steps.iter().enumerate() {
        let tool = &run.tools[step.tool];
        let of_step = || run.done.iter().filter(|done| done.step == at);
        let program = of_step().find_map(|done| account.program(done.action));
        let lock = program.and_then(|program| program.lock.as_deref());
        graph.add(
            Entity::new(&step_id(at), &["HowToStep"])
                .set("name", format!("{} {}", step.kind.as_str(), step.node))
                .set("position", (at + 1).to_string())
                .link("workExample", &tool.id)
                .links("buildInstructions", lock.and_then(|path| data.id(path)))
                .links("connection", step.connections.iter().copied().map(connection_id)),
        );
    }
}

fn connection_id(at: usize) -> String {
    format!("#connection/{}", at + 1)
}

fn connections(graph: &mut Graph, run: &Run<'_>) {
    for (at, (source, target)) in run.connections.iter().enumerate() {
        let formals = run.formals.list();
        graph.add(
            Entity::new(&connection_id(at), &["ParameterConnection"])
                .link("sourceParameter", &formals[*source].id)
                .link("targetParameter", &formals[*target].id),
        );
    }
}

/// The action of a program or of a part of the engine, and the engine's action of having it done.
fn create(graph: &mut Graph, account: &Account, run: &Run<'_>, done: &Done<'_>, data: &Data<'_>) {
    let (action, uuid) = (done.action, done.uuid.as_str());
    let facts = action.facts.as_deref().and_then(|path| data.id(path));
    let environment = action.environment.iter().map(|(name, value)| {
        let id = format!("#environment/{uuid}/{}", uri::name(name));
        Entity::new(&id, &["PropertyValue"]).set("name", name.as_str()).set("value", value.as_str())
    });
    let usage = used(&action.usage).map(|(name, unit, value)| {
        Entity::new(&format!("#usage/{uuid}/{name}"), &["PropertyValue"])
            .set("name", name)
            .set("propertyID", format!("{}#{name}", account.engine.url))
            .set("unitCode", format!("https://qudt.org/vocab/unit/{unit}"))
            .set("value", value)
    });
    let sandbox = action.sandbox.iter().map(|level| {
        Entity::new(&format!("#sandbox/{}", uri::name(level)), &["PropertyValue"])
            .set("name", "sandbox")
            .set("propertyID", format!("{}#sandbox", account.engine.url))
            .set("value", level.as_str())
    });
    let mut ids = [Vec::new(), Vec::new(), Vec::new()];
    let all = [environment.collect::<Vec<_>>(), usage.collect(), sandbox.collect()];
    for (ids, entities) in ids.iter_mut().zip(all) {
        for entity in entities {
            ids.push(entity.id().to_owned());
            graph.add(entity);
        }
    }
    let [environment, usage, sandbox] = ids;
    let entity = Entity::new(&format!("#{uuid}"), &["CreateAction"])
        .set("name", action.label.as_str())
        .set("description", description(account, action))
        .set("identifier", action.key.to_string())
        .link("instrument", &run.tools[done.tool].id)
        .links("object", done.objects.iter().chain(&facts))
        .links("result", &done.results)
        .set("startTime", time::with_offset(action.started))
        .set("endTime", time::with_offset(action.finished))
        .links("environment", environment)
        .links("resourceUsage", usage)
        .links("additionalProperty", sandbox);
    let error = match &action.outcome {
        Outcome::Ok => None,
        Outcome::Failed(why) => Some(why.as_str()),
    };
    graph.add(with_status(entity, error));
    let control = Entity::new(&format!("#control/{uuid}"), &["ControlAction"])
        .set("name", format!("orchestrate {}", action.label))
        .link("instrument", &step_id(done.step))
        .link("object", &format!("#{uuid}"));
    graph.add(with_status(control, error));
}

/// The run of the whole recipe, and the engine's action of carrying it out.
fn whole(graph: &mut Graph, account: &Account, run: &Run<'_>, data: &Data<'_>) {
    let started = run.done.iter().map(|done| done.action.started).min();
    let finished = run.done.iter().map(|done| done.action.finished).max();
    let (Some(started), Some(finished)) = (started, finished) else { return };
    let lock = account.lock.as_deref().and_then(|path| data.id(path));
    let error = run.failure();
    let timed = |entity: Entity| {
        let entity = entity.set("startTime", time::with_offset(started));
        with_status(entity.set("endTime", time::with_offset(finished)), error.as_deref())
    };
    let profile = account.profile.iter().map(|profile| format!(" with the profile {profile}"));
    let description =
        format!("{} build{}", account.engine.name, profile.collect::<Vec<_>>().concat());
    let whole = Entity::new(&whole_id(run), &["CreateAction"])
        .set("name", format!("build of {} {}", account.project.name, account.project.version))
        .set("description", description.as_str())
        .link("instrument", &uri::path(&account.recipe))
        .links("object", run.objects.iter().chain(&lock))
        .links("result", &run.results);
    graph.add(timed(whole));
    let engine = &account.engine;
    graph.add(
        Entity::new(engine_id(account), &["SoftwareApplication"])
            .set("name", engine.name.as_str())
            .set("version", engine.version.as_str())
            .set("url", engine.url.as_str()),
    );
    // The lock belongs to the run of the recipe above: of an engine's action the validator wants
    // nothing but the control actions.
    let organize = Entity::new("#engine-run", &["OrganizeAction"])
        .set("name", description)
        .link("instrument", engine_id(account))
        .links("object", run.done.iter().map(|done| format!("#control/{}", done.uuid)))
        .link("result", &whole_id(run));
    graph.add(timed(organize));
}

fn with_status(entity: Entity, error: Option<&str>) -> Entity {
    let status = if error.is_some() { "Failed" } else { "Completed" };
    entity
        .set("actionStatus", format!("http://schema.org/{status}ActionStatus"))
        .set_some("error", error)
}

fn description(account: &Account, action: &Action) -> String {
    if !action.argv.is_empty() {
        return command_line(&action.argv);
    }
    format!("{} {} {}", account.engine.name, action.kind.as_str(), action.node)
}

/// A command as a shell would take it.
fn command_line(argv: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    let words = argv.iter().map(|word| match word.is_empty() || !word.chars().all(plain) {
        true => format!("'{}'", word.replace('\'', r"'\''")),
        false => word.clone(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// What was measured: term, QUDT unit and value.
fn used(usage: &Usage) -> impl Iterator<Item = (&'static str, &'static str, String)> {
    let float = |value: Option<f64>| value.filter(|it| it.is_finite()).map(|it| it.to_string());
    let whole = |value: Option<u64>| value.map(|it| it.to_string());
    let all = [
        ("wallTime", "SEC", float(usage.wall_seconds)),
        ("cpuTime", "SEC", float(usage.cpu_seconds)),
        ("peakMemory", "BYTE", whole(usage.peak_bytes)),
        ("acceleratorEnergy", "J", float(usage.energy_joules)),
        ("acceleratorPeakMemory", "BYTE", whole(usage.gpu_peak_bytes)),
    ];
    all.into_iter().filter_map(|(name, unit, value)| Some((name, unit, value?)))
}
