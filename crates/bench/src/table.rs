//! The table: what was measured, beside what, and whether it is enough.

use std::fmt::Write;

/// The goal of a ratio.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// It is there to be read.
    None,
}

/// One figure beside its baseline's, in each round.
pub(crate) struct Measurement {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    /// The measured value and the baseline, round by round.
    pub(crate) pairs: Vec<(f64, f64)>,
    pub(crate) goal: Goal,
    pub(crate) note: String,
}

/// A row, or why there is none.
pub(crate) type Outcome = Result<Vec<Measurement>, anyhow::Error>;

impl Measurement {
    pub(crate) fn new(what: impl Into<String>, unit: &'static str, goal: Goal) -> Self {
        Self { what: what.into(), unit, pairs: Vec::new(), goal, note: String::new() }
    }

    /// The round whose ratio is the median, and the lowest and highest ratio.
    fn median(&self) -> Option<((f64, f64), f64, f64)> {
        let mut pairs = self.pairs.clone();
        pairs.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
        let ratio = |pair: &(f64, f64)| pair.0 / pair.1;
        Some((*pairs.get(pairs.len() / 2)?, ratio(pairs.first()?), ratio(pairs.last()?)))
    }

    fn line(&self) -> String {
        let Some((pair, low, high)) = self.median() else { return String::new() };
        let ratio = pair.0 / pair.1;
        let (goal, met) = match self.goal {
            Goal::AtLeast(least) => (format!("≥ {least:.2}"), if ratio >= least { "yes" } else { "**no**" }),
            Goal::AtMost(most) => (format!("≤ {most:.2}"), if ratio <= most { "yes" } else { "**no**" }),
            Goal::None => (String::new(), ""),
        };
        format!(
            "| {} | {} {} | {} | {ratio:.3} ({low:.3} to {high:.3}) | {goal} | {met} | {} |",
            self.what,
            human(pair.0),
            self.unit,
            human(pair.1),
            self.note
        )
    }
}

/// The table, as text for people and for Markdown alike.
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
}
