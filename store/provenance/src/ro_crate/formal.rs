//! Formal parameters: what the tools read, are told and make, and the values these had.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::data::{Place, Roles};
use super::entity::{Entity, Graph};
use crate::uri;

/// Which way a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// A file or a folder goes in.
    Read,
    /// A number or a word goes in.
    Told,
    /// A file or a folder comes out.
    Made,
}

impl Way {
    fn as_str(self) -> &'static str {
        match self {
            Way::Read => "read",
            Way::Told => "told",
            Way::Made => "made",
        }
    }
}

/// A parameter of one tool.
pub(crate) struct Formal {
    pub(crate) id: String,
    pub(crate) tool: usize,
    pub(crate) way: Way,
    name: String,
    types: BTreeSet<&'static str>,
    media_types: BTreeSet<String>,
    examples: BTreeSet<String>,
}

/// The parameters of all tools, in the order of their first use.
#[derive(Default)]
pub(crate) struct Formals {
    list: Vec<Formal>,
    by_name: BTreeMap<(usize, Way, String), usize>,
    /// Values that are no files: their identifier and text, by parameter and text.
    values: BTreeMap<(usize, String), String>,
    value_entities: Vec<Entity>,
}

impl Formals {
    /// Notes that a parameter had the content of a place; `None` if that is not in the bundle, for
    /// a parameter may be shown by data only.
    pub(crate) fn placed(
        &mut self,
        tool: (usize, &str),
        way: Way,
        name: &str,
        place: &Place<'_>,
    ) -> Option<usize> {
        let (kind, media_type) = match place {
            Place::File(file) => ("File", Some(&file.media_type)),
            Place::Folder(_) => ("Dataset", None),
            Place::Elsewhere(_) => return None,
        };
        let at = self.at(tool, way, name);
        let formal = &mut self.list[at];
        formal.types.insert(kind);
        formal.media_types.extend(media_type.cloned());
        formal.examples.insert(place.id());
        Some(at)
    }

    /// Notes that a parameter had a value; returns the parameter and the value's identifier.
    pub(crate) fn valued(
        &mut self,
        tool: (usize, &str),
        name: &str,
        value: &Value,
    ) -> (usize, String) {
        let at = self.at(tool, Way::Told, name);
        let formal = &mut self.list[at];
        formal.types.insert(type_of(value));
        let text = text_of(value);
        if let Some(id) = self.values.get(&(at, text.clone())) {
            return (at, id.clone());
        }
        let id = format!("{}/{}", formal.id, formal.examples.len() + 1);
        formal.examples.insert(id.clone());
        self.value_entities.push(
            Entity::new(&id, &["PropertyValue"])
                .set("name", name)
                .set("value", text.as_str())
                .link("exampleOfWork", &formal.id),
        );
        self.values.insert((at, text), id.clone());
        (at, id)
    }

    fn at(&mut self, tool: (usize, &str), way: Way, name: &str) -> usize {
        let (tool, word) = tool;
        let next = self.list.len();
        let at = *self.by_name.entry((tool, way, name.to_owned())).or_insert(next);
        if at == next {
            self.list.push(Formal {
                id: format!("#{}/{}/{}", way.as_str(), uri::name(word), uri::name(name)),
                tool,
                way,
                name: name.to_owned(),
                types: BTreeSet::new(),
                media_types: BTreeSet::new(),
                examples: BTreeSet::new(),
            });
        }
        at
    }

    pub(crate) fn list(&self) -> &[Formal] {
        &self.list
    }

    /// Tells the files which parameters they were values of.
    pub(crate) fn note_roles(&self, roles: &mut Roles) {
        for formal in self.list.iter().filter(|formal| formal.way != Way::Told) {
            for example in &formal.examples {
                roles.example_of.entry(example.clone()).or_default().push(formal.id.clone());
            }
        }
    }

    pub(crate) fn describe(self, graph: &mut Graph) {
        for formal in self.list {
            let mut entity = Entity::new(&formal.id, &["FormalParameter"])
                .set("name", formal.name.as_str())
                .set("additionalType", additional_type(&formal.types))
                .links("workExample", &formal.examples);
            if let Some(media_type) = formal.media_types.first()
                && formal.media_types.len() == 1
            {
                entity = entity.set("encodingFormat", media_type.as_str());
            }
            graph.add(entity);
        }
        self.value_entities.into_iter().for_each(|entity| graph.add(entity));
    }
}

/// The one type that fits all values that were seen.
fn additional_type(types: &BTreeSet<&'static str>) -> &'static str {
    match types.iter().copied().collect::<Vec<_>>().as_slice() {
        [one] => one,
        ["Float", "Integer"] => "Float",
        ["Dataset", "File"] => "File",
        _ => "PropertyValue",
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "Boolean",
        Value::Number(number) if number.is_f64() => "Float",
        Value::Number(_) => "Integer",
        Value::String(_) => "Text",
        Value::Null | Value::Array(_) | Value::Object(_) => "PropertyValue",
    }
}

/// Values are texts in run crates, which also keeps whole numbers of more than 53 bits.
fn text_of(value: &Value) -> String {
    match value {
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
