//! The few shapes that a drawing is made of, and how wide text is.

use core::fmt::Write;

use crate::table::escape;

/// Average advance of a character in tenths of a pixel: 12 px bold, and 11.5 px. Estimates on the safe side.
pub(super) const BOLD: u32 = 68;
pub(super) const SMALL: u32 = 61;

/// A place.
pub(super) type Point = (u32, u32);

/// Which end of a text stands at its place.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    /// The beginning.
    Start,
    /// The end.
    End,
}

/// Shapes, as SVG.
#[derive(Default)]
pub(super) struct Svg {
    text: String,
}

impl Svg {
    pub(super) fn rect(&mut self, class: &str, (x, y): Point, (width, height): Point, radius: u32) {
        let _ = write!(
            self.text,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{radius}\"/>"
        );
    }

    pub(super) fn line(&mut self, class: &str, (x1, y1): Point, (x2, y2): Point) {
        let _ = write!(
            self.text,
            "<path class=\"{class}\" d=\"M{x1} {y1}L{x2} {y2}\"/>"
        );
    }

    /// The head of an arrow: its tip is at the place, its base `back` pixels to the right of it.
    pub(super) fn arrow(&mut self, class: &str, (x, y): Point, back: i32) {
        let _ = write!(
            self.text,
            "<path class=\"{class}\" d=\"M{x} {y}l{back} -4v8z\"/>"
        );
    }

    pub(super) fn dot(&mut self, class: &str, (x, y): Point) {
        let _ = write!(
            self.text,
            "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"3\"/>"
        );
    }

    pub(super) fn cross(&mut self, class: &str, (x, y): Point) {
        let _ = write!(
            self.text,
            "<path class=\"{class}\" d=\"M{x} {y}m-4 -4l8 8m0 -8l-8 8\"/>"
        );
    }

    /// Text on a line; nothing if it is empty.
    pub(super) fn text(&mut self, class: &str, (x, y): Point, anchor: Anchor, text: &str) {
        if text.is_empty() {
            return;
        }
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::End => " text-anchor=\"end\"",
        };
        let _ = write!(
            self.text,
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{anchor}>{}</text>",
            escape(text)
        );
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

/// About how wide a text is.
pub(super) fn width(text: &str, advance: u32) -> u32 {
    u32::try_from(text.chars().count())
        .unwrap_or(u32::MAX / 100)
        .saturating_mul(advance)
        / 10
}

/// As much of a text as fits, with an ellipsis if that is not all.
pub(super) fn clip(text: &str, room: u32, advance: u32) -> String {
    let fits = (room * 10 / advance) as usize;
    if text.chars().count() <= fits {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(fits.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// A text in at most so many lines; what does not fit is cut.
pub(super) fn wrap(text: &str, room: u32, advance: u32, most: usize) -> Vec<String> {
    let fits = (room * 10 / advance) as usize;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let full = lines.len() == most;
        match lines.last_mut() {
            Some(line) if full || line.chars().count() + 1 + word.chars().count() <= fits => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    for line in &mut lines {
        *line = clip(line, room, advance);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_and_wrapped_to_its_room() {
        assert_eq!(clip("short", 100, SMALL), "short");
        assert_eq!(clip("a text that is too long", 61, SMALL), "a text th…");
        assert_eq!(
            wrap("one two three four", 61, SMALL, 9),
            ["one two", "three four"]
        );
        assert_eq!(
            wrap("one two three four five", 61, SMALL, 2),
            ["one two", "three fou…"]
        );
        assert_eq!(wrap("", 61, SMALL, 2), [""; 0]);
    }

    #[test]
    fn hostile_text_stays_text() {
        let mut svg = Svg::default();
        svg.text("word", (0, 0), Anchor::Start, "</text><script>\u{1}&");
        assert_eq!(
            svg.as_str(),
            "<text class=\"word\" x=\"0\" y=\"0\">&lt;/text&gt;&lt;script&gt;\u{fffd}&amp;</text>"
        );
    }
}
