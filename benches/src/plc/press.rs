//! A light: a push button is written through the daemon, the program of the PLC turns the lamp, and the live view of the
//! daemon shows it. Meanwhile the same driver polls 10,000 other tags.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::cargo;
use super::door::Door;
use crate::contender::{self, Places};
use crate::interrupt;
use crate::process::Started;

/// Beckhoff's library knows this port only; the address keeps it apart from other PLCs on the machine.
const PLC: &str = "127.48.8.99";
const PORT: u16 = 48898;

/// How many of the 10,000 tags change every 100 ms.
const CHANGING: u32 = 1000;
/// How often the PLC looks whether the lamp has changed, in milliseconds, for the driver as for the bare loop.
const NOTIFY_MS: u32 = 10;
/// The lamp, and the notification that proves that the others come. All else is polled.
const NOTIFICATIONS: u32 = 2;
/// How long all tags may take to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// From a press to its feedback, for 99 of 100.
const WANTED_MS: f64 = 100.0;

const BUTTON: &str = "MAIN.bButton01";
const LAMP: &str = "Light.bLamp01";

/// Presses through the daemon and through the bare loop, and their part of the page.
pub(super) fn part(places: &Places, quick: bool) -> Result<String> {
    let folder = places.cache.join("run/plc");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let program = build_plc(&places.root)?;
    let address = format!("{PLC}:{PORT}");
    let mut plc = Started::spawn("plc", &folder, &program, [address.as_str(), &CHANGING.to_string()])?;
    let listens = interrupt::wait_until(PATIENCE, || plc.check().map(|()| plc.log_tail().contains("listening")))?;
    ensure!(listens, "the simulated PLC does not listen: {}", plc.log_tail());
    let (version, daemon) = contender::fieldrail_program(&places.root)?;
    let mut started = start(&daemon, &folder)?;
    let door = Door::of(&folder.join("state"), || started.check())?;

    poll_all(&door)?;
    let times = if quick { 10 } else { 250 };
    let ours = press(&door, times)?;
    let theirs = bare(places, times)?;
    started.check().and_then(|()| plc.check())?;

    let mut part = String::new();
    writeln!(part, "## ADS: a light while 10,000 other tags are polled\n")?;
    writeln!(part, "| what | wanted | measured | |\n| --- | --- | --- | --- |")?;
    let p99 = percentile(&ours, 99);
    let verdict = if p99 <= WANTED_MS { "met" } else { "**not met**" };
    writeln!(part, "| press to confirmed feedback, p99 | ≤ {WANTED_MS} ms | {p99:.1} ms | {verdict} |")?;
    writeln!(
        part,
        "\nA press is a write over REST ({version}) that ends when the device has taken it; the PLC's task of 10 ms turns the \
         lamp;\nfeedback is the lamp in the live view (WebSocket). The lamp alone is sent by the PLC itself, which looks every \
         {NOTIFY_MS} ms, in\nboth; all other tags are polled every 100 ms by the same driver. A tenth of them changes between two \
         polls, and another\nlive view follows them all, during both measurements.\n"
    )?;
    writeln!(part, "| side by side | presses | p50 | p99 | max |\n| --- | --- | --- | --- | --- |")?;
    for (who, times) in [("Fieldrail, daemon and driver", &ours), ("pyads, a write and a notification", &theirs)] {
        let [p50, p99, max] = [50, 99, 100].map(|percent| percentile(times, percent));
        writeln!(part, "| {who} | {} | {p50:.1} ms | {p99:.1} ms | {max:.1} ms |", times.len())?;
    }
    Ok(part)
}

/// The simulated PLC as a program of its own.
fn build_plc(root: &Path) -> Result<PathBuf> {
    let arguments = ["build", "--quiet", "--release", "--locked", "-p", "fieldrail-driver-ads", "--example", "large"];
    let status = cargo(root).args(arguments).status().context("cannot run cargo")?;
    ensure!(status.success(), "the simulated PLC cannot be built");
    Ok(root.join("target/release/examples/large"))
}

