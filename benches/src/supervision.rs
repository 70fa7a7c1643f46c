//! What supervision costs, and what it saves: many idle instances, a flood, and a leak.

use std::fmt::Write as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::arrivals::Latency;
use crate::contender::{Places, broker, free_port};
use crate::house::House;
use crate::load::{self, Outcome, Step};
use crate::machine::Machine;
use crate::usage::{self, Memory};
use crate::{interrupt, rogue};

/// How long many instances may take to start before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(90);
/// Samples a second that no source comes to.
const NO_LIMIT: u32 = 100_000_000;

/// Messages a second on the route beside the flood.
const RATE: u32 = 500;
/// Memory that the leak may have, in MB of 2^20 bytes.
const LEAK_MB: u64 = 200;

/// How much to measure.
struct Plan {
    many: usize,
    few: usize,
    settle: Duration,
    watched: Duration,
    beside: Duration,
}

const FULL: Plan = Plan {
    many: 200,
    few: 50,
    settle: Duration::from_secs(10),
    watched: Duration::from_mins(1),
    beside: Duration::from_secs(20),
};
const QUICK: Plan = Plan {
    many: 20,
    few: 10,
    settle: Duration::from_secs(2),
    watched: Duration::from_secs(5),
    beside: Duration::from_secs(5),
};

/// One line of the table.
struct Row {
    what: String,
    reach: String,
    measured: String,
    met: bool,
}

fn row(what: impl Into<String>, reach: impl Into<String>, measured: impl Into<String>, met: bool) -> Row {
    Row { what: what.into(), reach: reach.into(), measured: measured.into(), met }
}

/// Measures, and makes the page.
pub(crate) fn page(places: &Places, quick: bool, date: &str, command: &str) -> Result<String> {
    let machine = Machine::this();
    let plan = if quick { QUICK } else { FULL };
    let bench = Bench { root: &places.root, folder: &places.cache.join("run/supervision"), plan: &plan };
    std::fs::create_dir_all(bench.folder)?;
    rogue::install(&bench.folder.join("plugins"))?;
    let mut rows = bench.many()?;
    rows.push(bench.few()?);
    rows.extend(bench.flood()?);
    for cgroups in [true, false] {
        rows.push(bench.leak(cgroups)?);
    }
    let mut page = String::new();
    writeln!(page, "# Supervision\n\nMade by `{command}` on {date}; written by that program, not by hand.\n")?;
    if quick {
        writeln!(page, "**A quick run, to see that everything works. Its figures do not count.**\n")?;
    }
    writeln!(page, "{}", machine.lines())?;
    writeln!(page, "| what | reach | measured | |\n| --- | --- | --- | --- |")?;
    for Row { what, reach, measured, met } in rows {
        writeln!(page, "| {what} | {reach} | {measured} | {} |", if met { "met" } else { "**not met**" })?;
    }
    writeln!(
        page,
        "\nInstances are idle ones of the driver `webhook`, the smallest. Memory is PSS of the daemon and all its processes. The \
         flood\ngoes as fast as the daemon takes it, on one credit window: first without a limit, then with the usual one, over \
         which\nless is read of it; the route beside it goes through one broker at {RATE}/s and\nlatency counts from the scheduled time of sending. It is let loose again as soon as it is suspended. The \
         leak takes\n100 MB a second and may have {LEAK_MB} MB; the time is from its first crossing of that until the process is \
         gone, looked at\neach millisecond."
    )?;
    Ok(page)
}

struct Bench<'a> {
    root: &'a Path,
    folder: &'a Path,
    plan: &'a Plan,
}

