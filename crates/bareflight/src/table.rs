//! Aligned tables, as text for terminals and as HTML for the report, from the same rows.

use core::fmt::Write;

use anstyle::Style;

use crate::output::{BAD, BOLD, DIM, GOOD, PLAIN, WARN, styled};

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
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

/// How a cell is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As any other.
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

    /// The table as aligned text, styled.
    pub(crate) fn to_text(&self) -> String {
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| self.width(column))
            .collect();
        let mut text = String::new();
        let heads = self
            .columns
            .iter()
            .map(|column| cell(column.head.as_str(), Tone::Dim))
            .collect();
        for row in core::iter::once(&heads).chain(&self.rows) {
            self.line(&mut text, &widths, row);
        }
        text
    }

    fn line(&self, text: &mut String, widths: &[usize], row: &[Cell]) {
        let mut spaces = 0;
        for ((cell, width), column) in row.iter().zip(widths).zip(&self.columns) {
            let room = width - cell.text.chars().count();
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
