//! The driver on a PLC with 14,000 symbols, beside bare client loops in the same run: how soon its tree can be browsed, how
//! long a search takes, and what polling 10,000 tags every 100 ms costs. `cargo bench -p fieldrail-driver-ads`;
//! `scripts/need test` installs the library of the bare loops. Prints a part of `benches/PLC.md`.
//!
//! Reading order: `device` the PLC, `bare` the loops beside, `tables` what is printed; `../../examples/large/plant.rs` is
//! the program of the PLC.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod bare;
mod device;
#[path = "../../examples/large/plant.rs"]
mod plant;
mod tables;

use std::time::{Duration, Instant};

use fieldrail_testkit::Plugin;
use fieldrail_testkit::wire::plugin::Status;

use device::Device;
use tables::{Row, Times};

const DRIVER: &str = env!("CARGO_BIN_EXE_fieldrail-driver-ads");

/// The patterns of all that is polled.
const POLLED: [&str; 2] = ["PollA.**", "PollB.**"];

/// What is searched for: in one name, in many, in comments, in parts of structures, nowhere.
const NEEDLES: [&str; 6] = ["nvalue09999", "room", "messwert 77", "acell_mv[7]", "bwindow", "no such variable"];

/// How long and how often to measure.
#[derive(Clone, Copy)]
struct Plan {
    starts: usize,
    searches: usize,
    time: Duration,
}

const FULL: Plan = Plan { starts: 7, searches: 35, time: Duration::from_secs(20) };
const QUICK: Plan = Plan { starts: 1, searches: 2, time: Duration::from_secs(3) };

/// From the start of the driver's process until it has answered a page of the tree.
fn browsable(device: &Device, folder: &std::path::Path) -> (Duration, Plugin) {
    let begun = Instant::now();
    let mut driver = Plugin::start_in(DRIVER, &[], "plc", device.config(), Some(folder));
    driver.state(Status::Connected);
    assert_eq!(driver.browse("PollB").len(), 100);
    (begun.elapsed(), driver)
}

/// Starts without symbols on disk, and with those of the start before.
fn starts(device: &Device, plan: Plan) -> [Times; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..plan.starts {
        let folder = tempfile::tempdir().unwrap();
        for times in &mut times {
            let (took, driver) = browsable(device, folder.path());
            times.push(took);
            driver.stop();
        }
    }
    times.map(Times::of)
}

fn searches(device: &Device, plan: Plan) -> Times {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut driver) = browsable(device, folder.path());
    let mut times = Vec::new();
    for _ in 0..plan.searches {
        for needle in NEEDLES {
            let begun = Instant::now();
            let found = driver.search(needle).len();
            times.push(begun.elapsed());
            assert_eq!(found == 0, needle == "no such variable", "{needle}: {found}");
        }
    }
    Times::of(times)
}

/// What polling took.
struct Cost {
    /// Share of one core.
    cpu: f64,
    pss_mb: f64,
    rss_mb: f64,
    /// Polls of all tags in a second, as the PLC counts what it was asked for.
    polls: f64,
    /// Samples in a second that the driver sent.
    samples: f64,
}

/// Polls all tags while so many of them change between two polls.
fn polling(device: &Device, changing: usize, plan: Plan) -> Cost {
    device.change(changing);
    let folder = tempfile::tempdir().unwrap();
    let (_, mut driver) = browsable(device, folder.path());
    driver.subscribe_patterns(&POLLED);
    let mut known = 0;
    while known < plant::POLLED {
        let samples = driver.samples_for(Duration::from_secs(1));
        assert!(!samples.is_empty(), "only {known} tags came: {}", driver.log());
        known += samples.len();
    }
    let (cpu_s, polls, begun) = (device::cpu_s(driver.pid()), device.polls(), Instant::now());
    let mut samples = 0;
    while begun.elapsed() < plan.time {
        samples += driver.samples_for(Duration::from_millis(500)).len();
    }
    let seconds = begun.elapsed().as_secs_f64();
    let (pss_mb, rss_mb) = device::memory_mb(driver.pid());
    Cost {
        cpu: (device::cpu_s(driver.pid()) - cpu_s) / seconds,
        pss_mb,
        rss_mb,
        polls: (device.polls() - polls) as f64 / seconds,
        samples: samples as f64 / seconds,
    }
}

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let plan = if std::env::args().any(|argument| argument == "--quick") { QUICK } else { FULL };
    let device = Device::start();
    let tree = Tree::measure(&device, plan);
    let tags = Tags::measure(&device, plan);
    assert_eq!(plant::SYMBOLS, 14_000);
    println!("## ADS: 14,000 symbols\n\n{}", tables::HEAD);
    tree.print_limits();
    tags.print_limits();
    println!(
        "\nBrowsable: connected, all symbols and types read, a page of 100 nodes answered. Searched were {} texts (in one name, in\n\
         many, in comments, in parts, nowhere); a page has up to 100 hits, and parts of structures and arrays are searched too.\n\
         Memory: PSS.\n",
        NEEDLES.len()
    );
    tree.print_beside();
    tags.print_beside();
}