impl Bench<'_> {
    fn open(&self, name: &str, connections: &[Value], routes: &Value, cgroups: bool) -> Result<House> {
        let listen = format!("127.0.0.1:{}", free_port()?);
        let files = [
            ("fieldrail.json", json!({ "version": "1.0", "listen": listen, "cgroups": cgroups })),
            ("connections.json", json!({ "version": "1.0", "connections": connections })),
            ("routing.json", json!({ "version": "1.0", "routes": routes })),
        ];
        House::open(self.root, &self.folder.join(name), &files, &self.folder.join("plugins"))
    }

    /// So many idle instances, and how long they took to start.
    fn idle(&self, count: usize) -> Result<(House, Duration)> {
        let idle =
            |n| json!({ "id": format!("idle_{n}"), "driver": "webhook", "config": { "url": "http://127.0.0.1:9/" } });
        let connections: Vec<Value> = (0..count).map(idle).collect();
        let begun = Instant::now();
        let house = self.open("idle", &connections, &json!([]), true)?;
        let all = interrupt::wait_until(PATIENCE, || {
            thread::sleep(Duration::from_millis(100));
            Ok(house.instances()?.iter().filter(|one| one["state"] == "running").count() == count)
        })?;
        ensure!(all, "not all {count} instances run");
        Ok((house, begun.elapsed()))
    }

    fn many(&self) -> Result<Vec<Row>> {
        let count = self.plan.many;
        let (house, took) = self.idle(count)?;
        interrupt::rest(self.plan.settle)?;
        let mb = Memory::of(house.pid()).total_mb();
        let (most_mb, most_s) = (2.0 * count as f64, 0.1 * count as f64);
        Ok(vec![
            row(
                format!("{count} idle instances and the daemon, PSS"),
                format!("≤ {most_mb:.0} MB"),
                format!("{mb:.0} MB"),
                mb <= most_mb,
            ),
            row(
                format!("{count} instances, from the start of the daemon until all run"),
                format!("≤ {most_s:.0} s"),
                format!("{:.1} s", took.as_secs_f64()),
                took.as_secs_f64() <= most_s,
            ),
        ])
    }

    fn few(&self) -> Result<Row> {
        let (none, few) = (self.daemon_alone(0)?, self.daemon_alone(self.plan.few)?);
        let measured = format!(
            "{:.2} % ({few:.2} % with them, {none:.2} % without any, over {} s each)",
            few - none,
            self.plan.watched.as_secs()
        );
        let what = format!("what {} idle instances cost the daemon, of a core", self.plan.few);
        Ok(row(what, "≤ 0.5 %", measured, few - none <= 0.5))
    }

    /// What the daemon itself takes with so many idle instances, in per cent of a core.
    fn daemon_alone(&self, count: usize) -> Result<f64> {
        let (house, _) = self.idle(count)?;
        interrupt::rest(self.plan.settle)?;
        let (before, begun) = (usage::cpu_alone(house.pid()), Instant::now());
        interrupt::rest(self.plan.watched)?;
        let used = usage::cpu_alone(house.pid()).saturating_sub(before);
        Ok(100.0 * used.as_secs_f64() / begun.elapsed().as_secs_f64())
    }

    fn flood(&self) -> Result<Vec<Row>> {
        let port = free_port()?;
        let _broker = broker(&self.folder.join("broker"), port)?;
        let mqtt = |id: &str, port: u16| {
            json!({
            "id": id, "driver": "mqtt", "config": { "host": "127.0.0.1", "port": port }, "limits": { "max_pps": 100_000 } })
        };
        let connections = [
            mqtt("mqtt", port),
            json!({ "id": "rogue", "driver": "rogue", "enabled": false, "config": { "mode": "flood" } }),
            json!({
            "id": "free", "driver": "rogue", "enabled": false, "config": { "mode": "flood" },
            "limits": { "max_pps": NO_LIMIT } }),
        ];
        let routes = json!([{ "id": "beside", "from": "mqtt.in/*", "to": "mqtt.out/{tag}", "delivery": "queued" }]);
        let house = self.open("flood", &connections, &routes, true)?;
        wait(&house, "mqtt", "running")?;
        let offered = offered(&house)?;
        let path = load::Path { port, out: "out/", scale: 1.0 };
        let mut next = 1;
        let mut beside = |time: Duration| -> Result<Outcome> {
            let count = u64::from(RATE) * time.as_secs();
            let step = Step { rate: RATE, count, first: next };
            next += count;
            load::run(path, step)
        };
        beside(Duration::from_secs(2))?;
        let alone = beside(self.plan.beside)?;
        let mut loose = Vec::new();
        let flooded = thread::scope(|scope| {
            let measured = scope.spawn(|| beside(self.plan.beside));
            let mut how = "start";
            while !measured.is_finished() {
                loose.push(let_loose(&house, how)?);
                how = "reactivate";
            }
            measured.join().ok().context("the load generator panicked")?
        })?;
        let slowest = loose.iter().map(|loose| loose.until_suspended).max().context("it was never suspended")?;
        let taken = loose.iter().map(|loose| loose.rate).fold(0.0, f64::max);
        let lost = flooded.lost() + flooded.doubled + flooded.wrong;
        let p99 = |outcome: &Outcome| -> f64 {
            let Latency { p99_ms, .. } = outcome.latency;
            p99_ms
        };
        let (before, during) = (p99(&alone), p99(&flooded));
        Ok(vec![
            row(
                format!(
                    "a source of {:.2} million samples/s (where it may; {:.2} million/s are taken of it here), {} times: until \
                     it is suspended",
                    offered / 1e6,
                    taken / 1e6,
                    loose.len()
                ),
                "≤ 1 s",
                format!("{:.2} s at most", slowest.as_secs_f64()),
                slowest <= Duration::from_secs(1),
            ),
            row("the route beside it: lost, doubled, wrong", "0", lost.to_string(), lost == 0),
            row(
                "the route beside it: p99",
                "less than doubled",
                format!("{during:.2} ms ({before:.2} ms without the flood)"),
                during < 2.0 * before,
            ),
        ])
    }

    fn leak(&self, cgroups: bool) -> Result<Row> {
        let leak = json!({
            "id": "rogue", "driver": "rogue", "config": { "mode": "leak" }, "limits": { "memory_mb": LEAK_MB },
            "health": { "auto_restart": false } });
        let house = self.open("leak", &[leak], &json!([]), cgroups)?;
        let running = wait(&house, "rogue", "running")?;
        let pid = running["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).context("it has no process")?;
        let mut by = String::new();
        interrupt::wait_until(Duration::from_secs(1), || {
            house.instance("rogue")?["guard"]["memory_by"].as_str().unwrap_or_default().clone_into(&mut by);
            Ok(!by.is_empty())
        })?;
        let (mut crossed, mut most) = (None, 0);
        let begun = Instant::now();
        while let Some(resident) = usage::resident_mb(pid) {
            most = most.max(resident);
            if resident > LEAK_MB {
                crossed.get_or_insert_with(Instant::now);
            }
            ensure!(begun.elapsed() < PATIENCE, "the leak goes on");
            thread::sleep(Duration::from_millis(1));
        }
        let took = crossed.map_or(Duration::ZERO, |crossed| crossed.elapsed());
        let held = if cgroups { "as this machine can" } else { "control groups forced off" };
        Ok(row(
            format!("a leak of 100 MB/s, {held} (held by `{by}`): until it is ended after its limit"),
            "≤ 1 s",
            format!("{:.2} s, {most} MB at most", took.as_secs_f64()),
            took <= Duration::from_secs(1),
        ))
    }
}

