//! The table of results: measured values, baselines, ratios and goals.

use std::fmt::Write;

/// In place of the baseline of a figure without one.
pub(crate) const NO_BASELINE: f64 = f64::NAN;

/// The goal of a ratio.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    Between(f64, f64),
    /// The figure is for information only.
    None,
}

/// A figure and its baseline in each round.
pub(crate) struct Measurement {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    /// The measured value and the baseline, round by round. The baseline is [`NO_BASELINE`] where there is none.
    pub(crate) pairs: Vec<(f64, f64)>,
    pub(crate) goal: Goal,
    pub(crate) note: String,
}

/// The rows of a workload, or its error.
pub(crate) type Outcome = Result<Vec<Measurement>, anyhow::Error>;

impl Measurement {
    pub(crate) fn new(what: impl Into<String>, unit: &'static str, goal: Goal) -> Self {
        Self { what: what.into(), unit, pairs: Vec::new(), goal, note: String::new() }
    }

    /// A figure without a baseline, one for each round.
    pub(crate) fn alone(what: impl Into<String>, unit: &'static str, figures: Vec<f64>) -> Self {
        let pairs = figures.into_iter().map(|figure| (figure, NO_BASELINE)).collect();
        Self { pairs, ..Self::new(what, unit, Goal::None) }
    }

    /// The round whose ratio is the median, and the lowest and highest ratio.
    fn median(&self) -> Option<((f64, f64), f64, f64)> {
        let mut pairs = self.pairs.clone();
        pairs.sort_by(|a, b| ratio(*a).total_cmp(&ratio(*b)));
        Some((*pairs.get(pairs.len() / 2)?, ratio(*pairs.first()?), ratio(*pairs.last()?)))
    }

    fn line(&self) -> String {
        let Some((pair, low, high)) = self.median() else { return String::new() };
        let (what, unit, note) = (&self.what, self.unit, &self.note);
        if pair.1.is_nan() {
            return format!("| {what} | {} {unit} | – | | | | {note} |", human(pair.0));
        }
        let ratio = ratio(pair);
        let (goal, met) = match self.goal {
            Goal::AtLeast(least) => (format!("≥ {least:.2}"), ratio >= least),
            Goal::AtMost(most) => (format!("≤ {most:.2}"), ratio <= most),
            Goal::Between(least, most) => {
                (format!("{least:.2} to {most:.2}"), (least..=most).contains(&ratio))
            }
            Goal::None => (String::new(), true),
        };
        let met = match self.goal {
            Goal::None => "",
            _ if met => "yes",
            _ => "**no**",
        };
        let (measured, baseline) = (human(pair.0), human(pair.1));
        format!(
            "| {what} | {measured} {unit} | {baseline} | {ratio:.3} ({low:.3} to {high:.3}) | {goal} | {met} | {note} |"
        )
    }
}

/// Measured ÷ baseline; without a baseline the figure itself.
fn ratio((measured, baseline): (f64, f64)) -> f64 {
    if baseline.is_nan() { measured } else { measured / baseline }
}

/// The table in Markdown.
pub(crate) fn table(outcomes: &[(String, Outcome)]) -> String {
    let mut text =
        String::from("| workload | measured | baseline | ratio: median (range) | goal | met | |\n");
    text.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
    for (name, outcome) in outcomes {
        match outcome {
            Ok(rows) => text.extend(rows.iter().flat_map(|row| [row.line(), "\n".into()])),
            // Writing to a string cannot fail.
            Err(why) => drop(writeln!(text, "| {name} | **void** | | | | | {why:#} |")),
        }
    }
    text
}

fn human(number: f64) -> String {
    match number {
        0.0..10.0 => format!("{number:.2}"),
        10.0..1000.0 => format!("{number:.1}"),
        _ => {
            let digits = format!("{number:.0}");
            let mut grouped = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at).is_multiple_of(3) {
                    grouped.push(' ');
                }
                grouped.push(digit);
            }
            grouped
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_pair_is_quoted_with_the_range_of_the_ratios() {
        let pairs = vec![(1.0, 2.0), (3000.0, 4000.0), (9.0, 10.0)];
        let row = Measurement { pairs, ..Measurement::new("w", "x", Goal::AtLeast(0.8)) };
        assert_eq!(row.line(), "| w | 3 000 x | 4 000 | 0.750 (0.500 to 0.900) | ≥ 0.80 | **no** |  |");
    }

    #[test]
    fn range_is_a_goal_with_two_ends() {
        let line = |measured| {
            let pairs = vec![(measured, 10.0)];
            Measurement { pairs, ..Measurement::new("w", "x", Goal::Between(0.8, 1.2)) }.line()
        };
        assert_eq!(line(12.0), "| w | 12.0 x | 10.0 | 1.200 (1.200 to 1.200) | 0.80 to 1.20 | yes |  |");
        assert!(line(7.9).contains("**no**") && line(12.1).contains("**no**"));
    }

    #[test]
    fn figure_without_baseline_has_no_ratio() {
        let row = Measurement::alone("w", "x", vec![3.0, 1.0, 2.0]);
        assert_eq!(row.line(), "| w | 2.00 x | – | | | |  |");
    }
}
