//! PLCs and Modbus devices: what the drivers reach beside a bare client loop of the same or of the maker's library.
//!
//! What concerns a driver alone comes from the driver's own bench, a program of its own; what a user waits for, a light
//! that answers, is measured here through the whole daemon.

mod door;
mod press;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::contender::Places;
use crate::interrupt;
use crate::machine::Machine;

/// Measures all of it and makes the page.
pub(crate) fn page(places: &Places, quick: bool, date: &str, command: &str) -> Result<String> {
    let machine = Machine::this();
    let variables = printed_by(&places.root, "fieldrail-driver-ads", "large", quick)?;
    let lights = press::part(places, quick)?;
    let registers = printed_by(&places.root, "fieldrail-driver-modbus", "rate", quick)?;
    let mut page = String::new();
    writeln!(
        page,
        "# PLCs and Modbus devices\n\nMade by `{command}` on {date}; written by that program, not by hand.\n"
    )?;
    if quick {
        writeln!(page, "**A quick run, to see that everything works. Its figures do not count.**\n")?;
    }
    writeln!(page, "{}- load average of the last minute after it: {}", machine.lines(), Machine::this().load_before)?;
    writeln!(
        page,
        "- the PLC is the simulated one of the ADS driver, the Modbus devices are pymodbus; all on this machine, over \
         loopback\n\n\
         Each figure stands beside a bare client loop of the same run: Beckhoff's own library (pyads 3.6.0), or the driver's\n\
         own line code without the driver.\n"
    )?;
    writeln!(page, "{variables}\n{lights}\n{}", registers.trim_end())?;
    Ok(page)
}

/// What a driver's own bench prints.
fn printed_by(root: &Path, package: &str, bench: &str, quick: bool) -> Result<String> {
    interrupt::check()?;
    let mut cargo = cargo(root);
    cargo
        .args(["bench", "--quiet", "--locked", "-p", package, "--bench", bench, "--"])
        .args(quick.then_some("--quick"));
    let ended = cargo.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    ensure!(ended.status.success(), "the bench `{bench}` of {package} ended with {}", ended.status);
    String::from_utf8(ended.stdout).context("the bench prints no text")
}

/// Cargo without what another cargo says of this package, if that runs it: build scripts that look at such words would run
/// again, and what depends on them would be built anew each time.
fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    cargo.current_dir(root);
    for (key, _) in std::env::vars_os() {
        if key.to_str().is_some_and(|key| key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST_")) {
            cargo.env_remove(key);
        }
    }
    cargo
}