fn wait(house: &House, id: &str, state: &str) -> Result<Value> {
    let mut found = None;
    interrupt::wait_until(PATIENCE, || {
        found = Some(house.instance(id)?).filter(|one| one["state"] == state);
        Ok(found.is_some())
    })?;
    found.with_context(|| format!("`{id}` is not {state}"))
}

/// How many samples a second are taken of the flood where it may send as many as it likes.
fn offered(house: &House) -> Result<f64> {
    house.ask("POST", "/api/admin/instances/free/start", &Value::Null)?;
    wait(house, "free", "running")?;
    let samples = || anyhow::Ok(house.instance("free")?["samples_in"].as_f64().unwrap_or(0.0));
    let (before, begun) = (samples()?, Instant::now());
    interrupt::rest(Duration::from_secs(3))?;
    let rate = (samples()? - before) / begun.elapsed().as_secs_f64();
    house.ask("POST", "/api/admin/instances/free/stop", &Value::Null)?;
    wait(house, "free", "stopped")?;
    Ok(rate)
}

/// One flood, from the wish that it runs until it is suspended.
struct Loose {
    until_suspended: Duration,
    rate: f64,
}

fn let_loose(house: &House, how: &str) -> Result<Loose> {
    let before = house.instance("rogue")?["samples_in"].as_f64().unwrap_or(0.0);
    house.ask("POST", &format!("/api/admin/instances/rogue/{how}"), &Value::Null)?;
    let begun = Instant::now();
    let mut samples = 0.0;
    let suspended = interrupt::wait_until(PATIENCE, || {
        let now = house.instance("rogue")?;
        samples = now["samples_in"].as_f64().unwrap_or(0.0);
        Ok(now["state"] == "suspended_by_spam")
    })?;
    ensure!(suspended, "the flood is not suspended");
    let until_suspended = begun.elapsed();
    // The count may begin anew with each process.
    let came = if samples >= before { samples - before } else { samples };
    Ok(Loose { until_suspended, rate: came / until_suspended.as_secs_f64() })
}
