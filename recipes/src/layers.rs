//! Layers: what the text says of each node, before profiles and `extends` are laid together.
//!
//! A layer holds only what was written. Tables of an experiment merge key by key, everything else
//! is replaced by the upper layer.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_spanned::Spanned;

use crate::metric::Metric;
use crate::name::NodeName;
use crate::plot::{Band, PlotKind, Scale, Width};
use crate::recipe::{About, BuildSystem, Mode, Project, Style};
use crate::unit::Unit;
use crate::value::Value;

/// Everything that the text says.
#[derive(Debug, Clone)]
pub(crate) struct Layers {
    pub(crate) project: Project,
    pub(crate) remote: Option<Spanned<String>>,
    pub(crate) default_profile: Option<Spanned<String>>,
    pub(crate) base: NodeLayers,
    pub(crate) profiles: BTreeMap<String, NodeLayers>,
}

impl Layers {
    pub(crate) fn profiles(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
        if !names.contains(&"default") {
            names.insert(0, "default");
        }
        names
    }
}

/// The nodes of the recipe, or the overrides of one profile.
#[derive(Debug, Clone, Default)]
pub(crate) struct NodeLayers {
    pub(crate) sources: BTreeMap<String, SourceLayer>,
    pub(crate) diffs: BTreeMap<String, DiffLayer>,
    pub(crate) experiments: BTreeMap<String, ExperimentLayer>,
    pub(crate) figures: BTreeMap<String, FigureLayer>,
    pub(crate) papers: BTreeMap<String, PaperLayer>,
}

