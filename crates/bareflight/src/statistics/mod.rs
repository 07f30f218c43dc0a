//! How long does it take until a fault is caught, if some trials ended before it was, and which engine is faster?
//!
//! The methods are those that are asked for where fuzzers are compared (Klees et al., *Evaluating Fuzz Testing*, 2018;
//! Arcuri and Briand, 2014): repeated trials, survival curves for trials that were cut off, a rank test that assumes no
//! distribution, an effect size, and a correction for testing many times.

mod ranks;
mod survival;

pub(crate) use ranks::{a12, holm, mann_whitney};
pub(crate) use survival::{Observation, interval, kaplan_meier, median};
