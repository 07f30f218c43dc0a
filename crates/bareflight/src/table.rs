//! Aligned tables, as text for terminals and as HTML for the report, from the same rows.

use core::fmt::Write;

use anstyle::Style;

use crate::output::{self, BAD, BOLD, DIM, GOOD, PLAIN, WARN, styled};

/// Characters that a column of words is given at least, however narrow the terminal.
const WORDS: usize = 24;

/// A table.
#[derive(Debug, Default)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Debug)]
struct Column {
    head: String,
    side: Side,
}

/// To which side a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// One cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

/// How a cell is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As any other.
    #[default]
    Plain,
    /// The name of the row.
    Name,
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Nobody knows.
    Warn,
    /// Of less weight.
    Dim,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Plain => PLAIN,
            Self::Name => BOLD,
            Self::Good => GOOD,
            Self::Bad => BAD,
            Self::Warn => WARN,
            Self::Dim => DIM,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Name => "name",
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Warn => "warn",
            Self::Dim => "dim",
        }
    }
}

impl Cell {
    /// Keeps the words that there is room for, and gives back the rest; a word that is longer is not broken.
    fn break_off(&mut self, room: usize) -> Option<Self> {
        let fits = |(index, _): &(usize, &str)| self.text[..*index].chars().count() <= room;
        if self.text.chars().count() <= room {
            return None;
        }
        let mut blanks = self.text.match_indices(' ').filter(|(index, _)| *index > 0);
        let first = blanks.next()?;
        let (at, _) = blanks.take_while(fits).last().unwrap_or(first);
        let rest = cell(self.text[at + 1..].to_owned(), self.tone);
        self.text.truncate(at);
        Some(rest)
    }
}

/// A cell.
pub(crate) fn cell(text: impl Into<String>, tone: Tone) -> Cell {
    Cell {
        text: text.into(),
        tone,
    }
}

impl Table {
    /// A table with these columns and no rows.
    pub(crate) fn new<S: Into<String>>(columns: impl IntoIterator<Item = (S, Side)>) -> Self {
        let columns = columns.into_iter().map(|(head, side)| Column {
            head: head.into(),
            side,
        });
        Self {
            columns: columns.collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether it has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as aligned text, styled; on a terminal its columns of words are broken into lines that fit.
    pub(crate) fn to_text(&self) -> String {
        self.to_text_within(output::width())
    }

    fn to_text_within(&self, limit: Option<usize>) -> String {
        let widths = self.widths(limit.unwrap_or(usize::MAX));
        let mut text = String::new();
        let heads = self
            .columns
            .iter()
            .map(|column| cell(column.head.as_str(), Tone::Dim))
            .collect();
        for row in core::iter::once(&heads).chain(&self.rows) {
            let mut row = row.clone();
            while !row.is_empty() {
                let rest = row
                    .iter_mut()
                    .zip(&widths)
                    .map(|(it, width)| it.break_off(*width));
                let rest: Vec<_> = rest.collect();
                self.line(&mut text, &widths, &row);
                row = match rest.iter().any(Option::is_some) {
                    true => rest.into_iter().map(Option::unwrap_or_default).collect(),
                    false => Vec::new(),
                };
            }
        }
        text
    }

    /// How wide each column is, so that a line has no more than `limit` characters if words can be broken so.
    fn widths(&self, limit: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = (0..self.columns.len())
            .map(|column| self.width(column))
            .collect();
        while widths.iter().map(|width| width + 2).sum::<usize>() > limit.saturating_add(2) {
            // The first column names the row.
            let words = (1..widths.len()).filter(|&it| self.columns[it].side == Side::Left);
            match words.max_by_key(|&it| widths[it]) {
                Some(widest) if widths[widest] > WORDS => widths[widest] -= 1,
                _ => break,
            }
        }
        widths
    }

    fn line(&self, text: &mut String, widths: &[usize], row: &[Cell]) {
        let mut spaces = 0;
        for ((cell, width), column) in row.iter().zip(widths).zip(&self.columns) {
            let room = width.saturating_sub(cell.text.chars().count());
            let (before, after) = if column.side == Side::Right {
                (room, 0)
            } else {
                (0, room)
            };
            spaces += before;
            // What follows the last word of a line is not written.
            if !cell.text.is_empty() {
                let _ = write!(text, "{:1$}", "", core::mem::take(&mut spaces));
                text.push_str(&styled(cell.tone.style(), &cell.text));
            }
            spaces += after + 2;
        }
        text.push('\n');
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let widest = cells
            .map(|cell| cell.text.chars().count())
            .max()
            .unwrap_or(0);
        widest.max(self.columns[column].head.chars().count())
    }

    /// The table as HTML.
    pub(crate) fn to_html(&self) -> String {
        let mut html = String::from("<div class=\"scroll\"><table><thead><tr>");
        for column in &self.columns {
            let _ = write!(
                html,
                "<th{}>{}</th>",
                class(column.side, Tone::Plain),
                escape(&column.head)
            );
        }
        html.push_str("</tr></thead><tbody>");
        for row in &self.rows {
            html.push_str("<tr>");
            for (cell, column) in row.iter().zip(&self.columns) {
                let _ = write!(
                    html,
                    "<td{}>{}</td>",
                    class(column.side, cell.tone),
                    escape(&cell.text)
                );
            }
            html.push_str("</tr>");
        }
        html.push_str("</tbody></table></div>\n");
        html
    }
}

fn class(side: Side, tone: Tone) -> String {
    let side = if side == Side::Right { "number" } else { "" };
    match format!("{side} {}", tone.class()).trim() {
        "" => String::new(),
        classes => format!(" class=\"{classes}\""),
    }
}

/// Text as HTML or XML may contain it, in an element or an attribute. Control characters, which XML forbids, are shown
/// by the replacement character.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Table {
        let mut table = Table::new([
            ("name", Side::Left),
            ("number", Side::Right),
            ("note", Side::Left),
        ]);
        table.row([
            cell("a<b", Tone::Name),
            cell("7", Tone::Plain),
            cell("", Tone::Plain),
        ]);
        table.row([
            cell("longer", Tone::Name),
            cell("1,000", Tone::Bad),
            cell("yes", Tone::Good),
        ]);
        table
    }

