//! What a rendering costs, and what it may take.
//!
//! The engine counts its own instructions and the texts that they make. Owns what it does not see: what the filters of [`crate::functions`]
//! read and make, and how large a value is that is made of others. A list of a list of a list costs the engine next to nothing to make, and
//! everything to look through.
//!
//! Invariants: whatever goes through a value has paid for its size as if no part of it were shared; no value is lazy beyond the size that was
//! paid for; no text that is made is longer than [`TEXT_BYTES`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use minijinja::value::{Enumerator, Object, Tuple, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use postrider_core::limits::{JSON_DEPTH, RENDERED_BYTES, TEMPLATE_FUEL, TEMPLATE_FUEL_AT_ONCE};

use crate::functions::invalid;
use crate::json::{JsonList, JsonObject, RawJson};

/// Bytes that a step of fuel pays for: the engine's own measure.
const BYTES: usize = 64;
/// Bytes of an event that a step pays for while it is copied: they are read, and written.
const BYTES_COPIED: usize = 32;
/// What an element of a list costs, in bytes: the engine's own measure.
const ITEM: usize = 32;
/// A text that a filter makes, at most: an event's body with its envelope fits, and so does what is made of it in other letters.
pub(crate) const TEXT_BYTES: usize = RENDERED_BYTES * 2;
/// Bytes between two looks at whether somebody gave up: a look costs as much as a few of them.
const BYTES_BETWEEN_LOOKS: usize = 4 * 1024;

/// The variable of what a rendering may not take of the engine's fuel.
pub(crate) const SPARE: &str = "__spare";
/// The variable of who waits for a rendering.
const WAITING: &str = "__waiting";

/// What the renderings of one request may take together.
#[derive(Debug)]
pub struct Allowance {
    left: u64,
    given_up: GivenUp,
}

