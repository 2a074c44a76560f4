//! Croissant 1.1: a data set as machine learning tools load it.
//!
//! The validator of the format hardly asks for what the specification requires, so
//! [`missing`] says what is; nothing that is missing is made up.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::account::{Account, Action, DataSet, DataType, Field, File};
use crate::index::Index;
use crate::{codemeta, license, time, uri};

/// Where the document of a data set is.
pub fn path(set: &DataSet) -> String {
    format!("croissant/{}.json", set.name)
}

/// What the specification requires and the account does not say.
pub fn missing(account: &Account, set: &DataSet) -> Vec<&'static str> {
    let document = croissant(account, set);
    let required = ["name", "description", "license", "url", "creator", "datePublished"];
    let mut missing: Vec<&str> =
        required.into_iter().filter(|key| document.get(key).is_none()).collect();
    if document.get("distribution").is_none() {
        missing.push("distribution");
    }
    missing
}

/// The document of a data set.
pub fn croissant(account: &Account, set: &DataSet) -> Value {
    let index = Index::of(account);
    let files: Vec<&File> =
        index.file(&set.path).into_iter().chain(index.below(&set.path)).collect();
    let authors = if set.creators.is_empty() { &account.project.authors } else { &set.creators };
    let license = set.license.as_ref();
    let license = license.map(|it| license::url(it).unwrap_or_else(|| it.clone()));
    let mut map = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|value| *value != json!([]) && *value != json!("")) {
            map.insert(key.to_owned(), value);
        }
    };
    put("@context", Some(context()));
    put("@type", Some("sc:Dataset".into()));
    put("dct:conformsTo", Some("http://mlcommons.org/croissant/1.1".into()));
    put("name", Some(set.name.as_str().into()));
    put("description", set.description.as_deref().map(Value::from));
    put("license", license.map(Value::from));
    put("url", set.url.as_deref().filter(|url| uri::is_web(url)).map(Value::from));
    put("creator", Some(authors.iter().map(codemeta::author).collect()));
    put("datePublished", Some(time::date(account.project.published).into()));
    put("version", set.version.as_deref().map(Value::from));
    put("distribution", Some(files.iter().map(|file| file_object(file)).collect()));
    put("recordSet", Some(record_sets(set, &files)));
    put("prov:wasGeneratedBy", Some(makers(account, &index, &files).map(activity).collect()));
    Value::Object(map)
}

/// A path or a name as an identifier: `mlcroissant` takes no spaces in one, escaped or not, hence
/// `=` in place of `%`, which stays unique since `=` itself is escaped.
fn id(name: &str) -> String {
    uri::path(name).replace('%', "=")
}

/// The document lies in a folder of its own, hence the way up.
fn file_object(file: &File) -> Value {
    json!({
        "@type": "cr:FileObject",
        "@id": id(&file.path),
        "name": file.path,
        "description": file.about,
        "contentUrl": format!("../{}", file.path),
        "contentSize": format!("{} B", file.size),
        "encodingFormat": file.media_type,
        "sha256": file.sha256.to_string(),
    })
}

/// One record set for each file whose columns are known.
fn record_sets(set: &DataSet, files: &[&File]) -> Value {
    let mut by_file: BTreeMap<&str, Vec<&Field>> = BTreeMap::new();
    for field in set.fields.iter().filter(|field| files.iter().any(|it| it.path == field.file)) {
        by_file.entry(&field.file).or_default().push(field);
    }
    let sets = by_file.into_iter().map(|(file, fields)| {
        let id = format!("records/{}", id(file));
        let fields: Vec<Value> = fields.into_iter().map(|it| field(&id, it)).collect();
        json!({ "@type": "cr:RecordSet", "@id": id, "name": id, "field": fields })
    });
    sets.collect()
}

fn field(set: &str, field: &Field) -> Value {
    let own_id = format!("{set}/{}", id(&field.name));
    let data_type = match field.data_type {
        DataType::Boolean => "sc:Boolean",
        DataType::Integer => "sc:Integer",
        DataType::Float => "sc:Float",
        DataType::Text => "sc:Text",
    };
    let mut value = json!({
        "@type": "cr:Field",
        "@id": own_id,
        "name": own_id,
        "dataType": data_type,
        "source": {
            "fileObject": { "@id": id(&field.file) },
            "extract": { "column": field.name },
        },
    });
    if let Some(description) = &field.description {
        value["description"] = description.as_str().into();
    }
    value
}

/// The actions that made some of the files.
fn makers<'a>(
    account: &'a Account,
    index: &Index<'a>,
    files: &[&File],
) -> impl Iterator<Item = &'a Action> {
    let made = |action: &&Action| {
        let mut slots = action.outputs.iter().flat_map(|slot| index.files_of(&slot.content));
        slots.any(|made| files.iter().any(|file| file.path == made.path))
    };
    account.actions.iter().filter(made)
}

fn activity(action: &Action) -> Value {
    json!({
        "@type": "prov:Activity",
        "prov:label": action.label,
        "prov:startedAtTime": time::with_offset(action.started),
        "prov:endedAtTime": time::with_offset(action.finished),
    })
}

/// The context that the specification prescribes, with PROV's prefix.
fn context() -> Value {
    json!({
        "@language": "en",
        "@vocab": "https://schema.org/",
        "arrayShape": "cr:arrayShape",
        "citeAs": "cr:citeAs",
        "column": "cr:column",
        "conformsTo": "dct:conformsTo",
        "containedIn": "cr:containedIn",
        "cr": "http://mlcommons.org/croissant/",
        "data": { "@id": "cr:data", "@type": "@json" },
        "dataType": { "@id": "cr:dataType", "@type": "@vocab" },
        "dct": "http://purl.org/dc/terms/",
        "equivalentProperty": "cr:equivalentProperty",
        "examples": { "@id": "cr:examples", "@type": "@json" },
        "extract": "cr:extract",
        "field": "cr:field",
        "fileObject": "cr:fileObject",
        "fileProperty": "cr:fileProperty",
        "fileSet": "cr:fileSet",
        "format": "cr:format",
        "includes": "cr:includes",
        "isArray": "cr:isArray",
        "isLiveDataset": "cr:isLiveDataset",
        "jsonPath": "cr:jsonPath",
        "key": "cr:key",
        "md5": "cr:md5",
        "parentField": "cr:parentField",
        "path": "cr:path",
        "prov": "http://www.w3.org/ns/prov#",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "recordSet": "cr:recordSet",
        "references": "cr:references",
        "regex": "cr:regex",
        "repeated": "cr:repeated",
        "replace": "cr:replace",
        "samplingRate": "cr:samplingRate",
        "sc": "https://schema.org/",
        "separator": "cr:separator",
        "source": "cr:source",
        "subField": "cr:subField",
        "transform": "cr:transform",
    })
}
