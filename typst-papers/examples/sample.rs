//! Typesets a sample paper from made-up artifacts and writes it to the path given, with the same
//! paper as HTML and JSON and the drawings beside it; a text of your own takes the place of the
//! sample's: `cargo run --workspace --example sample -- /tmp/sample.pdf [report] [main.typ]`.

use std::path::PathBuf;

#[path = "../tests/support/mod.rs"]
mod support;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("usage: sample PATH [STYLE]")?);
    let mut input = support::sample();
    if let Some(style) = arguments.next() {
        input.project.style = style;
    }
    if let Some(text) = arguments.next() {
        input.files.insert(input.main.clone(), std::fs::read(text)?);
        input.bibliography = None;
    }
    for (name, figure) in &input.figures {
        std::fs::write(path.with_file_name(format!("{name}.svg")), &figure.svg)?;
    }
    match rescience_typst_papers::typeset(&input) {
        Ok(paper) => {
            std::fs::write(&path, &paper.pdf)?;
            std::fs::write(path.with_extension("html"), &paper.html)?;
            std::fs::write(path.with_extension("json"), &paper.json)?;
            let warnings: Vec<String> = paper.warnings.iter().map(ToString::to_string).collect();
            if warnings.is_empty() { Ok(()) } else { Err(warnings.join("\n").into()) }
        }
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Err(lines.join("\n").into())
        }
    }
}
