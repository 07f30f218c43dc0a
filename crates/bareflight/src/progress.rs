//! How far along? A bar on a terminal, one line at each end of a phase elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::{BOLD, complain, styled};

/// One phase of a command. Threads may share it.
pub(crate) struct Progress {
    name: &'static str,
    bar: ProgressBar,
}

impl Progress {
    /// Begins a phase of so many units.
    pub(crate) fn start(name: &'static str, units: u64) -> Self {
        let target = if stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(units), target);
        let style = ProgressStyle::with_template("{prefix:<22} {bar:30} {msg}")
            .expect("the template is constant");
        bar.set_style(style.progress_chars("━╸─"));
        bar.set_prefix(name);
        if bar.is_hidden() {
            complain(&format!("{name} …"));
        } else {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { name, bar }
    }

    /// One unit more is done.
    pub(crate) fn step(&self, message: impl Into<String>) {
        self.bar.inc(1);
        self.say(message);
    }

    /// So many units are done.
    pub(crate) fn at(&self, units: u64, message: impl Into<String>) {
        self.bar.set_position(units);
        self.say(message);
    }

    fn say(&self, message: impl Into<String>) {
        if !self.bar.is_hidden() {
            self.bar.set_message(message.into());
        }
    }

    /// Ends the phase with what it came to.
    pub(crate) fn finish(self, line: &str) {
        self.bar.finish_and_clear();
        complain(&format!("{}: {line}", styled(BOLD, self.name)));
    }
}
