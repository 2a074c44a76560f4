//! The studio that execution is given: typst, seen through the artifacts of one action.

use rescience_exec::event::{Accounting, Problem};
use rescience_exec::studio::{FigureRequest, PaperRequest, Studio, Typeset};
use rescience_recipes::Mode;
use rescience_typst_papers as papers;

/// Draws and typesets with the linked typst.
pub(crate) struct TypstStudio;

impl Studio for TypstStudio {
    fn engine(&self) -> &str {
        papers::ENGINE
    }

    fn draw(&self, request: &FigureRequest) -> Result<Vec<u8>, Box<Problem>> {
        let mut data = Vec::with_capacity(request.data.len());
        for one in &request.data {
            let results = parse(&one.results)?;
            data.push(papers::FigureData { results, series: one.series.clone() });
        }
        match papers::draw(&request.plot, &data) {
            Ok(svg) => Ok(svg.into_bytes()),
            Err(error) => Err(bare(error.to_string())),
        }
    }

    fn typeset(&self, request: &PaperRequest) -> Result<Typeset, Vec<Problem>> {
        let input = input(request).map_err(|problem| vec![*problem])?;
        // The folder of the text is the paper's root; the project's root is the author's.
        let folder = &request.folder;
        let known = |problem| located(problem, folder);
        match papers::typeset(&input) {
            Ok(made) => Ok(Typeset {
                pdf: made.pdf,
                html: made.html,
                json: made.json,
                accounting: Accounting {
                    artifacts: made.accounting.artifacts,
                    citations: made.accounting.citations,
                    numbering: made.accounting.numbering,
                    declared: made.accounting.declared,
                },
                pages: made.pages,
                claims: made.claims,
                warnings: made.warnings.into_iter().map(known).collect(),
            }),
            Err(problems) => Err(problems.into_iter().map(known).collect()),
        }
    }
}

fn parse(results: &[u8]) -> Result<papers::Results, Box<Problem>> {
    papers::Results::parse(results).map_err(|error| bare(format!("results.json: {error}")))
}

fn input(request: &PaperRequest) -> Result<papers::PaperInput, Box<Problem>> {
    let experiments = request.results.iter().map(|results| parse(results));
    let facts = request.facts.iter().map(|(digest, bytes)| {
        let facts = serde_json::from_slice(bytes);
        Ok((digest.to_string(), facts.map_err(|error| bare(format!("facts {digest}: {error}")))?))
    });
    let figures = request.figures.iter().map(|(name, (digest, svg))| {
        let digest = digest.to_string();
        (name.clone(), papers::FigureArtifact { svg: svg.clone(), digest })
    });
    let project = &request.project;
    let authors = project.authors.iter().map(|author| papers::Author {
        name: author.name.clone(),
        affiliation: author.affiliation.clone(),
        orcid: author.orcid.clone(),
    });
    Ok(papers::PaperInput {
        main: request.main.clone(),
        files: request.files.clone(),
        bibliography: request.bibliography.clone(),
        project: papers::ProjectMeta {
            name: project.name.clone(),
            version: project.version.clone(),
            title: project.title.clone(),
            authors: authors.collect(),
            license: project.license.clone(),
            doi: project.doi.clone(),
            profile: request.profile.clone(),
            style: request.style.clone(),
        },
        experiments: experiments.collect::<Result<_, _>>()?,
        facts: facts.collect::<Result<_, Box<Problem>>>()?,
        figures: figures.collect(),
        mode: match request.mode {
            Mode::Strict => papers::Mode::Strict,
            Mode::Free => papers::Mode::Free,
        },
        terms: request.terms.clone(),
        lexicon: request
            .lexicon
            .iter()
            .map(|(category, words)| (category.clone(), words.iter().cloned().collect()))
            .collect(),
        confirmed: request
            .confirmed
            .iter()
            .map(|(key, entry)| (key.clone(), entry.to_string()))
            .collect(),
    })
}

fn bare(message: String) -> Box<Problem> {
    let hints = Vec::new();
    Box::new(Problem {
        code: None,
        message,
        warning: false,
        file: None,
        text: None,
        span: None,
        hints,
    })
}

fn located(problem: papers::Problem, folder: &str) -> Problem {
    Problem {
        code: problem.code.map(str::to_owned),
        message: problem.message,
        warning: problem.severity == papers::Severity::Warning,
        file: problem.file.map(|file| format!("{folder}/{file}")),
        text: problem.text,
        span: problem.span,
        hints: problem.hints,
    }
}