fn start(program: &Path, folder: &Path) -> Result<Started> {
    let config = json!({ "ams_net_id": "192.168.2.162.1.1", "ams_port": 851, "host": PLC, "tcp_port": PORT,
                         "poll_ms": 100, "notify_ms": NOTIFY_MS, "max_notifications": NOTIFICATIONS });
    // The spam breaker is not what is measured.
    let instance = json!({ "id": "plc", "driver": "ads", "config": config, "limits": { "max_pps": 100_000_000 } });
    contender::start_fieldrail(
        program,
        folder,
        &[
            ("fieldrail.json", json!({ "version": "1.0", "listen": "127.0.0.1:0" })),
            ("connections.json", json!({ "version": "1.0", "connections": [instance] })),
            ("routing.json", json!({ "version": "1.0", "routes": [] })),
        ],
    )
}

/// Has all tags polled from now on, for as long as the daemon runs.
fn poll_all(door: &Door) -> Result<()> {
    let connected = interrupt::wait_until(PATIENCE, || Ok(instance(door)?["state"] == "running"))?;
    ensure!(connected, "the instance does not connect: {}", instance(door)?);
    let mut all = door.follow(&["plc.PollA.**", "plc.PollB.**"])?;
    // It ends with the daemon.
    thread::spawn(move || while all.next().is_ok() {});
    let mut tags = 0;
    interrupt::wait_until(PATIENCE, || {
        tags = usize::try_from(instance(door)?["datapoints"].as_u64().unwrap_or(0))?;
        Ok(tags >= 10_000)
    })?;
    ensure!(tags >= 10_000, "only {tags} tags came");
    Ok(())
}

fn instance(door: &Door) -> Result<Value> {
    let all = door.ask("/api/admin/instances", None)?;
    Ok(all["items"][0].clone())
}

/// So many presses, one after the other; how long each took, in milliseconds, sorted.
fn press(door: &Door, times: usize) -> Result<Vec<f64>> {
    let lamp = format!("plc.{LAMP}");
    let mut live = door.follow(&[&lamp])?;
    let mut is_on = live.changed(&lamp, &Value::Null)?;
    let write = |on: bool| {
        let done =
            door.ask("/api/datapoint/write", Some(&json!({ "address": format!("plc.{BUTTON}"), "value": on })))?;
        ensure!(done["outcome"] == "confirmed", "the write ended as {done}");
        Ok(())
    };
    // The first writes fetch handles. A press lasts for some cycles of the PLC, or it sees none.
    for on in [true, false] {
        write(on)?;
        interrupt::rest(Duration::from_millis(50))?;
    }
    is_on = live.changed(&lamp, &is_on)?;
    let mut took = Vec::with_capacity(times);
    for n in 0..times {
        // Not in step with polls and deltas.
        interrupt::rest(Duration::from_millis(30 + (n as u64 * 37) % 100))?;
        let begun = Instant::now();
        write(true)?;
        is_on = live.changed(&lamp, &is_on)?;
        took.push(begun.elapsed().as_secs_f64() * 1000.0);
        write(false)?;
    }
    took.sort_by(f64::total_cmp);
    Ok(took)
}

/// The same by Beckhoff's library: a write, and the notification of the lamp.
fn bare(places: &Places, times: usize) -> Result<Vec<f64>> {
    let python = places.root.join("target/peers/ads/pyads/bin/python");
    let script = places.root.join("drivers/ads/benches/large/bare.py");
    let wish = json!({ "address": PLC, "do": "press", "times": times, "button": BUTTON, "lamp": LAMP,
                       "notify_ms": NOTIFY_MS });
    let ended = Command::new(&python).arg(script).arg(wish.to_string()).output();
    let ended = ended.with_context(|| format!("cannot run {} (scripts/need test)", python.display()))?;
    ensure!(ended.status.success(), "pyads: {}", String::from_utf8_lossy(&ended.stderr));
    let said: Value = serde_json::from_slice(&ended.stdout)?;
    ensure!(said["lost"] == 0, "pyads lost {} presses", said["lost"]);
    let took = said["took_s"].as_array().context("pyads says no times")?;
    let mut took: Vec<f64> = took.iter().filter_map(Value::as_f64).map(|seconds| seconds * 1000.0).collect();
    took.sort_by(f64::total_cmp);
    Ok(took)
}

/// The nearest-rank percentile of sorted figures; 0 when there are none.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        for (percent, want) in [(50, 50.0), (99, 99.0), (100, 100.0)] {
            assert!((percentile(&hundred, percent) - want).abs() < 1e-9, "{percent}");
        }
        assert!(percentile(&[], 99).abs() < 1e-9);
    }
}
