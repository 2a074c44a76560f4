//! What leaves with a paper: standards, attachments, the web's page, the machine's file.

mod support;

use std::path::PathBuf;
use std::process::Command;

use rescience_typst_papers::{PaperInput, Problem, Typeset, typeset};
use serde_json::Value;
use support::sample;

/// A text with something of everything that authors write.
const ODD: &str = r#"#import "@rescience/paper:0.1.0": *
#show: paper.with(abstract: [We ask what an odd paper looks like: it takes
  #value("experiment.layerwise.steps_to_99", point: (operation: "add")).], keywords: ("oddities",))

= Text
A note#footnote[It says $x_i$ and `code`.], a list, _emphasis_, *strong*, "quotes" and #link("https://example.org")[a link].
- with $alpha + beta$
  - nested
+ and numbered

/ Term: what it means.

== Formulas and code
$ integral_a^b f(x) dif x = sum_i a_i / b_i + sqrt(x) + vec(a, b) $ <eq>
#quote(block: true)[Set apart.]
```rust
fn main() { println!("{x}"); }
```
= Floats
@eq, @tab, @alg and @curves.
#figure(table(columns: 2, table.header([A], [B]), [a], [b]), caption: [A table.]) <tab>
#algorithm(caption: [Descent.])[
  + *for* each layer $ell$
    + $theta_ell <- theta_ell - eta_ell g_ell$
  + *return* $theta$
] <alg>
#figure("curves", caption: [Curves.]) <curves>
#results-table(caption: [All.])
"#;

fn paper(text: &str) -> PaperInput {
    let mut input = sample();
    input.files.insert("main.typ".to_owned(), text.as_bytes().to_vec());
    input.bibliography = None;
    input
}

fn line(text: &str) -> PaperInput {
    paper(&format!("#import \"@rescience/paper:0.1.0\": *\n#show: paper\n{text}\n"))
}

fn told(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn made(input: &PaperInput) -> Typeset {
    match typeset(input) {
        Ok(paper) => paper,
        Err(problems) => panic!("{}", told(&problems)),
    }
}

fn refused(text: &str) -> String {
    told(&typeset(&line(text)).expect_err("the paper is refused"))
}

/// The sample in both styles, the odd paper, and one about nothing.
fn papers() -> Vec<(&'static str, PaperInput)> {
    let mut report = sample();
    report.project.style = "report".to_owned();
    let mut empty = line("= Nothing\nNothing was run.");
    empty.experiments.clear();
    empty.facts.clear();
    empty.figures.clear();
    vec![("sample", sample()), ("report", report), ("odd", paper(ODD)), ("empty", empty)]
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Runs a tool on a file, which is `@` among its arguments; nothing, with a line about it, where
/// there is no such tool.
#[expect(clippy::disallowed_methods, reason = "the tools are other people's judges of our files")]
#[expect(clippy::print_stderr, reason = "what was skipped is said")]
fn tool(name: &str, arguments: &[&str], pdf: &[u8]) -> Option<(bool, String)> {
    let mut file = tempfile::Builder::new().suffix(".pdf").tempfile().expect("a file is made");
    std::io::Write::write_all(&mut file, pdf).expect("the file is written");
    let path = file.path().display().to_string();
    let arguments = arguments.iter().map(|argument| argument.replace('@', &path));
    let run = Command::new(name).args(arguments).output();
    let Ok(run) = run else {
        eprintln!("skipped: {name} is not installed");
        return None;
    };
    Some((run.status.success(), String::from_utf8_lossy(&run.stdout).into_owned()))
}

#[test]
fn every_paper_says_what_standards_it_keeps_and_what_it_carries() {
    for (name, input) in papers() {
        let pdf = made(&input).pdf;
        assert!(holds(&pdf, "<pdfaid:part>3</pdfaid:part>"), "{name}");
        assert!(holds(&pdf, "<pdfaid:conformance>A</pdfaid:conformance>"), "{name}");
        assert!(holds(&pdf, "<pdfuaid:part>1</pdfuaid:part>"), "{name}");
        for file in ["claims.json", "facts.json", "provenance.json"] {
            assert!(holds(&pdf, &format!("({file})")), "{name} carries no {file}");
        }
        assert_eq!(holds(&pdf, "(results-baseline.json)"), name != "empty", "{name}");
    }
}

#[test]
fn the_same_input_gives_the_same_page_and_file() {
    for (name, input) in papers() {
        let (first, second) = (made(&input), made(&input));
        assert!(first.pdf == second.pdf, "{name}");
        assert!(first.html == second.html, "{name}");
        assert!(first.json == second.json, "{name}");
    }
}

#[test]
fn browsers_get_every_claim_with_its_source_and_a_way_there_and_back() {
    for (name, input) in papers() {
        let paper = made(&input);
        let claims = paper.claims.as_array().expect("the ledger is an array");
        let linked: Vec<&str> =
            paper.html.split("<a ").filter(|a| a.contains("class=\"claim\"")).collect();
        assert_eq!(linked.len(), claims.len(), "{name}");
        for link in linked {
            assert!(link.contains("data-source=\""), "{name}: {link}");
            let row = link.split("href=\"#").nth(1).and_then(|rest| rest.split('"').next());
            let row = row.expect("the claim links to its row");
            assert!(paper.html.contains(&format!("id=\"{row}\"")), "{name}: no {row}");
        }
        for place in paper.html.split("href=\"#").skip(1) {
            let id = place.split('"').next().unwrap_or_default();
            assert!(paper.html.contains(&format!("id=\"{id}\"")), "{name}: no {id}");
        }
    }
}

#[test]
fn the_page_stands_alone() {
    let html = made(&sample()).html;
    assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">"));
    assert!(html.contains("<svg data-figure=\"curves\""), "drawings stand in the page");
    assert!(html.contains("prefers-color-scheme: dark"));
    for outside in ["<script", "<link", "src=\"http", "@import", "url(http"] {
        assert!(!html.contains(outside), "{outside}");
    }
    let odd = made(&paper(ODD)).html;
    assert!(odd.contains("alttext=\"α + β\""), "equations have words");
    assert!(odd.contains("role=\"doc-endnotes\""));
}

