//! Do the tiers agree? The same scenario, the same log, record by record: any difference is a bug in one of the two.

use core::fmt;

use crate::campaign::Runner;
use crate::log::{Log, Record};
use crate::scenario::Scenario;
use crate::shrink;
use crate::tier::{TierError, TierName};

/// Runs scenarios on `model` and on `memory` and compares what they write.
#[derive(Debug)]
pub struct Differential {
    model: Runner,
    memory: Runner,
}

/// The first record in which two logs of one scenario differ.
#[derive(Debug)]
pub struct Difference {
    /// The scenario.
    pub scenario: Scenario,
    /// The record's place in both logs.
    pub record: usize,
    /// The log of the model.
    pub model: Log,
    /// The log of real handshakes.
    pub memory: Log,
}

impl Differential {
    /// Both tiers, set up.
    ///
    /// # Errors
    ///
    /// Where a tier cannot be set up here.
    pub fn new() -> Result<Self, TierError> {
        Ok(Self {
            model: Runner::new(TierName::Model)?,
            memory: Runner::new(TierName::Memory)?,
        })
    }

    /// The first difference in a valid scenario, made small; none if the tiers agree.
    ///
    /// # Errors
    ///
    /// [`TierError`] where a run cannot be carried to its end.
    pub fn difference(&mut self, scenario: &Scenario) -> Result<Option<Difference>, TierError> {
        if self.compare(scenario)?.is_none() {
            return Ok(None);
        }
        let small = shrink(scenario, |candidate| {
            matches!(self.compare(candidate), Ok(Some(_)))
        });
        self.compare(&small)
    }

    fn compare(&mut self, scenario: &Scenario) -> Result<Option<Difference>, TierError> {
        let model = self.model.run(scenario, None)?.log;
        let memory = self.memory.run(scenario, None)?.log;
        if model == memory {
            return Ok(None);
        }
        let longest = model.records.len().max(memory.records.len());
        let record = (0..longest)
            .find(|&at| model.records.get(at) != memory.records.get(at))
            .unwrap_or(longest);
        Ok(Some(Difference {
            scenario: scenario.clone(),
            record,
            model: model.clone(),
            memory: memory.clone(),
        }))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |log: &Log| match log.records.get(self.record) {
            Some(Record { event, .. }) => format!("{event:?}"),
            None => "nothing more".to_owned(),
        };
        let Self {
            scenario, record, ..
        } = self;
        writeln!(f, "record {record} differs")?;
        writeln!(f, "model:  {}", at(&self.model))?;
        writeln!(f, "memory: {}", at(&self.memory))?;
        writeln!(f, "{}", self.model.to_json_lines(scenario, "model"))?;
        writeln!(f, "{}", self.memory.to_json_lines(scenario, "memory"))
    }
}
