//! How far along? A bar on a terminal; elsewhere a line at each end of a phase, and one each minute between.

use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::{BOLD, complain, styled};

/// One phase of a command. Threads may share it.
pub(crate) struct Progress {
    name: &'static str,
    bar: ProgressBar,
    lines: Mutex<Lines>,
}

/// When a line is due where there is no bar.
struct Lines {
    last: Instant,
}

impl Lines {
    const EACH: Duration = Duration::from_secs(60);

    fn is_due(&mut self, now: Instant) -> bool {
        let due = now.duration_since(self.last) >= Self::EACH;
        if due {
            self.last = now;
        }
        due
    }
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
        let last = Instant::now();
        let lines = Mutex::new(Lines { last });
        Self { name, bar, lines }
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

    /// Something happened within a unit.
    pub(crate) fn say(&self, message: impl Into<String>) {
        let message = message.into();
        if !self.bar.is_hidden() {
            self.bar.set_message(message);
        } else if self.line_is_due() {
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or(0));
            let percent = done * 100 / all.max(1);
            complain(&format!("{}: {percent} %, {message}", self.name));
        }
    }

    fn line_is_due(&self) -> bool {
        let lines = self.lines.lock();
        lines.is_ok_and(|mut lines| lines.is_due(Instant::now()))
    }

    /// Ends the phase with what it came to.
    pub(crate) fn finish(self, line: &str) {
        self.bar.finish_and_clear();
        complain(&format!("{}: {line}", styled(BOLD, self.name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_each_minute() {
        let start = Instant::now();
        let mut lines = Lines { last: start };
        let seconds = [1, 59, 60, 61, 119, 120];
        let due = seconds.map(|it| lines.is_due(start + Duration::from_secs(it)));
        assert_eq!(due, [false, false, true, false, false, true]);
    }
}
