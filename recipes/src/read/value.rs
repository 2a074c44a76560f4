//! Values of params and axes.

use std::collections::BTreeMap;

use serde_spanned::Spanned;
use toml::de::{DeFloat, DeInteger, DeValue};

use super::fields::Problems;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::value::Value;

/// Reads a value, or none with everything wrong in it noted.
pub(crate) fn read(value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Value> {
    match value.get_ref() {
        DeValue::Boolean(value) => Some(Value::Bool(*value)),
        DeValue::String(text) => Some(Value::String(text.clone().into_owned())),
        DeValue::Integer(number) => {
            let read = integer(number).map(Value::Int);
            if read.is_none() {
                problems.push(
                    Diagnostic::new(
                        Code::BadNumber,
                        value.span(),
                        "this whole number does not fit 64 bits",
                    )
                    .label("out of range")
                    .help("write it as a float, or as a string if its digits matter"),
                );
            }
            read
        }
        DeValue::Float(number) => {
            let read = float(number).map(Value::Float);
            if read.is_none() {
                problems.push(
                    Diagnostic::new(Code::BadNumber, value.span(), "this number is not finite")
                        .label("programs read params as JSON, which has no such number")
                        .help("leave the param out where it has no value, or use a string"),
                );
            }
            read
        }
        DeValue::Datetime(_) => {
            problems.push(
                Diagnostic::new(
                    Code::WrongType,
                    value.span(),
                    "a value must be a boolean, number, string, array or table, not a date or time",
                )
                .label("JSON has no dates")
                .help("put it in quotes"),
            );
            None
        }
        DeValue::Array(values) => {
            let values: Vec<Option<Value>> =
                values.iter().map(|value| read(value, problems)).collect();
            values.into_iter().collect::<Option<Vec<Value>>>().map(Value::Array)
        }
        DeValue::Table(values) => {
            let mut table = BTreeMap::new();
            let mut whole = true;
            for (name, value) in values {
                match read(value, problems) {
                    Some(value) => drop(table.insert(name.get_ref().to_string(), value)),
                    None => whole = false,
                }
            }
            whole.then_some(Value::Table(table))
        }
    }
}

/// Reads a value where nobody wants to know what is wrong with it.
pub(crate) fn plain(value: &DeValue<'_>) -> Option<Value> {
    read(&Spanned::new(0..0, value.clone()), &mut Problems::default())
}

pub(crate) fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

pub(crate) fn float(number: &DeFloat<'_>) -> Option<f64> {
    number.as_str().parse().ok().filter(|number: &f64| number.is_finite())
}
