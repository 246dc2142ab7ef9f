//! The growth of costs with the size of a history, of the directory, of the server and of a group: curves, slopes and plots.

mod groups;
mod online;
mod users;

use anyhow::{Context, Result};

use super::growth::{GroupHistory, QUERIES};
use super::{RunSettings, histories, median};
use crate::plot::{Axis, Curve, Plot};
use crate::table::{Goal, Measurement, Outcome};

type Part = fn(&RunSettings) -> Result<Growth>;

/// Costs over sizes, and their plot.
struct Growth {
    over: &'static str,
    plot: Plot,
}

impl Growth {
    fn new(over: &'static str, title: &str, (x, y): (&str, &str)) -> Self {
        let plot = Plot { title: title.to_owned(), x: Axis::log(x), y: Axis::log(y), curves: Vec::new() };
        Self { over, plot }
    }

    /// Adds the costs of one size, one figure for each curve.
    fn add(&mut self, size: u64, figures: &[(&str, f64)]) {
        for (at, (name, figure)) in figures.iter().enumerate() {
            if self.plot.curves.len() == at {
                self.plot.curves.push(Curve { name: (*name).to_owned(), points: Vec::new() });
            }
            self.plot.curves[at].points.push((size as f64, *figure));
        }
    }

    /// For each curve, the figure of the largest size beside that of the smallest.
    fn rows(&self) -> Vec<Measurement> {
        let row = |curve: &Curve| {
            let ((least, first), (most, last)) = (*curve.points.first()?, *curve.points.last()?);
            let (what, unit) = (format!("growth over {}: {}", self.over, curve.name), self.unit());
            let slope = curve.slope_text().map_or_else(String::new, |slope| format!("; {slope}"));
            let note = format!("{most:.0} {} beside {least:.0}{slope}", self.plot.x.label);
            let row = Measurement::new(what, unit, Goal::None);
            Some(Measurement { pairs: vec![(last, first)], note, ..row })
        };
        self.plot.curves.iter().filter_map(row).collect()
    }

    fn unit(&self) -> &'static str {
        if self.plot.y.label.starts_with('m') { "ms" } else { "µs" }
    }
}

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let parts: [(&str, Part); 4] =
        [("messages", messages), ("users", users::run), ("groups", groups::run), ("online", online::run)];
    let mut rows = Vec::new();
    for (name, part) in parts {
        eprintln!("  {name} …");
        let growth = part(settings).with_context(|| name)?;
        rows.extend(growth.rows());
        if let Some(folder) = &settings.plots {
            std::fs::create_dir_all(folder)?;
            std::fs::write(folder.join(format!("growth-{}.svg", growth.over)), growth.plot.svg())?;
        }
    }
    Ok(rows)
}

/// Sizes from `least` to `most`, each ten times the one before.
fn sizes(least: u64, most: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(least), |size| Some(size * 10))
        .take_while(move |size| *size <= most.max(least))
}

/// Growth with the messages of one group.
fn messages(settings: &RunSettings) -> Result<Growth> {
    let (least, most) = if settings.quick { (100, 1000) } else { (1000, settings.messages) };
    let mut histories = histories(least, most, |length| GroupHistory::make(settings, length))?;
    let times = settings.size(400, 10);
    let axes = ("messages in the group", "µs of the use case, median");
    let mut growth = Growth::new("messages", "A longer history of one group", axes);
    // Sizes alternate within a round, so that other load on the machine affects all of them.
    let mut took = vec![vec![Vec::new(); QUERIES.len()]; histories.len()];
    for _ in 0..settings.rounds {
        for (history, took) in histories.iter_mut().zip(&mut took) {
            for ((query, ..), took) in QUERIES.iter().zip(took) {
                took.push(history.time(*query, times)?);
            }
        }
    }
    for (history, took) in histories.iter().zip(took) {
        let figures: Vec<_> =
            QUERIES.iter().zip(took).map(|((_, name, _), took)| (*name, median(took))).collect();
        growth.add(history.length(), &figures);
    }
    Ok(growth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_name_the_slope_and_the_sizes() {
        let mut growth = Growth::new("x", "X", ("users", "µs"));
        for size in sizes(1000, 100_000) {
            growth.add(size, &[("a page", (size as f64).sqrt()), ("a send", 7.0)]);
        }
        let rows = growth.rows();
        let notes: Vec<_> = rows.iter().map(|row| row.note.as_str()).collect();
        assert_eq!(notes, ["100000 users beside 1000; slope 0.50", "100000 users beside 1000; slope 0.00"]);
        assert!((rows[0].pairs[0].0 / rows[0].pairs[0].1 - 10.0).abs() < 1e-9);
    }
}
