//! Survival curves: which fraction of the trials had not caught its fault yet, after how long?

use core::fmt::Write;

use super::report::Report;
use crate::table::escape;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 48.0;

/// Colours that are told apart with any kind of sight (Okabe and Ito), one for each engine.
const COLOURS: [&str; 6] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
];

/// A curve: for each time at which something happened the fraction that is left after it.
type Curve<'r> = (&'static str, &'r [(f64, f64)]);

/// The plots: names of files and what is in them.
pub(super) fn plots(report: &Report) -> [(&'static str, String); 2] {
    let seconds = report
        .engines
        .iter()
        .map(|it| (it.engine, &it.survival_seconds[..]));
    let scenarios = report
        .engines
        .iter()
        .map(|it| (it.engine, &it.survival_scenarios[..]));
    [
        (
            "faults-seconds.svg",
            plot(
                "Not caught yet, after so many seconds",
                &seconds.collect::<Vec<_>>(),
            ),
        ),
        (
            "faults-scenarios.svg",
            plot(
                "Not caught yet, after so many scenarios",
                &scenarios.collect::<Vec<_>>(),
            ),
        ),
    ]
}

/// One plot; time is logarithmic, by powers of ten.
fn plot(title: &str, curves: &[Curve<'_>]) -> String {
    let times = || {
        curves
            .iter()
            .flat_map(|(_, curve)| curve.iter().map(|it| it.0))
    };
    let times = || times().filter(|it| *it > 0.0);
    let first = times().fold(f64::INFINITY, f64::min);
    let last = times().fold(f64::NEG_INFINITY, f64::max);
    let (first, last) = if first.is_finite() {
        (first, last)
    } else {
        (1.0, 10.0)
    };
    let scale = Scale {
        from: first.log10().floor(),
        to: last.log10().ceil().max(first.log10().floor() + 1.0),
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\"><rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\" font-weight=\"bold\">{}</text>\n",
        escape(title)
    );
    axes(&mut svg, &scale);
    for (index, (name, curve)) in curves.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let _ = writeln!(
            svg,
            "<path fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" d=\"{}\"/>",
            steps(curve, &scale)
        );
        let y = TOP + 10.0 + 20.0 * index as f64;
        let x = WIDTH - RIGHT + 12.0;
        let _ = writeln!(
            svg,
            "<path stroke=\"{colour}\" stroke-width=\"2\" d=\"M{x:.0} {y:.0}h18\"/><text x=\"{:.0}\" y=\"{:.0}\">{}</text>",
            x + 24.0,
            y + 4.0,
            escape(name)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Powers of ten across the width.
struct Scale {
    from: f64,
    to: f64,
}

impl Scale {
    fn x(&self, time: f64) -> f64 {
        let at = (time.max(f64::MIN_POSITIVE).log10() - self.from) / (self.to - self.from);
        LEFT + at.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }
}

fn y(left: f64) -> f64 {
    TOP + (1.0 - left) * (HEIGHT - TOP - BOTTOM)
}

fn axes(svg: &mut String, scale: &Scale) {
    let right = WIDTH - RIGHT;
    for quarter in 0..=4 {
        let left = f64::from(quarter) / 4.0;
        let _ = writeln!(
            svg,
            "<path stroke=\"#ddd\" d=\"M{LEFT} {:.1}H{right}\"/><text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{:.0} %</text>",
            y(left),
            LEFT - 8.0,
            y(left) + 4.0,
            left * 100.0
        );
    }
    let mut power = scale.from;
    while power <= scale.to {
        let x = scale.x(10f64.powf(power));
        let _ = writeln!(
            svg,
            "<path stroke=\"#ddd\" d=\"M{x:.1} {TOP}V{:.1}\"/><text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
            y(0.0),
            y(0.0) + 20.0,
            tick(power)
        );
        power += 1.0;
    }
}

/// A power of ten in digits.
fn tick(power: f64) -> String {
    let decimals = (-power).max(0.0) as usize;
    format!("{:.decimals$}", 10f64.powf(power))
}

/// The path of a step function from all to what is left at the end.
fn steps(curve: &[(f64, f64)], scale: &Scale) -> String {
    let mut path = format!("M{LEFT} {:.1}", y(1.0));
    for (time, left) in curve {
        let _ = write!(path, "H{:.1}V{:.1}", scale.x(*time), y(*left));
    }
    let _ = write!(path, "H{}", WIDTH - RIGHT);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_goes_down_in_steps_to_the_end_of_the_plot() {
        let svg = plot(
            "a < b",
            &[("one", &[(0.01, 0.5), (1.0, 0.25)]), ("two", &[])],
        );
        assert!(svg.contains("a &lt; b") && svg.contains(">one</text>"));
        assert!(
            svg.contains("d=\"M56 36.0H56.0V194.0H570.0V273.0H570\""),
            "{svg}"
        );
        assert!(
            svg.contains("d=\"M56 36.0H570\""),
            "nothing was caught: {svg}"
        );
        assert!(svg.contains(">0.01<") && svg.contains(">0.1<") && svg.contains(">1<"));
    }
}
