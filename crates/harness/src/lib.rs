//! Scenarios, observation log, invariants, faults and campaigns.