/// What concerns the symbols.
struct Tree {
    cold: Times,
    warm: Times,
    searches: Times,
    library: bare::Upload,
}

impl Tree {
    fn measure(device: &Device, plan: Plan) -> Self {
        let [cold, warm] = starts(device, plan);
        let library = bare::upload(device, plan.starts, &NEEDLES);
        Self { cold, warm, searches: searches(device, plan), library }
    }

    fn print_limits(&self) {
        let second = Duration::from_secs(1);
        let what = "start of the driver's process to browsable";
        println!("{}", self.cold.row(&format!("{what}, nothing on disk, the longest"), second, Times::max));
        println!(
            "{}",
            self.warm.row(&format!("{what}, symbols of the last run on disk, the longest"), second, Times::max)
        );
        println!("{}", self.searches.row("search, p99", Duration::from_millis(50), Times::p99));
    }

    fn print_beside(&self) {
        println!("| side by side | times | p50 | p99 | max |\n| --- | --- | --- | --- | --- |");
        println!("{}", self.cold.line("driver: process start to browsable, nothing on disk"));
        println!("{}", self.warm.line("driver: the same with symbols on disk"));
        println!(
            "{}",
            self.library.took.line("pyads: connect and `get_all_symbols`; no types, the interpreter runs already")
        );
        println!("{}", self.searches.line("driver: search through the plugin protocol"));
        println!("{}", self.library.searches.line("pyads: the same texts in its list, without parts"));
    }
}

/// What concerns the polled tags.
struct Tags {
    /// With a tenth of them changing between two polls, and with all.
    driver: [(&'static str, Cost); 2],
    sums: bare::Loop,
    library: bare::Loop,
}

impl Tags {
    fn measure(device: &Device, plan: Plan) -> Self {
        let some = polling(device, plant::POLLED / 10, plan);
        let all = polling(device, plant::POLLED, plan);
        device.change(plant::POLLED / 10);
        let driver = [("a tenth of them", some), ("all of them", all)];
        Self { driver, sums: bare::sums(device, plan.time / 2), library: bare::poll(device, plan.time / 2) }
    }

    fn print_limits(&self) {
        for (changing, cost) in &self.driver {
            let what = |what| format!("10,000 tags polled every 100 ms, {changing} changing each time: {what}");
            println!("{}", Row::most(&what("CPU"), 10.0, 100.0 * cost.cpu, "% of a core"));
            println!("{}", Row::most(&what("memory"), 60.0, cost.pss_mb, "MB"));
        }
    }

    fn print_beside(&self) {
        println!("\n| side by side, 10,000 tags | polls/s | CPU, % of a core | PSS, MB | RSS, MB | samples sent/s |");
        println!("| --- | --- | --- | --- | --- | --- |");
        for (changing, cost) in &self.driver {
            let Cost { cpu, pss_mb, rss_mb, polls, samples } = cost;
            let cpu = 100.0 * cpu;
            println!(
                "| driver, {changing} changing | {polls:.2} | {cpu:.1} | {pss_mb:.1} | {rss_mb:.1} | {samples:.0} |"
            );
        }
        let bare::Loop { polls, cpu, .. } = self.sums;
        let what = "bare loop of the driver's own codec: sums of 500, cut into parts, nothing decoded or sent on";
        println!("| {what} | {polls:.2} | {:.1} | - | - | - |", 100.0 * cpu);
        let bare::Loop { polls, cpu, pss_mb } = self.library;
        println!("| pyads, bare loop of `read_list_by_name` | {polls:.2} | {:.1} | {pss_mb:.1} | - | - |", 100.0 * cpu);
    }
}
