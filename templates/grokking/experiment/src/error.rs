//! Why a run can fail.

use std::io;
use std::path::{Path, PathBuf};

/// Why a run failed; the message is for the person who reads its log.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The runner did not say something.
    #[error("{name} is not set; `rescience build` sets it")]
    Unset { name: &'static str },
    /// The runner said something that is not a number.
    #[error("{name} must be a whole number, found `{found}`")]
    NotANumber { name: &'static str, found: String },
    /// The parameters are not those of this experiment.
    #[error("{}: {message}", path.display())]
    Params { path: PathBuf, message: String },
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    /// The training ran away.
    #[error("the training loss is {loss} at step {step}; a lower learning rate may help")]
    Diverged { step: usize, loss: f32 },
    /// A tensor operation was misused.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl Failure {
    pub fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), error }
    }
}
