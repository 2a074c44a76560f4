//! Draws every kind of figure from made-up runs and sets them in two columns, to be looked at:
//! `cargo run -p rescience-typst-papers --example gallery -- /tmp/gallery.pdf`, the drawings beside
//! it.

use std::path::PathBuf;

#[path = "../tests/support/mod.rs"]
mod support;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = PathBuf::from(std::env::args().nth(1).ok_or("usage: gallery PATH")?);
    let mut input = support::sample();
    input.figures.clear();
    input.bibliography = None;
    let mut text = String::from(
        "#import \"@rescience/paper:0.1.0\": *\n#show: paper.with(abstract: [Every kind of figure.])\n= Figures\n",
    );
    for (name, plot, data) in support::gallery::all() {
        let svg = rescience_typst_papers::draw(&plot, &data)?;
        std::fs::write(path.with_file_name(format!("{name}.svg")), &svg)?;
        let page = plot.get("width").is_some();
        let across = if page { ", placement: auto, scope: \"parent\"" } else { "" };
        text += &format!("#figure(\"{name}\", caption: [{}]{across})\n\n", name.replace('-', " "));
        let figure = rescience_typst_papers::FigureArtifact {
            svg: svg.into_bytes(),
            digest: support::digest('e'),
        };
        input.figures.insert(name.to_owned(), figure);
    }
    input.files.insert("main.typ".to_owned(), text.into_bytes());
    match rescience_typst_papers::typeset(&input) {
        Ok(paper) => Ok(std::fs::write(&path, &paper.pdf)?),
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Err(lines.join("\n").into())
        }
    }
}
