//! From the input to the pages: compile, check the ledger, export.

use typst::diag::SourceDiagnostic;
use typst::foundations::Datetime;
use typst::syntax::VirtualPath;
use typst_layout::PagedDocument;

use crate::input::PaperInput;
use crate::problem::{self, Problem, translate};
use crate::wall::{self, Accounting};
use crate::world::PaperWorld;
use crate::{data, export, html, json, ledger};

/// A typeset paper.
#[derive(Debug, Clone)]
pub struct Typeset {
    /// The document.
    pub pdf: Vec<u8>,
    /// The same paper for browsers: one file, nothing loaded from elsewhere.
    pub html: String,
    /// The same paper for machines.
    pub json: Vec<u8>,
    /// How many digits the pages show, and where they came from.
    pub accounting: Accounting,
    /// How many pages it has.
    pub pages: usize,
    /// What typst warned about.
    pub warnings: Vec<Problem>,
    /// The ledger: an array with one object per number that the package printed in the text, in
    /// order, with `kind`, `path`, `printed`, `source`, `statistic`, `n`, `digest` and `page`.
    pub claims: serde_json::Value,
}

/// How many compilations typst's memory of layouts may go unused before it is let go.
const KEPT_COMPILATIONS: usize = 6;

/// How often the pages may be laid out until the account of digits that they print is theirs: once
/// to count, once to print, and once more where the print moved a page's number.
const PASSES: usize = 3;

/// Typesets the paper as PDF/A-3a and PDF/UA-1, for browsers and for machines. The same input gives
/// the same bytes.
///
/// # Errors
/// Everything that is wrong with the paper, warnings included, at the author's lines.
pub fn typeset(input: &PaperInput) -> Result<Typeset, Vec<Problem>> {
    let main = VirtualPath::new(&input.main)
        .ok()
        .filter(|path| input.files.contains_key(path.get_without_slash()))
        .ok_or_else(|| vec![Problem::error(format!("the paper has no file {}", input.main))])?;
    let date = data::date(input);
    let mut world = PaperWorld::new(main, &input.files, data::files(input)?, date, input.mode);
    let refused = wall::before(input, &world);
    if !refused.is_empty() {
        return Err(refused);
    }
    let mut told = None;
    let mut laid_out = None;
    for _ in 0..PASSES {
        world.tell_digits(told.as_ref());
        let (document, warnings) = lay_out(input, &world)?;
        let accounting = wall::count(input, &world, &document);
        laid_out = Some((document, warnings));
        if told.replace(accounting) == Some(accounting) {
            break;
        }
    }
    let (Some((document, warnings)), Some(accounting)) = (laid_out, told) else {
        return Err(vec![Problem::error("the pages were not laid out")]);
    };
    let refuse = |mut errors: Vec<Problem>| {
        errors.extend(warnings.iter().cloned());
        errors
    };
    wall::check(input, &world, &document).map_err(refuse)?;
    let problems = |diagnostics: &[SourceDiagnostic]| translated(input, &world, diagnostics);
    let claims = ledger::claims(&world, &document).map_err(refuse)?;
    let attachments = export::attachments(input, &claims, &accounting);
    let mend = |errors: &[SourceDiagnostic]| {
        refuse(problems(errors).into_iter().map(export::mended).collect())
    };
    // Neither form needs the other.
    let (pdf, web) = std::thread::scope(|scope| {
        let pdf = scope.spawn(|| export::pdf(input, &document, date, attachments));
        let web = html::document(input, &world, &document, &claims, problems).map_err(refuse);
        let web = web.and_then(|web| {
            let html = html::encoded(input, &web).map_err(|errors| refuse(problems(&errors)))?;
            Ok((html, json::paper(input, web.root(), &claims, &accounting)))
        });
        (pdf.join(), web)
    });
    let pdf = pdf.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let (pdf, (html, json)) = (pdf.map_err(|errors| mend(&errors))?, web?);
    Ok(Typeset { pdf, html, json, accounting, pages: document.pages().len(), warnings, claims })
}

/// The pages, with what typst warned about.
fn lay_out(
    input: &PaperInput,
    world: &PaperWorld,
) -> Result<(PagedDocument, Vec<Problem>), Vec<Problem>> {
    let compiled = typst::compile::<PagedDocument>(world);
    typst::comemo::evict(KEPT_COMPILATIONS);
    let warnings = translated(input, world, &compiled.warnings);
    match compiled.output {
        Ok(document) => {
            // A claim that the author made without the package would be believed by the wall.
            ledger::claims(world, &document)?;
            Ok((document, warnings))
        }
        Err(errors) => {
            let mut problems = translated(input, world, &errors);
            problems.extend(warnings);
            Err(problems)
        }
    }
}

/// Diagnostics of typst's at the author's lines.
fn translated(
    input: &PaperInput,
    world: &PaperWorld,
    diagnostics: &[SourceDiagnostic],
) -> Vec<Problem> {
    let bibliography = input.bibliography.as_deref();
    problem::without_echoes(diagnostics.iter().map(|d| translate(world, bibliography, d)).collect())
}

/// The day of a timestamp, as typst writes it.
pub(crate) fn day(timestamp: jiff::Timestamp) -> Option<Datetime> {
    let date = jiff::tz::Offset::UTC.to_datetime(timestamp).date();
    let month = u8::try_from(date.month()).ok()?;
    let day = u8::try_from(date.day()).ok()?;
    Datetime::from_ymd(i32::from(date.year()), month, day)
}
