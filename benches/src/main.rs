//! Fieldrail against the broker alone, against Node-RED and against bare client loops, in one run on one machine.
//!
//! Reading order: [`measure`] is the programme of one contender, [`load`] one step of it, [`ramp`] the search for the
//! limit; [`contender`] knows how each is started; [`targets`] and [`report`] say what came of it. [`router`] and [`plc`] are programmes of their own.
//!
//! Invariants: the bench depends on no crate of this workspace, it drives built programs from outside; whatever it
//! started ends with it; each wait and each search is bounded.

mod arrivals;
mod codec;
mod contender;
mod digest;
mod house;
mod interrupt;
mod load;
mod machine;
mod measure;
mod plc;
mod process;
mod prove;
mod ramp;
mod report;
mod rogue;
mod router;
mod supervision;
mod targets;
mod usage;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser};

use contender::{Kind, Places, Ready};
use machine::Machine;
use measure::{Figures, Plan};
use report::Report;

/// Fieldrail's benches.
#[derive(Debug, Parser)]
enum Cli {
    /// MQTT in, route, MQTT out for 1,000 datapoints. A full run of all contenders writes benches/RESULTS.md (in ten
    /// minutes); any other prints its page.
    Mqtt(Mqtt),
    /// PLCs and Modbus devices beside bare client loops. A full run writes benches/PLC.md (in four minutes).
    Plc(Page),
    /// The router alone, and the same rules in Node-RED. A full run writes benches/ROUTER.md (in four minutes).
    Router(Page),
    /// Many idle instances, a flood and a leak. A full run writes benches/SUPERVISION.md (in four minutes).
    Supervision(Page),
    /// A plugin of the supervision's bench; started by the daemon.
    #[command(hide = true)]
    Rogue,
}

#[derive(Debug, Args)]
struct Mqtt {
    /// Measure these only.
    #[arg(long, value_delimiter = ',', default_values = ["broker", "node-red", "fieldrail"])]
    only: Vec<Kind>,
    #[command(flatten)]
    page: Page,
}

#[derive(Debug, Args)]
struct Page {
    /// A short run: to see that everything works, not to quote.
    #[arg(long)]
    quick: bool,
    /// Write the page here, also when it is not of a full run.
    #[arg(long)]
    out: Option<PathBuf>,
    /// The date on the page, instead of the system's.
    #[arg(long)]
    date: Option<String>,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(wish: &Cli) -> Result<()> {
    if matches!(wish, Cli::Rogue) {
        return rogue::run();
    }
    interrupt::listen().context("cannot listen for Ctrl-C")?;
    if cfg!(debug_assertions) {
        eprintln!("This is a debug build: its load generator is too slow for the limits. Use --release.");
    }
    let places = Places::find()?;
    match wish {
        Cli::Mqtt(wish) => {
            let report = mqtt(wish, &places)?;
            let whole = Kind::ALL.iter().all(|kind| wish.only.contains(kind));
            publish(&report.markdown(), &wish.page, whole, &places.root.join("benches/RESULTS.md"))
        }
        Cli::Plc(page) => {
            let text = plc::page(&places, page.quick, &page.date(), &command())?;
            publish(&text, page, true, &places.root.join("benches/PLC.md"))
        }
        Cli::Router(page) => {
            let text = router::page(&places, page.quick, &page.date(), &command())?;
            publish(&text, page, true, &places.root.join("benches/ROUTER.md"))
        }
        Cli::Supervision(page) => {
            let text = supervision::page(&places, page.quick, &page.date(), &command())?;
            publish(&text, page, true, &places.root.join("benches/SUPERVISION.md"))
        }
        Cli::Rogue => Ok(()),
    }
}

impl Page {
    /// The date on it.
    fn date(&self) -> String {
        let today = || humantime::format_rfc3339_seconds(SystemTime::now()).to_string()[..10].to_owned();
        self.date.clone().unwrap_or_else(today)
    }
}

fn mqtt(wish: &Mqtt, places: &Places) -> Result<Report> {
    let machine = Machine::this();
    let mut absent = Vec::new();
    let mut ready = Vec::new();
    for kind in Kind::ALL {
        let prepared = if wish.only.contains(&kind) { Ready::prepare(kind, places) } else { Err(not_asked()) };
        interrupt::check()?;
        ready.extend(note_absence(kind, prepared, &mut absent));
    }
    let plan = if wish.page.quick { Plan::QUICK } else { Plan::FULL };
    let end = Instant::now() + plan.whole;
    let mut figures: Vec<Figures> = Vec::new();
    for (index, contender) in ready.iter().enumerate() {
        let left = u32::try_from(ready.len() - index)?;
        let until = Instant::now() + end.saturating_duration_since(Instant::now()) / left;
        let reference = measure::reference_of(&figures).filter(|_| contender.kind == Kind::Fieldrail);
        let measured = measure::measure(contender, &plan, reference, until);
        interrupt::check()?;
        figures.extend(note_absence(contender.kind, measured, &mut absent));
    }
    ensure!(!figures.is_empty(), "nothing was measured");
    Ok(Report {
        date: wish.page.date(),
        command: command(),
        machine,
        broker_version: contender::mosquitto_version()?,
        plan,
        quick: wish.page.quick,
        figures,
        absent,
    })
}

/// The contender's part, or `None` with the reason noted: the others are measured all the same.
fn note_absence<T>(kind: Kind, part: Result<T>, absent: &mut Vec<(Kind, String)>) -> Option<T> {
    match part {
        Ok(part) => Some(part),
        Err(error) => {
            eprintln!("{} is not measured: {error:#}", kind.title());
            absent.push((kind, format!("{error:#}")));
            None
        }
    }
}

fn not_asked() -> anyhow::Error {
    anyhow::anyhow!("not asked for")
}

fn command() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    format!("cargo run --release -p fieldrail-benches -- {}", arguments.join(" "))
}

/// Half a run never replaces the results of a whole one, unless told to.
fn publish(page: &str, wish: &Page, whole: bool, usual: &Path) -> Result<()> {
    let out = wish.out.clone().or((whole && !wish.quick).then(|| usual.to_owned()));
    let Some(out) = out else {
        return std::io::stdout().write_all(page.as_bytes()).context("cannot print the page");
    };
    fs::write(&out, page).with_context(|| format!("cannot write {}", out.display()))?;
    eprintln!("Written: {}", out.display());
    match usual.parent() {
        Some(folder) if out == usual => digest::refresh(folder),
        _ => Ok(()),
    }
}