/// Where a node's table and its name stand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spot {
    pub(crate) span: Range<usize>,
    pub(crate) name: Range<usize>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct SourceLayer {
    pub(crate) spot: Spot,
    pub(crate) path: Option<Spanned<String>>,
    pub(crate) about: About,
    pub(crate) written: Vec<&'static str>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct DiffLayer {
    pub(crate) spot: Spot,
    pub(crate) base: Option<Spanned<NodeName>>,
    pub(crate) patch: Option<Spanned<String>>,
    pub(crate) written: Vec<&'static str>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct ExperimentLayer {
    pub(crate) spot: Spot,
    pub(crate) extends: Option<Spanned<NodeName>>,
    pub(crate) label: Option<Spanned<String>>,
    pub(crate) source: Option<Spanned<NodeName>>,
    /// What is not built is its own program.
    pub(crate) build: Option<Spanned<Option<BuildSystem>>>,
    pub(crate) run: Option<Vec<Spanned<String>>>,
    pub(crate) params: BTreeMap<String, Spanned<Value>>,
    pub(crate) matrix: BTreeMap<String, Spanned<Vec<Value>>>,
    pub(crate) seeds: Option<Spanned<u32>>,
    pub(crate) limits: LimitsLayer,
    pub(crate) metrics: BTreeMap<String, Spanned<Metric>>,
    pub(crate) env: BTreeMap<String, Spanned<String>>,
    pub(crate) inputs: BTreeMap<String, Spanned<NodeName>>,
    /// Keys that stand there, rightly or wrongly: those are not missing.
    pub(crate) written: Vec<&'static str>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LimitsLayer {
    pub(crate) wall: Option<std::time::Duration>,
    pub(crate) cpu: Option<std::time::Duration>,
    pub(crate) memory: Option<u64>,
    pub(crate) disk: Option<u64>,
    pub(crate) processes: Option<u32>,
    pub(crate) files: Option<u32>,
    pub(crate) log: Option<u64>,
    pub(crate) cpus: Option<u32>,
    pub(crate) gpus: Option<u32>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct FigureLayer {
    pub(crate) spot: Spot,
    pub(crate) data: Option<Vec<Spanned<NodeName>>>,
    pub(crate) plot: PlotLayer,
    pub(crate) caption: Option<String>,
    pub(crate) alt: Option<String>,
    pub(crate) written: Vec<&'static str>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct PlotLayer {
    pub(crate) span: Option<Range<usize>>,
    pub(crate) kind: Option<Spanned<PlotKind>>,
    pub(crate) x: Option<Spanned<String>>,
    pub(crate) y: Option<Vec<Spanned<String>>>,
    pub(crate) at: Option<Spanned<String>>,
    pub(crate) band: Option<Band>,
    pub(crate) group: Option<Spanned<String>>,
    pub(crate) facet: Option<Spanned<String>>,
    pub(crate) width: Option<Width>,
    pub(crate) x_scale: Option<Scale>,
    pub(crate) y_scale: Option<Scale>,
    pub(crate) x_label: Option<String>,
    pub(crate) y_label: Option<String>,
    pub(crate) x_unit: Option<Unit>,
    pub(crate) y_unit: Option<Unit>,
    pub(crate) max_points: Option<u32>,
    /// Where the value of each key stands that is written, rightly or wrongly.
    pub(crate) written: BTreeMap<&'static str, Range<usize>>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct PaperLayer {
    pub(crate) spot: Spot,
    pub(crate) text: Option<Spanned<String>>,
    pub(crate) bibliography: Option<Spanned<String>>,
    pub(crate) style: Option<Style>,
    pub(crate) mode: Option<Mode>,
    pub(crate) terms: Option<BTreeSet<String>>,
    pub(crate) lexicon: BTreeMap<String, BTreeSet<String>>,
    pub(crate) data: Option<Vec<Spanned<NodeName>>>,
    pub(crate) figures: Option<Vec<Spanned<NodeName>>>,
    pub(crate) written: Vec<&'static str>,
}

impl SourceLayer {
    pub(crate) fn overlay(&mut self, upper: &SourceLayer) {
        replace(&mut self.path, upper.path.as_ref());
        let (own, above) = (&mut self.about, &upper.about);
        replace(&mut own.description, above.description.as_ref());
        replace(&mut own.license, above.license.as_ref());
        replace(&mut own.origin, above.origin.as_ref());
        self.written.extend_from_slice(&upper.written);
    }
}

impl DiffLayer {
    pub(crate) fn overlay(&mut self, upper: &DiffLayer) {
        replace(&mut self.base, upper.base.as_ref());
        replace(&mut self.patch, upper.patch.as_ref());
        self.written.extend_from_slice(&upper.written);
    }
}

impl ExperimentLayer {
    /// Lays `upper` over this layer; where the node stands and what it extends stay `self`'s own
    /// unless `upper` says otherwise.
    ///
    /// A param of the upper layer fixes an axis of the lower one, and an axis varies a param: the
    /// upper layer decides which of the two a name is.
    pub(crate) fn overlay(&mut self, upper: &ExperimentLayer) {
        replace(&mut self.extends, upper.extends.as_ref());
        replace(&mut self.label, upper.label.as_ref());
        replace(&mut self.source, upper.source.as_ref());
        replace(&mut self.build, upper.build.as_ref());
        replace(&mut self.run, upper.run.as_ref());
        replace(&mut self.seeds, upper.seeds.as_ref());
        self.matrix.retain(|name, _| !upper.params.contains_key(name));
        self.params.retain(|name, _| !upper.matrix.contains_key(name));
        merge(&mut self.params, &upper.params);
        merge(&mut self.matrix, &upper.matrix);
        merge(&mut self.metrics, &upper.metrics);
        merge(&mut self.env, &upper.env);
        merge(&mut self.inputs, &upper.inputs);
        replace(&mut self.limits.wall, upper.limits.wall.as_ref());
        replace(&mut self.limits.cpu, upper.limits.cpu.as_ref());
        replace(&mut self.limits.memory, upper.limits.memory.as_ref());
        replace(&mut self.limits.disk, upper.limits.disk.as_ref());
        replace(&mut self.limits.processes, upper.limits.processes.as_ref());
        replace(&mut self.limits.files, upper.limits.files.as_ref());
        replace(&mut self.limits.log, upper.limits.log.as_ref());
        replace(&mut self.limits.cpus, upper.limits.cpus.as_ref());
        replace(&mut self.limits.gpus, upper.limits.gpus.as_ref());
        self.written.extend_from_slice(&upper.written);
    }
}

impl FigureLayer {
    pub(crate) fn overlay(&mut self, upper: &FigureLayer) {
        replace(&mut self.data, upper.data.as_ref());
        replace(&mut self.caption, upper.caption.as_ref());
        replace(&mut self.alt, upper.alt.as_ref());
        let (plot, above) = (&mut self.plot, &upper.plot);
        replace(&mut plot.span, above.span.as_ref());
        replace(&mut plot.kind, above.kind.as_ref());
        replace(&mut plot.x, above.x.as_ref());
        replace(&mut plot.y, above.y.as_ref());
        replace(&mut plot.at, above.at.as_ref());
        replace(&mut plot.band, above.band.as_ref());
        replace(&mut plot.group, above.group.as_ref());
        replace(&mut plot.facet, above.facet.as_ref());
        replace(&mut plot.width, above.width.as_ref());
        replace(&mut plot.x_scale, above.x_scale.as_ref());
        replace(&mut plot.y_scale, above.y_scale.as_ref());
        replace(&mut plot.x_label, above.x_label.as_ref());
        replace(&mut plot.y_label, above.y_label.as_ref());
        replace(&mut plot.x_unit, above.x_unit.as_ref());
        replace(&mut plot.y_unit, above.y_unit.as_ref());
        replace(&mut plot.max_points, above.max_points.as_ref());
        merge(&mut plot.written, &above.written);
        self.written.extend_from_slice(&upper.written);
    }
}

impl PaperLayer {
    pub(crate) fn overlay(&mut self, upper: &PaperLayer) {
        replace(&mut self.text, upper.text.as_ref());
        replace(&mut self.bibliography, upper.bibliography.as_ref());
        replace(&mut self.style, upper.style.as_ref());
        replace(&mut self.mode, upper.mode.as_ref());
        replace(&mut self.terms, upper.terms.as_ref());
        merge(&mut self.lexicon, &upper.lexicon);
        replace(&mut self.data, upper.data.as_ref());
        replace(&mut self.figures, upper.figures.as_ref());
        self.written.extend_from_slice(&upper.written);
    }
}

fn replace<T: Clone>(lower: &mut Option<T>, upper: Option<&T>) {
    if let Some(upper) = upper {
        *lower = Some(upper.clone());
    }
}

fn merge<K: Ord + Clone, T: Clone>(lower: &mut BTreeMap<K, T>, upper: &BTreeMap<K, T>) {
    for (name, value) in upper {
        lower.insert(name.clone(), value.clone());
    }
}
