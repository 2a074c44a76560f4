//! One file per promise.

mod accelerators;
mod architecture;
mod bundles;
mod checking;
mod citations;
mod commands;
mod concurrent;
mod crash;
mod cutoff;
mod damage;
mod failing;
mod forging;
mod fresh;
mod grokking;
mod hostile;
mod identical;
mod manifests;
mod outputs;
mod program;
mod publishing;
mod reproduce;
mod sharing;
mod signing;
mod still;
mod tracing;
mod watching;
