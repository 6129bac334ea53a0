//! Where schemas stand within a schema. What is said of `$ref` and other keywords holds there alone: a `const` or a sample may hold
//! the same names and mean nothing by them.

use serde_json::{Map, Value};

/// What a schema below another one is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// The same value.
    Same,
    /// The member of that name.
    Member(&'a str),
    /// The element of that index.
    Element(usize),
    /// Members and elements for which nothing else stands right beside it.
    Rest,
    /// Members and elements, whatever else is held against them.
    Any,
}

/// Keywords whose value is a schema.
const ONE: &[(&str, Place<'static>)] = &[
    ("not", Place::Same),
    ("if", Place::Same),
    ("then", Place::Same),
    ("else", Place::Same),
    ("additionalProperties", Place::Rest),
    ("unevaluatedProperties", Place::Rest),
    ("propertyNames", Place::Any),
    ("items", Place::Rest),
    ("additionalItems", Place::Rest),
    ("unevaluatedItems", Place::Rest),
    ("contains", Place::Any),
    ("contentSchema", Place::Any),
];
/// Keywords whose value is a list of schemas.
const LIST: &[(&str, Option<Place<'static>>)] = &[
    ("allOf", Some(Place::Same)),
    ("anyOf", Some(Place::Same)),
    ("oneOf", Some(Place::Same)),
    ("prefixItems", None),
    // Before 2020-12.
    ("items", None),
];
/// Keywords whose value is an object of schemas.
const TABLE: &[(&str, Option<Place<'static>>)] = &[
    ("properties", None),
    ("patternProperties", Some(Place::Any)),
    ("dependentSchemas", Some(Place::Same)),
    ("dependencies", Some(Place::Same)),
];
/// Keywords whose value is an object of schemas that are held against nothing unless they are referred to.
pub const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];

/// A schema below another one.
#[derive(Debug, Clone, Copy)]
pub struct Below<'a> {
    /// The keyword it stands under.
    pub keyword: &'static str,
    /// The index or name under the keyword, where it has one.
    pub step: Option<Step<'a>>,
    /// What it is held against.
    pub place: Place<'a>,
    /// The schema.
    pub schema: &'a Value,
}

/// A step below a keyword.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// Of a list.
    Index(usize),
    /// Of an object.
    Name(&'a str),
}

impl Below<'_> {
    /// Its place as a JSON pointer from the schema that it stands in.
    pub fn pointer(&self) -> String {
        match self.step {
            None => format!("/{}", self.keyword),
            Some(Step::Index(index)) => format!("/{}/{index}", self.keyword),
            Some(Step::Name(name)) => format!("/{}/{}", self.keyword, escaped(name)),
        }
    }
}

/// A name as a step of a JSON pointer.
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The schemas that stand right in that one, definitions apart.
pub fn below(schema: &Map<String, Value>) -> Vec<Below<'_>> {
    let mut found = Vec::new();
    for (keyword, place) in ONE {
        match schema.get(*keyword) {
            Some(Value::Array(_)) | None => {}
            Some(schema) => found.push(Below { keyword, step: None, place: *place, schema }),
        }
    }
    for (keyword, place) in LIST {
        let list = schema.get(*keyword).and_then(Value::as_array).into_iter().flatten();
        found.extend(list.enumerate().map(|(index, schema)| Below {
            keyword,
            step: Some(Step::Index(index)),
            place: place.unwrap_or(Place::Element(index)),
            schema,
        }));
    }
    for (keyword, place) in TABLE {
        for (name, schema) in schema.get(*keyword).and_then(Value::as_object).into_iter().flatten() {
            let place = place.unwrap_or(Place::Member(name));
            // A dependency may be a list of names.
            if !schema.is_array() {
                found.push(Below { keyword, step: Some(Step::Name(name)), place, schema });
            }
        }
    }
    found
}

/// The schemas under `$defs` and its older name.
pub fn definitions(schema: &Map<String, Value>) -> Vec<Below<'_>> {
    let under = |keyword: &'static str| {
        let table = schema.get(keyword).and_then(Value::as_object).into_iter().flatten();
        table.map(move |(name, schema)| Below { keyword, step: Some(Step::Name(name)), place: Place::Same, schema })
    };
    DEFINITIONS.into_iter().flat_map(under).collect()
}

/// Changes each `$ref` of a schema and of those below it. Where a schema below has an `$id`, references in it are its own, and stay.
pub fn change_references(schema: &mut Value, change: &mut impl FnMut(&mut String)) {
    let Value::Object(members) = schema else { return };
    if let Some(Value::String(reference)) = members.get_mut("$ref") {
        change(reference);
    }
    let pointers: Vec<String> = below(members).iter().chain(&definitions(members)).map(Below::pointer).collect();
    for pointer in pointers {
        if let Some(schema) = schema.pointer_mut(&pointer)
            && schema.get("$id").is_none()
        {
            change_references(schema, change);
        }
    }
}
