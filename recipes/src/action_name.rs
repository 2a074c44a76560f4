//! Names of actions: `source.x@build`, `experiment.baseline[operation=add]#0`, or a node's name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::{NodeKind, NodeName, ParseNameError};
use crate::point::Point;

/// The name of an action: a node with nothing left to decide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActionName {
    /// The node itself: `experiment.baseline`, which collects its runs.
    Node(NodeName),
    /// The program built from a source or diff: `source.template@build`.
    Build(NodeName),
    /// One run: `experiment.baseline[operation=add]#0`.
    Run {
        /// The experiment it belongs to.
        experiment: NodeName,
        /// Its point in the matrix.
        point: Point,
        /// Which seed, from 0.
        index: u32,
    },
}

impl ActionName {
    /// The node that the action belongs to.
    pub fn node(&self) -> &NodeName {
        match self {
            ActionName::Node(node) | ActionName::Build(node) => node,
            ActionName::Run { experiment, .. } => experiment,
        }
    }
}

impl fmt::Display for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ActionName::Node(node) => write!(f, "{node}"),
            ActionName::Build(node) => write!(f, "{node}@build"),
            ActionName::Run { experiment, point, index } if point.is_empty() => {
                write!(f, "{experiment}#{index}")
            }
            ActionName::Run { experiment, point, index } => {
                write!(f, "{experiment}[{point}]#{index}")
            }
        }
    }
}

impl FromStr for ActionName {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<ActionName, ParseNameError> {
        let bad = || ParseNameError::BadAction(text.to_owned());
        // Only a point may hold these characters, and it ends before the last `#`.
        let Some((head, index)) = text.rsplit_once('#') else {
            return match text.strip_suffix("@build") {
                Some(node) => Ok(ActionName::Build(node.parse()?)),
                None => Ok(ActionName::Node(text.parse()?)),
            };
        };
        let plain = index == "0" || !index.starts_with('0');
        if !plain || !index.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad());
        }
        let index = index.parse().map_err(|_| bad())?;
        let (experiment, point) = match head.split_once('[') {
            Some((experiment, rest)) => {
                let point: Point = rest.strip_suffix(']').ok_or_else(bad)?.parse()?;
                if point.is_empty() {
                    return Err(bad());
                }
                (experiment, point)
            }
            None => (head, Point::default()),
        };
        let experiment: NodeName = experiment.parse()?;
        if experiment.kind != NodeKind::Experiment {
            return Err(bad());
        }
        Ok(ActionName::Run { experiment, point, index })
    }
}

impl Serialize for ActionName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ActionName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ActionName, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
