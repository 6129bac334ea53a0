//! Makes the document of the native API say what its calls do, where the macros cannot tell: what a call can be refused for, what its
//! parameters can be, which members are always there in an answer, and what the rows of a page are.

use std::collections::BTreeSet;

use postrider_core::limits::{PAGE_ROWS_MOST, STATISTICS_SUMMARY_HOURS};
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, Paths};
use utoipa::openapi::schema::{ArrayItems, KnownFormat, SchemaFormat};
use utoipa::openapi::{OpenApi, Ref, RefOr, Schema};

use super::complete_errors;

/// What a reference to a schema begins with.
const SCHEMAS: &str = "#/components/schemas/";

/// Members that an answer leaves out where they say nothing. Every other is there, `null` where there is nothing.
const LEFT_OUT: &[(&str, &str)] = &[
    ("Delivery", "eventKey"),
    ("FilterVerdict", "error"),
    ("Issue", "column"),
    ("Issue", "line"),
    ("Problem", "errors"),
    ("Webhook", "previousSecret"),
    ("Webhook", "secret"),
];

/// Completes the document of the native API's calls.
pub(crate) fn make_exact(document: &mut OpenApi) {
    let mut asked = Vec::new();
    for operation in operations(&mut document.paths) {
        complete_errors(operation);
        for parameter in operation.parameters.iter_mut().flatten() {
            if let RefOr::T(parameter) = parameter {
                complete_parameter(parameter);
            }
        }
        references(&operation.request_body, &mut asked);
    }
    let Some(components) = &mut document.components else { return };
    let mut of_requests = BTreeSet::new();
    while let Some(name) = asked.pop() {
        if let Some(schema) = components.schemas.get(&name)
            && of_requests.insert(name)
        {
            references(schema, &mut asked);
        }
    }
    for (name, schema) in &mut components.schemas {
        let RefOr::T(schema) = schema else { continue };
        refer_to_rows(name, schema);
        // What a request can leave out, nothing here tells from what is always answered.
        if !of_requests.contains(name) {
            require_members(name, schema);
        }
    }
}

fn operations(paths: &mut Paths) -> impl Iterator<Item = &mut Operation> {
    let items = paths.paths.values_mut();
    items.flat_map(|item| [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete]).flatten()
}

/// Names the schemas that a part of the document refers to.
fn references(part: &impl Serialize, found: &mut Vec<String>) {
    let part = serde_json::to_value(part).expect("the document has string keys only");
    let mut rest = vec![&part];
    while let Some(value) = rest.pop() {
        match value {
            Value::Object(members) => {
                let reference = members.get("$ref").and_then(Value::as_str);
                found.extend(reference.and_then(|text| text.strip_prefix(SCHEMAS)).map(str::to_owned));
                rest.extend(members.values());
            }
            Value::Array(items) => rest.extend(items),
            _ => {}
        }
    }
}

/// What a parameter of that name can be: it is the same in every call.
fn complete_parameter(parameter: &mut Parameter) {
    if parameter.parameter_in != ParameterIn::Query {
        return;
    }
    let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema else { return };
    match parameter.name.as_str() {
        "limit" => {
            schema.minimum = Some(1_usize.into());
            schema.maximum = Some(PAGE_ROWS_MOST.into());
        }
        "hours" => {
            schema.minimum = Some(1_usize.into());
            schema.maximum = Some(STATISTICS_SUMMARY_HOURS.into());
        }
        "webhookId" | "eventId" | "jobId" => schema.format = Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)),
        "from" | "to" => schema.format = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)),
        _ => {}
    }
}

/// Has a page refer to the schema of its rows, which the macros write out in each.
fn refer_to_rows(name: &str, page: &mut Schema) {
    let Some(row) = name.strip_prefix("SearchPage_").or_else(|| name.strip_prefix("Page_")) else { return };
    if let Schema::Object(page) = page
        && let Some(RefOr::T(Schema::Array(rows))) = page.properties.get_mut("items")
    {
        rows.items = ArrayItems::RefOrSchema(Box::new(RefOr::Ref(Ref::from_schema_name(row))));
    }
}

/// Says of every member of an answer that it is there, but for those that are left out.
fn require_members(name: &str, schema: &mut Schema) {
    let parts = match schema {
        Schema::Object(object) => {
            for member in object.properties.keys() {
                if !LEFT_OUT.contains(&(name, member.as_str())) && !object.required.contains(member) {
                    object.required.push(member.clone());
                }
            }
            return;
        }
        Schema::OneOf(one_of) => &mut one_of.items,
        Schema::AllOf(all_of) => &mut all_of.items,
        Schema::AnyOf(any_of) => &mut any_of.items,
        _ => return,
    };
    for part in parts {
        if let RefOr::T(part) = part {
            require_members(name, part);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The members that the sources have left out of answers. What is asked as well is read, too, and not meant.
    fn left_out(folder: &Path, found: &mut BTreeSet<(String, String)>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                left_out(&path, found);
                continue;
            }
            let (mut is_answer, mut renamed, mut name, mut is_left_out) = (false, None, String::new(), false);
            for line in fs::read_to_string(&path).expect("a file").lines().map(str::trim) {
                let declared = line.trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
                if line.starts_with("#[derive(") {
                    let has = |name: &str| line.contains(name);
                    is_answer = has("Serialize") && has("ToSchema") && !has("Deserialize");
                    renamed = None;
                } else if let Some(rest) = line.strip_prefix("#[schema(as = ") {
                    renamed = Some(rest.trim_end_matches(")]").to_owned());
                } else if let Some(rest) = declared.strip_prefix("struct ") {
                    let own = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                    name = renamed.take().unwrap_or_else(|| own.to_owned());
                } else if line.contains("#[serde(") && line.contains("skip_serializing_if") {
                    is_left_out = is_answer;
                } else if is_left_out && !line.starts_with('#') && !line.starts_with("//") {
                    let member = declared.split(':').next().unwrap_or_default();
                    found.insert((name.clone(), camel_case(member)));
                    is_left_out = false;
                }
            }
        }
    }

    fn camel_case(member: &str) -> String {
        let mut words = member.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |text, word| {
            let (initial, rest) = word.split_at(1);
            text + &initial.to_uppercase() + rest
        })
    }

    #[test]
    fn what_answers_leave_out_is_known() {
        let sources = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
        let mut found = BTreeSet::new();
        left_out(sources, &mut found);
        // Of the other API's answers, nothing is said here.
        found.retain(|(name, _)| !name.starts_with("Frontegg"));
        let known = LEFT_OUT.iter().map(|(name, member)| ((*name).to_owned(), (*member).to_owned()));
        assert_eq!(found, known.collect());
    }
}