    #[test]
    fn columns_are_aligned() {
        let text = anstream::adapter::strip_str(&example().to_text()).to_string();
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                "name    number  note",
                "a<b          7",
                "longer   1,000  yes",
            ]
        );
    }

    #[test]
    fn words_are_broken_where_a_terminal_ends() {
        let mut table = example();
        table.row([
            cell("c", Tone::Name),
            cell("8", Tone::Plain),
            cell(
                "what is told in more words than a line has room for",
                Tone::Dim,
            ),
        ]);
        let narrow = |limit| {
            let text = table.to_text_within(Some(limit));
            anstream::adapter::strip_str(&text).to_string()
        };
        let expected = [
            "name    number  note",
            "a<b          7",
            "longer   1,000  yes",
            "c            8  what is told in more",
            "                words than a line has",
            "                room for",
        ];
        assert_eq!(narrow(40).lines().collect::<Vec<_>>(), expected);
        let full = "c            8  what is told in more words";
        assert_eq!(narrow(42).lines().nth(3), Some(full), "all 42 characters");
        assert_eq!(narrow(10), narrow(40), "words keep some room");
        assert_eq!(narrow(67), narrow(1000));
        assert_ne!(narrow(66), narrow(1000));
        let mut long = Table::new([("name", Side::Left), ("word", Side::Left)]);
        let word = "x".repeat(30);
        long.row([
            cell("a", Tone::Name),
            cell(format!("{word} {word}"), Tone::Plain),
        ]);
        let text = long.to_text_within(Some(10));
        let text = anstream::adapter::strip_str(&text).to_string();
        let expected = format!("name  word\na     {word}\n      {word}\n");
        assert_eq!(text, expected, "a word is whole");
    }

    #[test]
    fn html_is_escaped() {
        let html = example().to_html();
        assert!(
            html.contains("<td class=\"name\">a&lt;b</td><td class=\"number\">7</td>"),
            "{html}"
        );
        assert!(
            html.contains("<td class=\"number bad\">1,000</td>"),
            "{html}"
        );
    }
}
