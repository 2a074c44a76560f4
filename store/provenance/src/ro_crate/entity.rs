//! The flattened graph of an RO-Crate and its entities.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// An entity: an identifier, its types, and properties that are texts or links.
#[derive(Debug, Clone)]
pub(crate) struct Entity(Map<String, Value>);

impl Entity {
    pub(crate) fn new(id: &str, types: &[&str]) -> Entity {
        let types = one_or_many(types.iter().map(|it| Value::from(*it)).collect());
        let entity = Entity(Map::new()).set("@id", id);
        entity.set("@type", types.expect("every entity has a type"))
    }

    pub(crate) fn id(&self) -> &str {
        self.0["@id"].as_str().expect("an identifier is a text")
    }

    pub(crate) fn set(mut self, property: &str, value: impl Into<Value>) -> Entity {
        self.0.insert(property.to_owned(), value.into());
        self
    }

    pub(crate) fn set_some(self, property: &str, value: Option<impl Into<Value>>) -> Entity {
        match value {
            Some(value) => self.set(property, value),
            None => self,
        }
    }

    pub(crate) fn link(self, property: &str, id: &str) -> Entity {
        self.links(property, [id])
    }

    /// Links to each of `ids` once, in their order; to none, the property is absent.
    pub(crate) fn links<T: AsRef<str>>(
        self,
        property: &str,
        ids: impl IntoIterator<Item = T>,
    ) -> Entity {
        let mut links: Vec<Value> = Vec::new();
        let mut seen = BTreeSet::new();
        for id in ids {
            if seen.insert(id.as_ref().to_owned()) {
                links.push(json!({ "@id": id.as_ref() }));
            }
        }
        self.set_some(property, one_or_many(links))
    }
}

/// A list as JSON-LD compacts it: a list of one is that one.
pub(crate) fn one_or_many(mut values: Vec<Value>) -> Option<Value> {
    match values.len() {
        0 => None,
        1 => values.pop(),
        _ => Some(Value::Array(values)),
    }
}

/// The entities, each identifier once.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    entities: Vec<Value>,
    ids: BTreeSet<String>,
}

impl Graph {
    /// Adds an entity; of two with one identifier the first stays.
    pub(crate) fn add(&mut self, entity: Entity) {
        if self.ids.insert(entity.id().to_owned()) {
            self.entities.push(Value::Object(entity.0));
        }
    }

    pub(crate) fn into_value(self) -> Value {
        Value::Array(self.entities)
    }
}
