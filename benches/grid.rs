//! Which of several designs costs what, from few keys to many: as a table of ratios, and as a plot.

use core::fmt;
use std::{error::Error, path::Path};

use plotters::prelude::*;

use crate::Tally;

/// What each of several designs costs at each of several sizes.
#[derive(Debug)]
pub struct Grid {
    base: &'static str,
    sizes: Vec<u32>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: &'static str,
    /// Nanoseconds at each size; none where nothing was measured.
    cost: Vec<Option<f64>>,
}

impl Grid {
    /// A table with no rows, whose ratios will be to the row named `base`.
    #[must_use]
    pub fn new(base: &'static str, sizes: &[u32]) -> Self {
        Self {
            base,
            sizes: sizes.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds what a design cost at each size.
    pub fn row(&mut self, name: &'static str, tallies: &[Tally]) {
        let cost = tallies.iter().map(Tally::nanoseconds).collect();
        self.rows.push(Row { name, cost });
    }

    /// Draws cost against size, both as orders of magnitude, into an SVG file.
    ///
    /// # Errors
    /// Those of writing the file.
    pub fn plot(&self, file: &Path) -> Result<(), Box<dyn Error>> {
        let costs = || self.rows.iter().flat_map(|row| row.cost.iter().flatten());
        let (Some(least), Some(most)) = (
            costs().copied().reduce(f64::min),
            costs().copied().reduce(f64::max),
        ) else {
            return Ok(());
        };
        let largest = self.sizes.iter().copied().max().unwrap_or(1);
        let area = SVGBackend::new(file, (960, 600)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(70)
            .build_cartesian_2d(
                (1..largest.max(2)).log_scale(),
                (least / 2.0..most * 2.0).log_scale(),
            )?;
        chart
            .configure_mesh()
            .x_desc("keys")
            .y_desc("nanoseconds")
            .draw()?;
        for (number, row) in self.rows.iter().enumerate() {
            let color = Palette99::pick(number).mix(1.0);
            let points = self.sizes.iter().zip(&row.cost);
            let points = points.filter_map(|(&size, cost)| Some((size, (*cost)?)));
            chart
                .draw_series(LineSeries::new(points, color.stroke_width(2)).point_size(3))?
                .label(row.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .draw()?;
        area.present()?;
        Ok(())
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.rows.iter().find(|row| row.name == self.base);
        write!(f, "{:<52}", format!("ns, and times \"{}\"", self.base))?;
        for size in &self.sizes {
            write!(f, "{size:>22}")?;
        }
        writeln!(f)?;
        for row in &self.rows {
            write!(f, "{:<52}", row.name)?;
            for (at, cost) in row.cost.iter().enumerate() {
                let base = base.and_then(|base| *base.cost.get(at)?);
                match (cost, base) {
                    (Some(cost), Some(base)) => write!(f, "{cost:>12.1} {:>8.2}x", cost / base)?,
                    (Some(cost), None) => write!(f, "{cost:>12.1} {:>9}", "")?,
                    (None, _) => write!(f, "{:>12} {:>9}", "-", "")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn tally(nanoseconds: u64) -> Tally {
        let mut tally = Tally::default();
        tally.note(Duration::from_nanos(nanoseconds * 10), 10);
        tally
    }

    fn grid() -> Grid {
        let mut grid = Grid::new("ours", &[1, 100]);
        grid.row("ours", &[tally(2), tally(4)]);
        grid.row("theirs", &[tally(30), Tally::default()]);
        grid
    }

    #[test]
    fn ratios_are_to_the_base() {
        let table = grid().to_string();
        let rows: Vec<Vec<_>> = table
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            rows,
            [
                vec!["ours", "2.0", "1.00x", "4.0", "1.00x"],
                vec!["theirs", "30.0", "15.00x", "-"],
            ]
        );
    }

    #[test]
    fn the_plot_has_every_row() {
        let file = std::env::temp_dir().join(format!("grid-{}.svg", std::process::id()));
        grid().plot(&file).expect("it can be written");
        let svg = std::fs::read_to_string(&file).expect("it was written");
        std::fs::remove_file(&file).expect("it is there");
        assert!(svg.contains("ours") && svg.contains("theirs"));
    }
}
