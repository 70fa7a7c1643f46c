//! What the router alone does on one core, and what it takes; prints a table of Markdown.
//!
//! `cargo bench -p fieldrail-router` measures everything, in about two minutes; with `-- --quick` it only shows that
//! everything works, and with a word only the parts whose name begins like it are measured.

mod allocator;
mod compile;
mod evaluation;
mod house;
mod memory;
mod plan;
mod rate;
mod rounds;
mod table;

use std::io::{self, Write as _};

use rounds::Effort;
use table::Row;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

/// A part by its name.
type Part = (&'static str, fn(Effort) -> Vec<Row>);

const PARTS: [Part; 5] = [
    ("rate", rate::rows),
    ("evaluation", evaluation::rows),
    ("memory", memory::rows),
    ("plan", plan::rows),
    ("compile", compile::rows),
];

fn main() -> io::Result<()> {
    // Cargo adds `--bench`, and `--test` where only the build is tried.
    let (options, words): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|word| word.starts_with('-'));
    let has = |option: &str| options.iter().any(|known| known == option);
    let effort = Effort { quick: has("--quick") || has("--test") };
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.starts_with(word));
    let parts = PARTS.iter().filter(|(name, _)| wanted(name));
    let rows: Vec<Row> = parts.flat_map(|(_, measure)| measure(effort)).collect();
    io::stdout().write_all(table::markdown(&rows).as_bytes())
}
