//! What was measured, as a table of Markdown.

use std::fmt::Write as _;

/// One row: what was wanted, and what it was.
pub(crate) struct Row {
    what: String,
    wanted: String,
    measured: String,
    met: bool,
}

impl Row {
    /// A figure that must not be smaller.
    pub(crate) fn at_least(what: impl Into<String>, least: f64, measured: f64, unit: Unit) -> Self {
        let (wanted, met) = (format!("≥ {}", unit.show(least)), measured >= least);
        Self { what: what.into(), wanted, measured: unit.show(measured), met }
    }

    /// A figure that must not be larger.
    pub(crate) fn at_most(what: impl Into<String>, most: f64, measured: f64, unit: Unit) -> Self {
        let (wanted, met) = (format!("≤ {}", unit.show(most)), measured <= most);
        Self { what: what.into(), wanted, measured: unit.show(measured), met }
    }

    /// Something that is worth knowing beside the figure.
    pub(crate) fn beside(mut self, note: &str) -> Self {
        let _ = write!(self.measured, ", {note}");
        self
    }
}

/// What a figure counts.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// A million a second.
    MillionsASecond,
    Nanoseconds,
    Seconds,
    Bytes,
    Percent,
}

impl Unit {
    fn show(self, figure: f64) -> String {
        match self {
            Self::MillionsASecond => format!("{:.2} million/s", figure / 1e6),
            Self::Nanoseconds => format!("{figure:.1} ns"),
            Self::Seconds => format!("{figure:.2} s"),
            Self::Bytes => format!("{figure:.0} bytes"),
            Self::Percent => format!("{figure:.0} %"),
        }
    }
}

/// The whole table.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut table = "| what | wanted | measured | |\n| --- | --- | --- | --- |\n".to_owned();
    for Row { what, wanted, measured, met } in rows {
        let verdict = if *met { "met" } else { "**not met**" };
        let _ = writeln!(table, "| {what} | {wanted} | {measured} | {verdict} |");
    }
    table
}
