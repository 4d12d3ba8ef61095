//! What was measured, beside what was promised.

use std::fmt::Display;

/// One line of the table.
struct Row {
    what: String,
    measured: String,
    budget: String,
    is_met: bool,
    is_hard: bool,
}

/// All lines.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// A value that depends on the machine: printed for people to judge.
    pub(crate) fn soft(&mut self, what: impl Display, value: f64, most: f64, unit: &str) {
        self.add(what, value, most, unit, false);
    }

    /// A count or a size: the same everywhere, so that a miss is a defect.
    pub(crate) fn hard(&mut self, what: impl Display, value: f64, most: f64, unit: &str) {
        self.add(what, value, most, unit, true);
    }

    fn add(&mut self, what: impl Display, value: f64, most: f64, unit: &str, is_hard: bool) {
        let row = Row {
            what: what.to_string(),
            measured: format!("{} {unit}", short(value)),
            budget: format!("{} {unit}", short(most)),
            is_met: value <= most,
            is_hard,
        };
        println!("  {}: {}", row.what, row.measured);
        self.rows.push(row);
    }

    /// Prints the table.
    pub(crate) fn print(&self) {
        let width = self.rows.iter().map(|row| row.what.chars().count()).max().unwrap_or_default();
        println!("\n{:width$}  {:>12}  {:>12}", "what", "measured", "at most");
        for row in &self.rows {
            let verdict = match (row.is_met, row.is_hard) {
                (true, _) => "",
                (false, true) => "  MISSED",
                (false, false) => "  above",
            };
            println!("{:width$}  {:>12}  {:>12}{verdict}", row.what, row.measured, row.budget);
        }
    }

    /// Whether a count or a size is above its budget.
    pub(crate) fn has_hard_miss(&self) -> bool {
        self.rows.iter().any(|row| row.is_hard && !row.is_met)
    }
}

fn short(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
