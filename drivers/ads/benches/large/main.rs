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
    let (cpu, polls, begun) = (device::cpu(driver.pid()), device.polls(), Instant::now());
    let mut samples = 0;
    while begun.elapsed() < plan.time {
        samples += driver.samples_for(Duration::from_millis(500)).len();
    }
    let seconds = begun.elapsed().as_secs_f64();
    let (pss_mb, rss_mb) = device::memory_mb(driver.pid());
    Cost {
        cpu: (device::cpu(driver.pid()) - cpu).as_secs_f64() / seconds,
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
    let [cold, warm] = starts(&device, plan);
    let upload = bare::upload(&device, plan.starts.min(3), &NEEDLES);
    let searches = searches(&device, plan);
    let some = polling(&device, plant::POLLED / 10, plan);
    let all = polling(&device, plant::POLLED, plan);
    device.change(plant::POLLED / 10);
    let sums = bare::sums(&device, plan.time / 2);
    let library = bare::poll(&device, plan.time / 2);

    println!("## ADS: {} symbols\n", plant::SYMBOLS);
    println!("{}", tables::HEAD);
    let second = Duration::from_secs(1);
    println!(
        "{}",
        cold.row("start of the driver's process to browsable, nothing on disk (median)", second, Times::p50)
    );
    println!("{}", warm.row("the same with the symbols of the last run on disk (median)", second, Times::p50));
    println!("{}", searches.row("search, p99", Duration::from_millis(50), Times::p99));
    for (cost, changing) in [(&some, "a tenth of them"), (&all, "all of them")] {
        let what = |what| format!("10,000 tags polled every 100 ms, {changing} changing each time: {what}");
        println!("{}", Row::most(&what("CPU"), 10.0, 100.0 * cost.cpu, "% of a core"));
        println!("{}", Row::most(&what("memory (PSS)"), 60.0, cost.pss_mb, "MB"));
    }
    println!(
        "\nBrowsable: connecting, reading all symbols and types, and a page of 100 nodes. Searched were {} texts (in one name, in\n\
         many, in comments, in parts, nowhere); a page has up to 100 hits, and parts of structures and arrays are searched too.\n",
        NEEDLES.len()
    );
    println!("| side by side | p50 | p99 | max |\n| --- | --- | --- | --- |");
    println!("{}", cold.line("driver: process start to browsable, nothing on disk"));
    println!("{}", warm.line("driver: the same with symbols on disk"));
    println!(
        "{}",
        upload.took.line("pyads: connect and `get_all_symbols`, without types, the interpreter already running")
    );
    println!("{}", searches.line("driver: search through the plugin protocol"));
    println!("{}", upload.searches.line("pyads: the same texts in its list, without parts, up to 100 hits"));
    println!(
        "\n| side by side, 10,000 tags | polls a second | CPU, % of a core | PSS, MB | RSS, MB | samples sent a second |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for (cost, changing) in [(&some, "a tenth of them"), (&all, "all of them")] {
        let Cost { cpu, pss_mb, rss_mb, polls, samples } = cost;
        println!(
            "| driver, {changing} changing | {polls:.2} | {:.1} | {pss_mb:.1} | {rss_mb:.1} | {samples:.0} |",
            100.0 * cpu
        );
    }
    println!(
        "| bare loop of the driver's own codec: sum reads of 500, cut into parts, nothing decoded | {:.2} | {:.1} | - | - | - |",
        sums.polls,
        100.0 * sums.cpu
    );
    println!(
        "| pyads, bare loop of `read_list_by_name` | {:.2} | {:.1} | {:.1} | - | - |",
        library.polls,
        100.0 * library.cpu,
        library.pss_mb
    );
}