/// Tells a rendering that nobody waits for it any more.
#[derive(Debug, Clone, Default)]
pub struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    /// Gives up.
    pub fn give_up(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Object for GivenUp {
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

impl Allowance {
    /// All that the renderings of a request may take: [`TEMPLATE_FUEL`].
    pub fn whole() -> Self {
        Self { left: TEMPLATE_FUEL, given_up: GivenUp::default() }
    }

    /// What they may take of an event of so many bytes where others wait meanwhile: [`TEMPLATE_FUEL_AT_ONCE`], and what it takes to copy
    /// the event once.
    pub fn at_once(event_bytes: usize) -> Self {
        let copied = (event_bytes / BYTES_COPIED) as u64;
        Self { left: TEMPLATE_FUEL.min(TEMPLATE_FUEL_AT_ONCE + copied), given_up: GivenUp::default() }
    }

    /// What tells these renderings that nobody waits for them.
    pub fn given_up(&self) -> GivenUp {
        self.given_up.clone()
    }

    /// What a rendering left of it, of the engine's fuel.
    pub(crate) fn set_left(&mut self, left: u64) {
        self.left = left;
    }

    /// What a template sees: `subject`, and of this what the functions here ask for.
    pub(crate) fn scope(&self, subject: Value) -> Value {
        let spare = Value::from(TEMPLATE_FUEL.saturating_sub(self.left));
        Value::from_object(Scope { subject, spare, given_up: Value::from_object(self.given_up.clone()) })
    }
}

#[derive(Debug)]
struct Scope {
    subject: Value,
    spare: Value,
    given_up: Value,
}

impl Object for Scope {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            SPARE => Some(self.spare.clone()),
            WAITING => Some(self.given_up.clone()),
            name => self.subject.as_object()?.get_value_by_str(name),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// Takes from the engine's fuel what this rendering may not have of it; as nothing that is written.
pub(crate) fn spend(state: &State<'_, '_>, spare: u64) -> Result<Value, Error> {
    state.consume_fuel(spare)?;
    Ok(Value::from_safe_string(String::new()))
}

/// Charges for bytes that are read or made. Less than a step is free: whoever calls has paid for the call.
pub(crate) fn charge(state: &State<'_, '_>, bytes: usize) -> Result<(), Error> {
    if bytes < BYTES {
        return Ok(());
    }
    if bytes >= BYTES_BETWEEN_LOOKS {
        let waiting = state.lookup(WAITING);
        if waiting.as_ref().and_then(|value| value.downcast_object_ref::<GivenUp>()).is_some_and(GivenUp::is_set) {
            return Err(Error::new(ErrorKind::OutOfFuel, "it took too long"));
        }
    }
    state.consume_fuel((bytes / BYTES) as u64)
}

impl GivenUp {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is owed and not paid yet: fuel comes in steps, and most of what is weighed costs less than one.
struct Tab<'a, 't, 'e> {
    state: &'a State<'t, 'e>,
    bytes: usize,
}

impl Tab<'_, '_, '_> {
    fn add(&mut self, bytes: usize) -> Result<(), Error> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes >= BYTES_BETWEEN_LOOKS { self.pay() } else { Ok(()) }
    }

    fn pay(&mut self) -> Result<(), Error> {
        charge(self.state, std::mem::take(&mut self.bytes))
    }
}

/// Charges for a value's size, all that it is made of included.
pub(crate) fn weigh(state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    let mut tab = Tab { state, bytes: 0 };
    weigh_within(&mut tab, value, 0)?;
    tab.pay()
}

fn weigh_within(tab: &mut Tab<'_, '_, '_>, value: &Value, depth: usize) -> Result<(), Error> {
    if depth > JSON_DEPTH {
        return Err(invalid("objects and lists lie too deep within one another"));
    }
    match value.kind() {
        ValueKind::String => tab.add(value.as_str().unwrap_or_default().len()),
        ValueKind::Seq | ValueKind::Iterable => {
            if let Some(list) = value.downcast_object_ref::<JsonList>() {
                return tab.add(of_json(list.as_str()));
            }
            for item in value.try_iter()?.checked() {
                tab.add(ITEM)?;
                weigh_within(tab, &item?, depth + 1)?;
            }
            Ok(())
        }
        ValueKind::Map => {
            if let Some(object) = value.downcast_object_ref::<JsonObject>() {
                return tab.add(of_json(object.as_str()));
            }
            for name in value.try_iter()?.checked() {
                let name = name?;
                tab.add(ITEM * 2)?;
                weigh_within(tab, &name, depth + 1)?;
                weigh_within(tab, &value.get_item(&name)?, depth + 1)?;
            }
            Ok(())
        }
        ValueKind::Plain => tab.add(value.downcast_object_ref::<RawJson>().map_or(0, |raw| raw.0.len())),
        _ => Ok(()),
    }
}

/// What an object or list of the event weighs that may not have been read yet: its text, or its elements, at all depths. Commas within texts
/// are taken for elements, too, which few texts have that many of.
fn of_json(text: &str) -> usize {
    let elements = 1 + text.bytes().filter(|byte| *byte == b',').count();
    text.len().max(elements.saturating_mul(ITEM))
}

/// A value that was charged for, and that is there: a list that would be made anew whenever somebody goes through it is made now.
pub(crate) fn made(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    weigh(state, &value)?;
    let is_there = value.downcast_object_ref::<JsonList>().is_some()
        || value.downcast_object_ref::<Vec<Value>>().is_some()
        || value.downcast_object_ref::<Tuple>().is_some()
        || value.downcast_object_ref::<JsonObject>().is_some();
    match value.kind() {
        _ if is_there => Ok(value),
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter()?.checked().collect::<Result<Vec<_>, _>>()?;
            Ok(Value::from(items))
        }
        ValueKind::Map => {
            let members = value.try_iter()?.checked().map(|name| {
                let name = name?;
                let member = value.get_item(&name)?;
                Ok::<_, Error>((name, member))
            });
            Ok(Value::from_pairs(members.collect::<Result<Vec<_>, _>>()?))
        }
        _ => Ok(value),
    }
}

/// Charges for the elements of something that is gone through, one after the other.
pub(crate) fn charge_item(state: &State<'_, '_>, index: usize) -> Result<(), Error> {
    // Two cost a step.
    if index.is_multiple_of(BYTES / ITEM) { state.consume_fuel(1) } else { Ok(()) }
}

/// Lets `write` write at most [`TEXT_BYTES`], each of which is charged for.
pub(crate) fn within(
    state: &State<'_, '_>,
    out: &mut dyn fmt::Write,
    write: impl FnOnce(&mut dyn fmt::Write) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut writer = Writer { out, tab: Tab { state, bytes: 0 }, left: TEXT_BYTES, failure: None };
    let written = write(&mut writer);
    match writer.failure {
        Some(failure) => Err(failure),
        None => written.and_then(|()| writer.tab.pay()),
    }
}

struct Writer<'w, 'a, 't, 'e> {
    out: &'w mut dyn fmt::Write,
    tab: Tab<'a, 't, 'e>,
    left: usize,
    failure: Option<Error>,
}

impl fmt::Write for Writer<'_, '_, '_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let paid = match self.left.checked_sub(text.len()) {
            Some(left) => {
                self.left = left;
                self.tab.add(text.len())
            }
            None => Err(invalid(format!("a text would have more than {TEXT_BYTES} bytes"))),
        };
        if let Err(failure) = paid {
            self.failure = Some(failure);
            return Err(fmt::Error);
        }
        self.out.write_str(text)
    }
}
