//! How often a value of a body can be held against parts of a schema.
//!
//! A schema is a graph: parts hold others against the same value (`allOf`, `$ref`, ...) or against values below (`properties`,
//! `items`, ...). What multiplies is found by going through that graph once for each level that a body can have, without a body:
//! `visits(part, 0)` counts the parts that come to be held against the same value, `visits(part, n)` those held against one value
//! that lies n levels below. It never counts too few, as it takes for each part the worst name that a member can have.

use std::collections::HashMap;

use postrider_core::limits::{JSON_DEPTH, SCHEMA_PLACES, SCHEMA_VISITS};
use serde_json::{Map, Value};

use super::SchemaError;
use super::places::{Below, Place, below, definitions};
use crate::places::places_of;

/// Values of an `enum` that cost as much as one part.
const ENUM_VALUES: usize = 16;
/// Keywords that refer to other places than a JSON pointer does.
const UNSUPPORTED: [&str; 5] = ["$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor"];

/// A part of a schema.
struct Part<'a> {
    at: String,
    weight: u64,
    /// Places of its patterns, be it for texts or for names of members.
    places: u64,
    /// Parts that are held against the same value.
    same: Vec<usize>,
    /// How often they are: once more to tell what is unevaluated.
    times: u64,
    /// Parts that are held against values below.
    children: Vec<(Place<'a>, usize)>,
    /// Where its `$ref` leads.
    reference: Option<&'a str>,
}

/// What holding a body against a schema costs at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// For each value of the body.
    pub(super) visits: u64,
    /// For each byte of it: places of patterns.
    pub(super) places: u64,
}

/// Checks what a schema refers to, and that it is bounded.
pub(super) fn check(schema: &Value) -> Result<Cost, SchemaError> {
    let mut graph = Graph { root: schema, parts: Vec::new(), by_place: HashMap::new() };
    graph.add(schema, "")?;
    graph.link()?;
    let order = graph.order()?;
    let visits = graph.worst(&order, |part| part.weight);
    if visits > SCHEMA_VISITS {
        return Err(SchemaError::Costly);
    }
    let places = graph.worst(&order, |part| part.places);
    if places > SCHEMA_PLACES { Err(SchemaError::CostlyPatterns) } else { Ok(Cost { visits, places }) }
}

struct Graph<'a> {
    root: &'a Value,
    parts: Vec<Part<'a>>,
    by_place: HashMap<String, usize>,
}

impl<'a> Graph<'a> {
    fn add(&mut self, schema: &'a Value, at: &str) -> Result<usize, SchemaError> {
        let index = self.parts.len();
        let weight = 1 + schema.get("enum").and_then(Value::as_array).map_or(0, |e| e.len() / ENUM_VALUES) as u64;
        self.by_place.insert(at.to_owned(), index);
        self.parts.push(Part {
            at: at.to_owned(),
            weight,
            places: places_within(schema),
            same: Vec::new(),
            times: 1,
            children: Vec::new(),
            reference: None,
        });
        let Value::Object(members) = schema else { return Ok(index) };
        self.check_keywords(members, at)?;
        self.parts[index].reference = members.get("$ref").and_then(Value::as_str);
        if members.contains_key("unevaluatedProperties") || members.contains_key("unevaluatedItems") {
            self.parts[index].times = 2;
        }
        for Below { keyword, step, place, schema } in below(members) {
            let pointer = Below { keyword, step, place, schema }.pointer();
            let child = self.add(schema, &format!("{at}{pointer}"))?;
            match place {
                Place::Same => self.parts[index].same.push(child),
                place => self.parts[index].children.push((place, child)),
            }
        }
        for definition in definitions(members) {
            self.add(definition.schema, &format!("{at}{}", definition.pointer()))?;
        }
        Ok(index)
    }

    fn check_keywords(&self, members: &Map<String, Value>, at: &str) -> Result<(), SchemaError> {
        let pointer = || if at.is_empty() { "/".to_owned() } else { at.to_owned() };
        if let Some(keyword) = UNSUPPORTED.into_iter().find(|keyword| members.contains_key(*keyword)) {
            return Err(SchemaError::Unsupported { at: pointer(), keyword });
        }
        let is_root = std::ptr::eq(self.root.as_object().map_or(std::ptr::null(), std::ptr::from_ref), members);
        if members.contains_key("$id") && !is_root {
            return Err(SchemaError::Unsupported { at: pointer(), keyword: "$id" });
        }
        match members.get("$ref") {
            None => Ok(()),
            Some(Value::String(to)) if to.is_empty() || to.starts_with('#') => Ok(()),
            Some(to) => {
                let to = to.as_str().map_or_else(|| to.to_string(), str::to_owned);
                Err(SchemaError::Remote { at: pointer(), to })
            }
        }
    }

