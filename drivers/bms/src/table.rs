//! `table`: which batteries are known over which transport, and what each was tested with, as a table of the manual. It is made
//! of the registry, so it cannot say more than the program does.

use std::io::Write as _;
use std::process::ExitCode;

use crate::battery::{FAMILIES, Proof, Setup, TRANSPORTS, Transport, Variant};

/// A language of the manual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

/// The heads of the columns before the transports and behind them, and the names of the proofs, the best first.
struct Words {
    before: [&'static str; 3],
    behind: &'static str,
    proofs: [&'static str; 3],
    none: &'static str,
}

const ENGLISH: Words = Words {
    before: ["battery", "`device`", "`variant`"],
    behind: "switches",
    proofs: ["real", "published", "untested"],
    none: "–",
};

const GERMAN: Words = Words {
    before: ["Batterie", "`device`", "`variant`"],
    behind: "Schalter",
    proofs: ["echt", "veröffentlicht", "ungetestet"],
    none: "–",
};

/// The table.
pub fn table(language: Language) -> String {
    let words = match language {
        Language::English => ENGLISH,
        Language::German => GERMAN,
    };
    let transports = TRANSPORTS.map(Transport::name);
    let heads = words.before.into_iter().chain(transports).chain([words.behind]);
    let heads: Vec<&str> = heads.collect();
    let mut lines = vec![row(&heads), row(&vec!["---"; heads.len()])];
    for family in FAMILIES {
        for (index, variant) in family.variants.iter().enumerate() {
            let title = if index == 0 { family.title } else { "" };
            let (device, name) = (format!("`{}`", family.device), format!("`{}`", variant.name));
            let cells = TRANSPORTS.map(|over| {
                let said = variant.transports.iter().find(|(transport, _)| *transport == over);
                said.map_or(words.none, |(_, proof)| match proof {
                    Proof::Capture => words.proofs[0],
                    Proof::Vector => words.proofs[1],
                    Proof::Facts => words.proofs[2],
                })
            });
            let switches = switches(variant, words.none);
            let row_of: Vec<&str> =
                [title, &device, &name].into_iter().chain(cells).chain([switches.as_str()]).collect();
            lines.push(row(&row_of));
        }
    }
    lines.join("\n") + "\n"
}

/// What can be written.
fn switches(variant: &Variant, none: &str) -> String {
    // One that needs a key for its values has no switches either.
    let Ok(battery) = (variant.make)(&Setup::default()) else { return none.to_owned() };
    let names: Vec<String> = battery.switches().iter().map(|switch| format!("`{}`", switch.name)).collect();
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}

fn row(cells: &[&str]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// The command: English, or German with `de` behind it.
pub fn main() -> ExitCode {
    let language = match std::env::args().nth(2).as_deref() {
        Some("de") => Language::German,
        _ => Language::English,
    };
    match std::io::stdout().write_all(table(language).as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
