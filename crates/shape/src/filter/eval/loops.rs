//! Macros: what is asked of each element of a list, or of each name of an object.

use super::super::compile::{Loop, Over};
use super::Evaluation;
use super::fault::{Fault, Result};
use super::values::{Value, element};

impl<'v> Evaluation<'v> {
    pub(super) fn over(&mut self, kind: Loop, over: &'v Over) -> Result<'v, Value<'v>> {
        let range = self.of(&over.range)?;
        let range = match range {
            Value::Map(object) => {
                self.steps(object.len() as u64)?;
                let names = object.members.iter().map(|(name, _)| Value::Text(name));
                Value::MadeList(names.chain(object.own_id().map(|_| Value::Text("id"))).collect())
            }
            Value::List(_) | Value::MadeList(_) => range,
            other => return Err(Fault::Kind("a macro over elements", other.kind())),
        };
        let length = range.list_len().unwrap_or(0);
        match kind {
            Loop::All => self.quantified(over, &range, length, false),
            Loop::Exists => self.quantified(over, &range, length, true),
            Loop::ExistsOne => {
                let mut found = 0;
                for index in 0..length {
                    self.bind(over, &range, index)?;
                    found += u32::from(self.bool(&over.body, "exists_one")?);
                }
                Ok(Value::Bool(found == 1))
            }
            Loop::Filter | Loop::Map => {
                let mut kept = Vec::new();
                for index in 0..length {
                    self.bind(over, &range, index)?;
                    if let Some(condition) = &over.condition
                        && !self.bool(condition, "map")?
                    {
                        continue;
                    }
                    if kind == Loop::Map {
                        kept.push(self.of(&over.body)?);
                    } else if self.bool(&over.body, "filter")? {
                        kept.push(self.variables[over.slot].clone());
                    }
                }
                Ok(Value::MadeList(kept.into()))
            }
        }
    }

    fn bind(&mut self, over: &Over, range: &Value<'v>, index: usize) -> Result<'v, ()> {
        self.step()?;
        self.variables[over.slot] = element(range, index)?;
        Ok(())
    }

    /// `deciding`: the value that one element has for the whole to have it.
    fn quantified(
        &mut self,
        over: &'v Over,
        range: &Value<'v>,
        length: usize,
        deciding: bool,
    ) -> Result<'v, Value<'v>> {
        let what = if deciding { "exists" } else { "all" };
        let mut undecided = None;
        for index in 0..length {
            let outcome = self.bind(over, range, index).and_then(|()| self.bool(&over.body, what));
            match outcome {
                Ok(value) if value == deciding => return Ok(Value::Bool(deciding)),
                Ok(_) => {}
                Err(Fault::TooManySteps) => return Err(Fault::TooManySteps),
                Err(fault) => undecided = undecided.or(Some(fault)),
            }
        }
        undecided.map_or(Ok(Value::Bool(!deciding)), Err)
    }
}
