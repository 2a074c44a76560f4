//! Recipes: text to graph to keys to plan, without I/O.
//!
//! A chain of types, of which each stage consumes the one before and nobody reaches back:
//!
//! ```text
//! bytes --parse--> Recipe --unfold--> Graph --select--> Selection --plan--> Plan
//!                     |                                                |
//!                     `--> Diagnostics                  World <--------'
//! ```
//!
//! Start reading at [`recipe`], which is what a person writes, then [`graph`], then [`key`].
//!
//! | module | holds |
//! |---|---|
//! | [`resolve`] | [`parse`]: layers, profiles and `extends` to a recipe without dangling names |
//! | [`recipe`], [`plot`], [`metric`] | [`Recipe`] and its nodes |
//! | [`name`], [`action_name`], [`point`] | names of nodes, actions and points of a matrix |
//! | [`value`], [`unit`], [`quantity`] | values of params, units of metrics, durations and sizes |
//! | [`placeholder`] | `{out}` and its like in commands and labels |
//! | [`diagnostic`], [`code`] | [`Diagnostics`]: what is wrong, as data, and what each [`Code`] means |
//! | [`graph`], [`select`] | [`Graph`] of [`Action`]s, and [`Selection`]s of it |
//! | [`key`] | [`KeyInputs`]: every input of a key, and everything that is kept out |
//! | [`reason`], [`plan`] | [`Plan`]: what has to run, and each [`Reason`] |
//! | [`edit`] | what is written into a recipe without touching the rest of it |
//! | [`lock`] | [`Lock`]: what was decided once and changes only when asked |
//! | [`results`] | [`results::Results`]: what an experiment measured |
//!
//! This crate opens no file, starts no process, reads no clock and prints nothing. The outside
//! enters through one trait, [`World`]. Outside text may be anything: it yields diagnostics and
//! never a panic.

pub mod action_name;
pub mod code;
pub mod diagnostic;
pub mod edit;
pub mod graph;
pub mod key;
mod layers;
pub mod lock;
pub mod metric;
pub mod name;
mod nearest;
mod path;
pub mod placeholder;
pub mod plan;
pub mod plot;
pub mod point;
pub mod quantity;
mod read;
pub mod reason;
pub mod recipe;
pub mod resolve;
pub mod results;
pub mod select;
pub mod unit;
pub mod value;

pub use action_name::ActionName;
pub use code::Code;
pub use diagnostic::{Diagnostic, Diagnostics};
pub use graph::{Action, ActionIndex, Collect, Graph, PaperSpec, Run, Work};
pub use key::{InputError, KeyInputs, key_inputs};
pub use lock::Lock;
pub use metric::{Better, Metric, Tolerance};
pub use name::{NodeKind, NodeName, ParseNameError};
pub use nearest::nearest;
pub use plan::{Hit, InputProblem, Made, Plan, Step, World, plan};
pub use plot::{Band, Plot, PlotKind, Scale, Width};
pub use point::Point;
pub use read::document::MAX_SIZE;
pub use reason::Reason;
pub use recipe::{Author, BuildSystem, Limits, Mode, Project, Recipe, Style};
pub use resolve::{parse, parse_bytes, parse_with_profile};
pub use select::{Selection, UnknownTarget};
pub use unit::Unit;
pub use value::Value;
