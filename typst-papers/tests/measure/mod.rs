//! What the accounting costs beside the typesetting, and the same pages for plain typst. Asserts
//! nothing about time; `benches/render` runs it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use typst::syntax::VirtualPath;
use typst_layout::PagedDocument;
use typst_pdf::PdfOptions;

use crate::stats::hypothesis::welch;
use crate::support::sample;
use crate::wall::{self, Accounting};
use crate::world::PaperWorld;
use crate::{PaperInput, data, export, html, json, ledger, typeset};

/// How often each thing is measured; the median counts.
const ROUNDS: usize = 15;

/// What plain typst has no native module for, as far as the sample asks: checks that find nothing,
/// and the outcome of its one test, computed beforehand.
const NATIVE: &str = r#"#let known = json("native.json")
#let objection(..) = none
#let names-machine(..) = none
#let objection-to-claim(..) = none
#let conversion(..) = none
#let relatives(..) = ()
#let stop(..) = none
#let holm(ps) = ps
#let plain-text(body) = if body.has("text") { body.text } else if body.has("children") { body.children.map(plain-text).join() } else { " " }
#let welch(x, y, shift) = known.at((x, y).map(side => side.map(str).join(" ")).join(" | "))
"#;

fn world(input: &PaperInput, account: Option<&Accounting>) -> PaperWorld {
    let main = VirtualPath::new(&input.main).expect("the sample has a main text");
    let files = data::files(input).expect("the sample's files are whole");
    let mut world = PaperWorld::new(main, &input.files, files, data::date(input), input.mode);
    world.tell_digits(account);
    world
}

fn laid_out(world: &PaperWorld) -> PagedDocument {
    typst::compile::<PagedDocument>(world).output.expect("the sample is typeset")
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let made = work();
    (made, start.elapsed())
}

/// The median of several rounds, each of which begins with nothing in typst's memory.
fn median(mut round: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            typst::comemo::evict(0);
            round()
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}

#[test]
#[ignore = "a measurement, which benches/render runs"]
#[expect(clippy::print_stdout, reason = "a measurement is there to be read")]
fn what_the_accounting_costs() {
    let input = sample();
    let made = typeset(&input).expect("the sample is typeset");
    let account = Some(&made.accounting);
    let bare = || {
        let world = world(&input, account);
        timed(|| typst_pdf::pdf(&laid_out(&world), &PdfOptions::default()).expect("a PDF")).1
    };
    // In turns, so that a busy machine is as busy for both.
    let mut bares = Vec::new();
    let whole = median(|| {
        bares.push(bare());
        typst::comemo::evict(0);
        timed(|| typeset(&input)).1
    });
    bares.sort_unstable();
    let bare = bares[ROUNDS / 2];
    println!("one compilation and PDF {bare:.0?}, a paper {whole:.0?}");
    println!("paper / compilation: {:.2}", whole.as_secs_f64() / bare.as_secs_f64());

    let told = world(&input, account);
    let pages = laid_out(&told);
    let claims = ledger::claims(&told, &pages).expect("the ledger can be read");
    let parts: [(&str, &dyn Fn() -> Duration); 6] = [
        ("first layout", &|| {
            let world = world(&input, None);
            timed(|| laid_out(&world)).1
        }),
        ("second layout", &|| {
            let mut world = world(&input, None);
            let _first = laid_out(&world);
            world.tell_digits(account);
            timed(|| laid_out(&world)).1
        }),
        ("text and account", &|| {
            timed(|| (wall::before(&input, &told), wall::check(&input, &told, &pages).is_ok())).1
        }),
        ("archival PDF", &|| {
            let date = data::date(&input);
            let attachments = || export::attachments(&input, &claims, &made.accounting);
            timed(|| export::pdf(&input, &pages, date, attachments()).is_ok()).1
        }),
        ("plain PDF", &|| timed(|| typst_pdf::pdf(&pages, &PdfOptions::default()).is_ok()).1),
        ("HTML and JSON", &|| {
            let mut world = world(&input, None);
            let pages = laid_out(&world);
            world.tell_digits(account);
            let again = laid_out(&world);
            drop(pages);
            timed(|| {
                let web = html::document(&input, &world, &again, &claims, |_| Vec::new());
                let web = web.expect("the sample has a page");
                let page = html::encoded(&input, &web).expect("the page can be written");
                (page, json::paper(&input, web.root(), &claims, &made.accounting))
            })
            .1
        }),
    ];
    for (name, part) in parts {
        println!("  {name}: {:.0?}", median(part));
    }
}

/// Writes the sample for plain typst: the author's files into `RESCIENCE_TWIN`, the package and what
/// it reads into `packages` there.
#[test]
#[ignore = "writes files, for benches/render"]
#[expect(clippy::disallowed_methods, reason = "the bench says where to")]
fn the_same_pages_for_plain_typst() {
    let root = std::env::var("RESCIENCE_TWIN").expect("RESCIENCE_TWIN is a directory");
    let root = Path::new(&root);
    let package = root.join("packages/rescience/paper/0.1.0");
    let write = |path: &Path, bytes: &[u8]| {
        fs::create_dir_all(path.parent().expect("it is in a directory")).expect("a directory");
        fs::write(path, bytes).expect("the file is written");
    };
    let input = sample();
    for (path, bytes) in &input.files {
        write(&root.join(path), bytes);
    }
    for (path, bytes) in data::files(&input).expect("the sample's files are whole") {
        write(&package.join(path), &bytes);
    }
    let made = typeset(&input).expect("the sample is typeset");
    write(&root.join("ours.pdf"), &made.pdf);
    write(&package.join("digits.json"), made.accounting.json().to_string().as_bytes());
    write(&package.join("native.typ"), NATIVE.as_bytes());
    write(&package.join("native.json"), tests(&input).to_string().as_bytes());
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/package")).expect("the package")
    {
        let file = file.expect("a file of the package");
        let text = fs::read_to_string(file.path()).expect("the package is text");
        let name = file.file_name();
        let typ = file.path().extension().is_some_and(|extension| extension == "typ");
        // What plain typst does not know: the native module, and pages for browsers.
        let head = "#import \"native.typ\" as rescience-native\n#let target() = \"paged\"\n";
        let text = if typ { format!("{head}{text}") } else { text };
        write(&package.join(name), text.as_bytes());
    }
}

/// The outcome of a test between any two experiments of the sample at one point.
fn tests(input: &PaperInput) -> serde_json::Value {
    let mut found = serde_json::Map::new();
    let places: Vec<Vec<f64>> = input
        .experiments
        .iter()
        .flat_map(|results| &results.points)
        .flat_map(|point| ["steps_to_99", "accuracy"].map(|name| (point, name)))
        .map(|(point, name)| {
            point.runs.iter().filter_map(|run| run.metrics[name]).map(|m| m.value).collect()
        })
        .collect();
    let key = |side: &[f64]| side.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
    for (a, b) in places.iter().flat_map(|a| places.iter().map(move |b| (a, b))) {
        let outcome = welch(a, b, 0.0).map(|test| {
            json!({ "difference": test.difference, "statistic": test.statistic, "freedom": test.freedom, "p": test.p })
        });
        found.insert(format!("{} | {}", key(a), key(b)), json!(outcome));
    }
    found.into()
}