#[test]
fn machines_get_the_text_with_claims_by_index() {
    let paper = made(&paper(ODD));
    let json: Value = serde_json::from_slice(&paper.json).expect("the file is JSON");
    assert_eq!(json["schema"], 1);
    assert_eq!(json["claims"], paper.claims);
    assert_eq!(json["abstract"][0]["text"][1]["claim"], 0);
    let titles: Vec<&str> = json["sections"]
        .as_array()
        .expect("sections")
        .iter()
        .filter_map(|section| section["title"].as_str())
        .collect();
    assert_eq!(titles, ["1 Text", "1.1 Formulas and code", "2 Floats"]);
    let blocks = &json["sections"][1]["blocks"];
    assert_eq!(
        blocks[0]["equation"],
        "∫ over a to b of f(x) d x = ∑ over i (a sub i) over (b sub i) + square root of x + vector (a, b)"
    );
    assert_eq!(blocks[2]["code"], "fn main() { println!(\"{x}\"); }");
    assert_eq!(json["notes"][0][1]["math"], "x sub i");
    let list = &json["sections"][0]["blocks"][1]["list"];
    assert_eq!(list[0], serde_json::json!(["with ", { "math": "α + β" }, " nested"]));
    assert_eq!(json["figures"][1]["name"], "curves");
    assert_eq!(json["tables"][0]["rows"][1][0][0], "a");
    let cell = &json["tables"][1]["rows"][1][2][0];
    let index = usize::try_from(cell["claim"].as_u64().expect("an index")).expect("a small one");
    assert_eq!(json["claims"][index]["printed"], cell["text"]);
    assert_eq!(json["experiments"][0]["runs"][0]["seed"], "1000");
}

#[test]
fn browsers_see_no_number_that_the_pages_do_not_show() {
    for text in [
        "#layout(size => if size.height > 24cm [None.] else [Only 42 here.])",
        "#layout(size => if size.height > 24cm [None.] else { str(6 * 7) })",
    ] {
        let mut input = line(text);
        input.mode = rescience_typst_papers::Mode::Free;
        let message = typeset(&input).err().map(|problems| told(&problems)).unwrap_or_default();
        assert!(message.contains("only browsers would show"), "{text}: {message}");
    }
}

#[test]
fn what_the_standards_refuse_is_said_at_the_authors_line() {
    let message = refused("= Above\n=== Below");
    assert!(
        message.starts_with("main.typ:4:1: error: skipped from heading level 1 to 3"),
        "{message}"
    );
    assert!(message.contains("hint: leave out no level: below `=` comes `==`"), "{message}");
    let message = refused("= Letters\nThe letter 中 stands here.");
    assert!(message.starts_with("main.typ:4:"), "{message}");
    assert!(message.contains("no font of the paper has the letter"), "{message}");
}

#[test]
fn other_peoples_tools_agree() {
    for (name, input) in papers() {
        let pdf = made(&input).pdf;
        if let Some((fine, said)) = tool("qpdf", &["--check", "@"], &pdf) {
            assert!(fine, "{name}: {said}");
        }
        if let Some((_, said)) = tool("pdfdetach", &["-list", "@"], &pdf) {
            assert!(
                said.contains("claims.json") && said.contains("provenance.json"),
                "{name}: {said}"
            );
        }
        if let Some((_, said)) = tool("pdftotext", &["@", "-"], &pdf) {
            let words = ["How this paper was made", "Ledger of claims"];
            assert!(words.iter().all(|words| said.contains(words)), "{name}: {said}");
        }
        for flavour in ["3a", "ua1"] {
            if let Some((fine, said)) = tool(&verapdf(), &[flavour, "@"], &pdf) {
                assert!(fine && said.contains("compliant=true"), "{name}: {said}");
            }
        }
    }
}

/// The validator, where somebody installed it.
#[expect(clippy::disallowed_methods, reason = "a test may look for the tools it can be judged by")]
fn verapdf() -> String {
    std::env::var("VERAPDF").unwrap_or_else(|_| PathBuf::from("verapdf").display().to_string())
}
