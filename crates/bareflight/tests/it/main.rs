//! The command line as a person meets it: exit codes, messages, and files that are left alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod browser;
mod check;
mod common;
mod decide;
mod ending;
mod faults;
mod input;
mod observe;
mod serve;
mod telling;
