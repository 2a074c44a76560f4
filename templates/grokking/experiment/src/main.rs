//! Trains a small transformer on a binary operation until it groks, or does not.
//!
//! Reads the parameters of `RESCIENCE_PARAMS` and the seed of `RESCIENCE_SEED`, and writes
//! `metrics.json` and `series.jsonl` to the directory `RESCIENCE_OUT`. candle takes the
//! number of its threads from `RAYON_NUM_THREADS`, which the runner sets; one is best, since runs
//! side by side use the cores better than one run spread over them. The files are the same with
//! any number.

#![forbid(unsafe_code)]

mod config;
mod data;
mod error;
mod metrics;
mod model;
mod ops;
mod optim;
mod rng;
mod train;

use config::Config;
use error::Failure;
use metrics::Record;
use std::path::PathBuf;
use std::process::ExitCode;

/// Steps between two lines of progress.
const PROGRESS: usize = 100;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    keep_memory();
    let config = Config::read(&PathBuf::from(variable("RESCIENCE_PARAMS")?))?;
    let seed = variable("RESCIENCE_SEED")?;
    let seed = seed
        .parse()
        .map_err(|_| Failure::NotANumber { name: "RESCIENCE_SEED", found: seed.clone() })?;
    let out = PathBuf::from(variable("RESCIENCE_OUT")?);
    let trained = train::train(&config, seed, |record| show(record, config.steps))?;
    metrics::write(&config, &trained, &out)
}

/// Makes the C library keep freed memory for the next step instead of returning it at once: it
/// raises its limits to the size of the largest block it has seen freed. Steps are a third
/// faster; elsewhere this does nothing.
fn keep_memory() {
    drop(std::hint::black_box(vec![0u8; 30 << 20]));
}

fn variable(name: &'static str) -> Result<String, Failure> {
    std::env::var(name).map_err(|_| Failure::Unset { name })
}

fn show(record: &Record, of: usize) {
    if record.step.is_multiple_of(PROGRESS) {
        let Record { step, val_accuracy, .. } = record;
        println!(r#"{{"step":{step},"of":{of},"val_accuracy":{val_accuracy}}}"#);
    }
}
