//! What typst code cannot compute: statistics, units and words, as functions of the package.
//!
//! They stand in one module of typst's library, and are pure: what they are given decides what they
//! return. [`stop`] alone is different: it refuses the paper at a place that was kept from an
//! earlier call, because typst does not trace what a `context` block calls.

mod reach;
mod units;
mod wording;

use std::sync::LazyLock;

use typst::diag::{At as _, SourceDiagnostic, SourceResult};
use typst::ecow::eco_vec;
use typst::foundations::{
    Args, Array, CastInfo, Content, Dict, FromValue, Func, IntoValue as _, Module, NativeFuncData,
    NativeFuncPtr, Scope, Str, Value,
};
use typst::syntax::Span;

use crate::stats::hypothesis::{Found, equivalence, holm, mann_whitney, welch};
use crate::stats::intervals::{
    bootstrap, bootstrap_ratio, ratio_error, t_half_width, welch_half_width,
};
use crate::stats::sem;
use crate::wall;

/// The name of the module in typst's library.
pub(crate) const NAME: &str = "rescience-native";

/// A function of the module, written as a closure that takes its arguments.
macro_rules! native {
    ($scope:ident, $name:literal, |$args:ident| $body:expr) => {{
        static DATA: NativeFuncData = NativeFuncData {
            function: NativeFuncPtr(&|_, _, $args: &mut Args| -> SourceResult<Value> {
                let value = $body;
                $args.take().finish()?;
                Ok(value)
            }),
            name: $name,
            title: $name,
            docs: "",
            def_site: None,
            keywords: &[],
            contextual: false,
            scope: LazyLock::new(&|| Scope::new()),
            params: LazyLock::new(&|| Vec::new()),
            returns: LazyLock::new(&|| CastInfo::Any),
        };
        $scope.define($name, Func::from(&DATA));
    }};
}

/// The module, for typst's library.
pub(crate) fn module() -> Module {
    let mut scope = Scope::new();
    native!(scope, "sem", |args| optional(sem(&numbers(args)?)));
    native!(scope, "t-interval", |args| optional(t_half_width(
        &numbers(args)?,
        args.expect("level")?
    )));
    native!(scope, "welch-interval", |args| {
        optional(welch_half_width(&numbers(args)?, &numbers(args)?, args.expect("level")?))
    });
    native!(scope, "bootstrap", |args| pair(bootstrap(&numbers(args)?, args.expect("level")?)));
    native!(scope, "bootstrap-ratio", |args| {
        pair(bootstrap_ratio(&numbers(args)?, &numbers(args)?, args.expect("level")?))
    });
    native!(scope, "ratio-error", |args| optional(ratio_error(&numbers(args)?, &numbers(args)?)));
    native!(scope, "welch", |args| found(welch(
        &numbers(args)?,
        &numbers(args)?,
        args.expect("shift")?
    )));
    native!(scope, "mann-whitney", |args| found(mann_whitney(&numbers(args)?, &numbers(args)?)));
    native!(scope, "equivalence", |args| {
        found(equivalence(&numbers(args)?, &numbers(args)?, args.expect("margin")?))
    });
    native!(scope, "holm", |args| list(holm(&numbers(args)?).into_iter().map(Value::Float)));
    native!(scope, "conversion", |args| {
        let (from, to): (Str, Str) = (args.expect("from")?, args.expect("to")?);
        pair(units::conversion(&from, &to))
    });
    native!(scope, "relatives", |args| {
        let unit: Str = args.expect("unit")?;
        list(units::relatives(&unit).into_iter().map(|unit| Str::from(unit).into_value()))
    });
    native!(scope, "plain-text", |args| {
        let content: Content = args.expect("content")?;
        Str::from(content.plain_text()).into_value()
    });
    native!(scope, "objection", |args| {
        let text: Str = args.expect("text")?;
        wall::objection(&text).map_or(Value::None, |found| Str::from(found).into_value())
    });
    native!(scope, "names-machine", |args| {
        let text: Str = args.expect("text")?;
        wall::machine(&text).map_or(Value::None, |found| Str::from(found).into_value())
    });
    native!(scope, "objection-to-claim", |args| objection_to_claim(args)?);
    native!(scope, "stop", |args| stop(args)?);
    Module::new(NAME, scope)
}

fn numbers(args: &mut Args) -> SourceResult<Vec<f64>> {
    args.expect("numbers")
}

fn optional(number: Option<f64>) -> Value {
    number.filter(|number| number.is_finite()).map_or(Value::None, Value::Float)
}

fn list(values: impl Iterator<Item = Value>) -> Value {
    Value::Array(values.collect::<Array>())
}

fn pair(pair: Option<(f64, f64)>) -> Value {
    pair.map_or(Value::None, |(a, b)| list([a, b].into_iter().map(Value::Float)))
}

/// A test's result as a dictionary; none where there are too few values.
fn found(found: Option<Found>) -> Value {
    let Some(found) = found else { return Value::None };
    let mut dict = Dict::new();
    dict.insert("difference".into(), Value::Float(found.difference));
    dict.insert("statistic".into(), optional(found.statistic));
    dict.insert("freedom".into(), optional(found.freedom));
    dict.insert("p".into(), optional(found.p));
    Value::Dict(dict)
}

fn field<T: FromValue>(dict: &Dict, key: &str, span: Span) -> SourceResult<T> {
    dict.get(key).at(span)?.clone().cast::<T>().at(span)
}

/// `objection-to-claim(text, (operator, metric, unit, better, first, second, others, metrics, covered, some, margin, all))`:
/// what is wrong with the words, and a hint.
fn objection_to_claim(args: &mut Args) -> SourceResult<Value> {
    let text: Str = args.expect("text")?;
    let claim: Dict = args.expect("what is claimed")?;
    let span = args.span;
    let names = |key: &str| -> SourceResult<Vec<String>> {
        let names: Vec<Str> = field(&claim, key, span)?;
        Ok(names.iter().map(|name| name.to_string()).collect())
    };
    let operator: Str = field(&claim, "operator", span)?;
    let metric: Str = field(&claim, "metric", span)?;
    let unit: Str = field(&claim, "unit", span)?;
    let better: Option<Str> = field(&claim, "better", span)?;
    let claimed = wording::Claimed {
        operator: &operator,
        metric: &metric,
        unit: &unit,
        better: better.as_deref(),
        first: names("first")?,
        second: names("second")?,
        others: names("others")?,
        metrics: names("metrics")?,
        covered: field(&claim, "covered", span)?,
        some: field(&claim, "some", span)?,
        margin: field(&claim, "margin", span)?,
        all: field(&claim, "all", span)?,
    };
    let objection = wording::objection(&text, &claimed);
    Ok(objection.map_or(Value::None, |(told, hint)| {
        list([Str::from(told), Str::from(hint)].into_iter().map(Str::into_value))
    }))
}

/// `stop(arguments of the author's call, message, ..hints)`
fn stop(args: &mut Args) -> SourceResult<Value> {
    let place: Args = args.expect("arguments of a call")?;
    let message: Str = args.expect("message")?;
    // What is found out so late is that the data refute a claim.
    let mut diagnostic = SourceDiagnostic::error(place.span, format!("RS0216 {message}"));
    for hint in args.all::<Str>()? {
        diagnostic.hint(hint);
    }
    Err(eco_vec![diagnostic])
}
