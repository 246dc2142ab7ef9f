//! The measurements of both sides of a comparison, parsed from bench's tables.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result, bail};

/// A row of a bench table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) workload: String,
    pub(crate) figures: Vec<Figure>,
}

/// A named measurement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
}

/// The measurements of all rounds, paired by round.
pub(crate) struct Comparison {
    names: [String; 2],
    /// By the order of first occurrence of a workload and its measurement.
    pairs: BTreeMap<usize, Pairs>,
}

struct Pairs {
    workload: String,
    figure: &'static str,
    values: Vec<[f64; 2]>,
}

/// Parses the rows that contain messages.
pub(crate) fn read(table: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for line in table.lines().filter(|line| line.starts_with("| ")).skip(2) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let &[workload, measured, .., note] = cells.as_slice() else { bail!("no row of a table: {line}") };
        if measured.contains("void") {
            bail!("{workload} is void: {note}");
        }
        let figures = figures(measured, note).with_context(|| format!("no figure is in: {line}"))?;
        rows.push(Row { workload: workload.to_owned(), figures });
    }
    Ok(rows)
}

/// The CPU time per delivery or message, and messages per second, if the row has them.
fn figures(measured: &str, note: &str) -> Option<Vec<Figure>> {
    // Thousands are separated by spaces, so the unit begins at the first letter.
    let unit = measured.find(char::is_alphabetic)?;
    let (number, unit) = measured.split_at(unit);
    let number: f64 = number.replace(' ', "").parse().ok()?;
    let mut figures = Vec::new();
    if unit.ends_with("/CPU s") {
        figures.push(Figure { name: "µs of CPU a delivery", value: 1e6 / number });
    }
    if let Some(cpu) = before(note, " µs of CPU a message") {
        figures.push(Figure { name: "µs of CPU a message", value: cpu });
    }
    if unit == "messages/s" {
        figures.push(Figure { name: "messages/s", value: number });
    } else if note.contains(" messages/s") {
        figures.extend(before(note, " beside ").map(|value| Figure { name: "messages/s", value }));
    }
    Some(figures)
}

/// The number before this part of a text.
fn before(text: &str, part: &str) -> Option<f64> {
    let (head, _) = text.split_once(part)?;
    head.rsplit(' ').next()?.parse().ok()
}

impl Comparison {
    /// An empty comparison of these two sides.
    pub(crate) fn new(names: [String; 2]) -> Self {
        Self { names, pairs: BTreeMap::new() }
    }

    /// Adds one round of a workload: the measurements that both sides have.
    pub(crate) fn add(&mut self, [old, new]: &[Vec<Row>; 2]) {
        for row in old {
            let Some(other) = new.iter().find(|other| other.workload == row.workload) else { continue };
            for figure in &row.figures {
                let same = other.figures.iter().find(|other| other.name == figure.name);
                let Some(same) = same else { continue };
                self.pairs_of(&row.workload, figure.name).push([figure.value, same.value]);
            }
        }
    }

    fn pairs_of(&mut self, workload: &str, figure: &'static str) -> &mut Vec<[f64; 2]> {
        let known = self.pairs.iter().find(|(_, of)| of.workload == workload && of.figure == figure);
        let at = known.map_or(self.pairs.len(), |(at, _)| *at);
        let new = || Pairs { workload: workload.to_owned(), figure, values: Vec::new() };
        &mut self.pairs.entry(at).or_insert_with(new).values
    }

    /// Whether there is nothing to compare.
    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The table in Markdown.
    pub(crate) fn table(&self) -> String {
        let [old, new] = &self.names;
        let mut text = format!("| workload | figure | {old} | {new} | ratio: median (range) | rounds |\n");
        text.push_str("| --- | --- | --- | --- | --- | --- |\n");
        for Pairs { workload, figure, values } in self.pairs.values() {
            let side = |side: usize| sorted(values.iter().map(|pair| pair[side]));
            let (old, new) = (median(&side(0)), median(&side(1)));
            let ratios = sorted(values.iter().map(|[old, new]| new / old));
            let (low, high) = (ratios[0], ratios[ratios.len() - 1]);
            let ratio = format!("{:.2} ({low:.2} to {high:.2})", median(&ratios));
            let (old, new) = (shown(old), shown(new));
            let rounds = values.len();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| {workload} | {figure} | {old} | {new} | {ratio} | {rounds} |");
        }
        text
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The median of a non-empty sorted list.
fn median(values: &[f64]) -> f64 {
    let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    f64::midpoint(low, high)
}

fn shown(value: f64) -> String {
    if value < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "\
| workload | measured | baseline | ratio: median (range) | goal | met | |
| --- | --- | --- | --- | --- | --- | --- |
| W2: one group | 100 000 deliveries/CPU s | 150 000 | 0.667 (0.667 to 0.667) | ≥ 0.80 | **no** | 90 beside 80 messages/s; load at most 7 % busy |
| W5 on SQLite: sent | 51 600 messages/s | 60 000 | 0.860 (0.860 to 0.860) | ≥ 0.70 | yes | 20 µs of CPU a message |
";

    fn rows(deliveries: &str) -> Vec<Row> {
        read(&OLD.replace("100 000", deliveries)).unwrap()
    }

    #[test]
    fn table_of_bench_has_the_cpu_and_the_rate() {
        let figures = |row: &Row| row.figures.iter().map(|figure| figure.value).collect::<Vec<_>>();
        let rows = rows("100 000");
        assert_eq!(rows.iter().map(figures).collect::<Vec<_>>(), [vec![10.0, 90.0], vec![20.0, 51_600.0]]);
    }

    #[test]
    fn void_run_is_not_a_measurement() {
        let void = "| a | b | |\n| --- | --- | --- |\n| Crowd | **void** | | | | | two were lost |\n";
        assert!(read(void).unwrap_err().to_string().contains("two were lost"));
    }

    #[test]
    fn ratio_is_the_median_of_the_rounds() {
        let mut comparison = Comparison::new(["old".to_owned(), "new".to_owned()]);
        for new in ["100 000", "50 000", "80 000"] {
            comparison.add(&[rows("100 000"), rows(new)]);
        }
        let table = comparison.table();
        let cpu = "| W2: one group | µs of CPU a delivery | 10.00 | 12.50 | 1.25 (1.00 to 2.00) | 3 |";
        assert_eq!(table.lines().nth(2), Some(cpu), "{table}");
        assert_eq!(table.lines().count(), 6, "{table}");
    }
}