    /// Follows the references, to parts that stand nowhere else as well.
    fn link(&mut self) -> Result<(), SchemaError> {
        let mut index = 0;
        while index < self.parts.len() {
            if let Some(to) = self.parts[index].reference {
                let target = self.target(to).ok_or_else(|| {
                    let at = self.parts[index].at.clone();
                    SchemaError::Dangling { at, to: to.to_owned() }
                })?;
                let target = if let Some(target) = self.by_place.get(&target) {
                    *target
                } else {
                    let schema = self.root.pointer(&target).expect("the target was looked up");
                    self.add(schema, &target)?
                };
                self.parts[index].same.push(target);
            }
            index += 1;
        }
        Ok(())
    }

    /// The place that a reference means, where there is something.
    fn target(&self, to: &str) -> Option<String> {
        let fragment = to.strip_prefix('#').unwrap_or(to);
        let pointer = percent_decoded(fragment)?;
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return None;
        }
        self.root.pointer(&pointer).map(|_| pointer)
    }

    /// The parts in an order in which each comes after those that it holds against the same value.
    fn order(&self) -> Result<Vec<usize>, SchemaError> {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Done,
        }
        let mut marks = vec![Mark::New; self.parts.len()];
        let mut order = Vec::with_capacity(self.parts.len());
        for start in 0..self.parts.len() {
            // A part, and how many of those at the same value were gone into.
            let mut path = vec![(start, 0)];
            if marks[start] != Mark::New {
                continue;
            }
            marks[start] = Mark::Open;
            while let Some((part, next)) = path.pop() {
                let Some(&child) = self.parts[part].same.get(next) else {
                    marks[part] = Mark::Done;
                    order.push(part);
                    continue;
                };
                path.push((part, next + 1));
                match marks[child] {
                    Mark::Done => {}
                    Mark::New => {
                        marks[child] = Mark::Open;
                        path.push((child, 0));
                    }
                    Mark::Open => {
                        let to = self.parts[part].reference.unwrap_or_default().to_owned();
                        return Err(SchemaError::Endless { at: self.parts[part].at.clone(), to });
                    }
                }
            }
        }
        Ok(order)
    }

    /// The most visits that a value at any level can get.
    fn worst(&self, order: &[usize], weight: impl Fn(&Part<'_>) -> u64) -> u64 {
        let mut worst = 0;
        let mut below: Vec<u64> = Vec::new();
        for level in 0..=JSON_DEPTH {
            let mut visits = vec![0_u64; self.parts.len()];
            for &index in order {
                let part = &self.parts[index];
                let own = if level == 0 { weight(part) } else { worst_member(part, &below) };
                let of_same = |sum: u64, same: &usize| sum.saturating_add(visits[*same].saturating_mul(part.times));
                visits[index] = part.same.iter().fold(own, of_same);
            }
            worst = worst.max(visits[0]);
            below = visits;
        }
        worst
    }
}

/// Places of the patterns that stand right in a schema.
fn places_within(schema: &Value) -> u64 {
    let pattern = schema.get("pattern").and_then(Value::as_str);
    let names = schema.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
    let names = names.map(|(pattern, _)| places_of(pattern));
    pattern.map(places_of).into_iter().chain(names).fold(0, u64::saturating_add)
}

/// The visits to a value below a part, for the member or element that gets the most.
fn worst_member(part: &Part<'_>, visits: &[u64]) -> u64 {
    let (mut of_all, mut of_rest) = (0_u64, 0_u64);
    let mut of_one = 0;
    for (place, child) in &part.children {
        match place {
            Place::Any => of_all = of_all.saturating_add(visits[*child]),
            Place::Rest => of_rest = of_rest.saturating_add(visits[*child]),
            // A name or index stands once in a part.
            Place::Member(_) | Place::Element(_) | Place::Same => of_one = visits[*child].max(of_one),
        }
    }
    of_all.saturating_add(of_one.max(of_rest))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
            decoded.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}
