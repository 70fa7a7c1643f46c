//! Limits on real processes: memory, processor time and samples, each with control groups (where this machine has them) and
//! by the daemon itself.

#![allow(missing_docs, clippy::unwrap_used)]

mod harness;

use std::time::{Duration, Instant};

use fieldrail_model::InstanceId;
use fieldrail_supervisor::{Limits, Policy, Snapshot, SpamStage, Spec, State};
use fieldrail_wire::plugin::Level;
use harness::{Heard, House};

const MB: u64 = 1 << 20;

/// Whether the daemon holds the limits itself though the kernel could.
#[derive(Debug, Clone, Copy, PartialEq)]
enum By {
    Kernel,
    Itself,
}

fn house(by: By) -> House {
    House::new(|options| options.without_cgroups = by == By::Itself)
}

fn start(house: &House, name: &str, script: &str, limits: Limits) -> InstanceId {
    let spec = Spec { limits, ..house.spec(name, script) };
    let id = spec.id.clone();
    house.supervisor.start(spec).unwrap();
    id
}

/// This machine has control groups only if it says so: then they must be used, and else the daemon does it.
#[track_caller]
fn check_by(by: By, kernel: &str, itself: &str) {
    let has = std::fs::read_to_string("/proc/self/mounts").unwrap().contains(" cgroup rw");
    match by {
        By::Itself => assert_eq!(kernel, itself),
        By::Kernel if has && rustix::process::getuid().is_root() => assert!(kernel.starts_with("cgroup_"), "{kernel}"),
        By::Kernel => {}
    }
}

/// Of itself and all its descendants, in seconds, as `/proc` has it: processor time, and the time that their first threads
/// stood in the queue for a processor.
fn processor_s(root: u32) -> (f64, f64) {
    let fields = |pid: u32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let rest = text.rsplit_once(')')?.1.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
        Some(rest)
    };
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let all: Vec<(u32, Vec<u64>)> = all.filter_map(|pid| Some((pid, fields(pid)?))).collect();
    let mut tree = vec![root];
    let mut at = 0;
    while at < tree.len() {
        let children = all.iter().filter(|(_, of)| of[1] == u64::from(tree[at])).map(|(pid, _)| *pid);
        tree.extend(children.collect::<Vec<_>>());
        at += 1;
    }
    let of_tree = || all.iter().filter(|(pid, _)| tree.contains(pid));
    let queued = |pid: u32| -> Option<u64> {
        std::fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?.split_whitespace().nth(1)?.parse().ok()
    };
    let used = of_tree().map(|(_, of)| of[11..=14].iter().sum::<u64>()).sum::<u64>() as f64 / 100.0;
    (used, of_tree().filter_map(|(pid, _)| queued(*pid)).sum::<u64>() as f64 / 1e9)
}

async fn second() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_instance_takes_is_measured_each_second_for_all_its_processes() {
    let house = house(By::Kernel);
    let id = start(&house, "measured", "grandchildren", Limits::default());
    let measured = house.until(&id, "measured", |now| now.metrics.is_some()).await.metrics.unwrap();
    assert_eq!(measured.processes, 3, "{measured:?}");
    assert!(measured.memory_bytes > 5 * MB && measured.memory_percent > 0.0, "{measured:?}");
    assert!(measured.pss_bytes.is_some_and(|bytes| bytes > MB && bytes < measured.memory_bytes), "{measured:?}");
    assert!(measured.threads >= 3 && measured.open_files.is_some_and(|files| files >= 9), "{measured:?}");
    assert!(measured.disk_written_bytes.is_some() && measured.network.is_some(), "{measured:?}");
    let own = house.supervisor.own_metrics().unwrap();
    assert!(own.memory_bytes > MB && own.threads >= 3, "{own:?}");
    house.supervisor.stop(&id).unwrap();
    assert_eq!(house.until_state(&id, State::Stopped).await.metrics, None);
}

async fn leaks(by: By) {
    let house = house(by);
    let limits = Limits { memory_bytes: Some(64 * MB), ..Limits::default() };
    let (leak, good) = (start(&house, "leak", "leaks", limits), house.start("good", "good"));
    house.until_state(&good, State::Running).await;
    let running = house.until(&leak, "running", |now| now.state == State::Running).await;
    house.until(&leak, "limited", |now| !now.keeping.memory_by.is_empty()).await;
    check_by(by, house.snapshot(&leak).keeping.memory_by, "polling");
    let grown = |pid: u32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
        text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
    };
    let (pid, mut most, mut over) = (running.pid.unwrap(), 0, None);
    while house.snapshot(&leak).generation == 1 && house.snapshot(&leak).pid.is_some() {
        most = most.max(grown(pid));
        if most >= 64 * MB {
            over.get_or_insert_with(Instant::now);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let late = over.map_or(Duration::ZERO, |at| at.elapsed());
    assert!(late < Duration::from_secs(1), "{by:?}: ended {late:?} after its limit");
    assert!(most < 100 * MB, "{by:?}: it came to {} MB", most / MB);
    let suspended = house.until_state(&leak, State::SuspendedByLimit).await;
    assert!(suspended.text.contains("64 MB") && suspended.text.contains("third"), "{}", suspended.text);
    assert_eq!((suspended.generation, suspended.errors), (3, 3), "{suspended:?}");
    for (level, text) in [(Level::Warn, "memory: "), (Level::Warn, "throttled to a tenth")] {
        let is_it = |heard: &Heard| match heard {
            Heard::Logged(line) => (line.level == level && line.message.contains(text)).then_some(()),
            _ => None,
        };
        // With the kernel holding it the end may come before the watcher's next look.
        if by == By::Itself {
            house.until_heard(&leak, is_it).await;
        }
    }
    let unharmed = house.snapshot(&good);
    assert_eq!((unharmed.generation, unharmed.state, unharmed.errors), (1, State::Running, 0));
    assert_eq!(house.supervisor.reactivate(&good), Ok(false));
    assert_eq!(house.supervisor.reactivate(&leak), Ok(true));
    house.until(&leak, "back", |now| now.generation == 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leak_is_stopped_within_a_second_by_the_kernel_and_suspended_the_third_time() {
    leaks(By::Kernel).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leak_is_stopped_within_a_second_by_the_daemon_and_suspended_the_third_time() {
    leaks(By::Itself).await;
}

/// The share that it got in each of some seconds, and the share that it had to wait for because the machine was busy.
async fn shares(house: &House, id: &InstanceId, seconds: usize) -> Vec<(f64, f64)> {
    let pid = house.snapshot(id).pid.unwrap();
    let mut got = Vec::new();
    let (mut at, mut before) = (Instant::now(), processor_s(pid));
    for _ in 0..seconds {
        second().await;
        let now = processor_s(pid);
        let passed = at.elapsed().as_secs_f64();
        at = Instant::now();
        got.push(((now.0 - before.0) / passed, (now.1 - before.1) / passed));
        before = now;
    }
    got
}

async fn burns(by: By, script: &str, share: f64) -> Snapshot {
    let house = house(by);
    let limits = Limits { cpu_share: Some(share), ..Limits::default() };
    let id = start(&house, "burns", script, limits);
    house.until_state(&id, State::Running).await;
    house.until(&id, "limited", |now| !now.keeping.processor_by.is_empty()).await;
    check_by(by, house.snapshot(&id).keeping.processor_by, "pacing");
    second().await;
    let got = shares(&house, &id, 5).await;
    // Other tests run beside this one, and what the machine does not have nobody can give.
    let is_busy = got.iter().any(|(_, waited)| *waited > share / 2.0);
    for (got, waited) in got {
        assert!(got <= share + 0.05, "{by:?}, {script}: may have {share}, got {got}");
        assert!(is_busy || got + waited >= share - 0.05, "{by:?}, {script}: wants {share}, got {got}, waited {waited}");
    }
    let after = if is_busy {
        house.until(&id, "counted", |now| now.metrics.as_ref().is_some_and(|m| m.cycles.is_some())).await
    } else {
        house.until(&id, "held", |now| now.metrics.as_ref().is_some_and(|m| m.throttled_percent > 0.0)).await
    };
    let cycles = after.metrics.as_ref().unwrap().cycles.unwrap();
    assert!(cycles.count > 20 && (is_busy || cycles.exceeded > 10), "{cycles:?}");
    assert!(cycles.min <= cycles.avg && cycles.avg <= cycles.max, "{cycles:?}");
    assert_eq!((after.generation, after.errors), (1, 0), "{after:?}");
    after
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_loop_is_held_to_its_share_by_the_kernel() {
    burns(By::Kernel, "burns", 0.2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_loop_is_held_to_its_share_by_the_daemon() {
    burns(By::Itself, "burns", 0.2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_that_burn_are_held_to_the_share_of_their_instance_by_the_kernel() {
    burns(By::Kernel, "burning_children", 0.3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_that_burn_are_held_to_the_share_of_their_instance_by_the_daemon() {
    burns(By::Itself, "burning_children", 0.3).await;
}

async fn slow_hearts(by: By) {
    let policy = Policy { progress: Duration::from_millis(400), missed: 2, ..Policy::default() };
    let house = House::new(|options| {
        options.without_cgroups = by == By::Itself;
        options.policy = policy;
    });
    let limits = Limits { cpu_share: Some(0.02), ..Limits::default() };
    let id = start(&house, "slow", "burns", limits);
    house.until_state(&id, State::Running).await;
    for _ in 0..5 {
        second().await;
        let now = house.snapshot(&id);
        assert_eq!((now.generation, now.state, now.errors), (1, State::Running, 0), "{by:?}: {now:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_held_back_by_the_kernel_is_not_taken_for_hung() {
    slow_hearts(By::Kernel).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_held_back_by_the_daemon_is_not_taken_for_hung() {
    slow_hearts(By::Itself).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_is_lifted_lets_a_stopped_process_go_on() {
    let house = house(By::Itself);
    let limits = Limits { cpu_share: Some(0.05), ..Limits::default() };
    let id = start(&house, "lifted", "burns", limits);
    house.until_state(&id, State::Running).await;
    second().await;
    house.supervisor.add(Spec { limits: Limits::default(), ..house.spec("lifted", "burns") }).unwrap();
    let (got, waited) = shares(&house, &id, 1).await[0];
    assert!(got + waited > 0.3, "got {got}, waited {waited}");
    assert_eq!(house.snapshot(&id).generation, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_thinned_out_and_suspended_with_the_evidence_and_its_neighbour_loses_nothing() {
    let house = House::new(|_| {});
    let good = house.start("good", "good");
    house.until_state(&good, State::Running).await;
    let flood = house.start("flood", "floods");
    house.until(&flood, "thinned out", |now| now.keeping.spam == SpamStage::Sampling).await;
    let suspended = house.until_state(&flood, State::SuspendedBySpam).await;
    let through = house.ear.of(&flood).iter().map(passed).sum::<u64>();
    // What passes is the allowance for a burst; the flood is over before it could be much more.
    assert!(
        through < 12_000 && suspended.keeping.shed > through,
        "{through} passed, {} did not",
        suspended.keeping.shed
    );
    assert_eq!(suspended.samples_in, through + suspended.keeping.shed);
    let evidence = suspended.keeping.evidence.clone().unwrap();
    assert!(evidence.rate > 5000.0 && evidence.limit == 500, "{evidence:?}");
    assert!(evidence.series.iter().any(|count| *count > 5000), "{evidence:?}");
    assert_eq!(evidence.top[0].0, "a");
    for word in ["its limit is 500/s", "samples/s over ten seconds", "UTC", "`a`"] {
        assert!(suspended.text.contains(word), "{}", suspended.text);
    }
    let unharmed = house.snapshot(&good);
    assert_eq!((unharmed.generation, unharmed.keeping.shed, unharmed.errors), (1, 0, 0));
    let passed_good = house.ear.of(&good).iter().map(passed).sum::<u64>();
    assert!(unharmed.samples_in - passed_good < 5);
    assert_eq!(house.supervisor.reactivate(&flood), Ok(true));
    house.until(&flood, "back", |now| now.generation == 2 && now.keeping.evidence.is_none()).await;
}

fn passed(heard: &Heard) -> u64 {
    match heard {
        Heard::Samples(_, batch) => batch.items.len() as u64,
        _ => 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_priority_is_a_place_in_the_queue() {
    use fieldrail_supervisor::Priority::{High, Idle, Low, Normal};
    let house = House::new(|_| {});
    for (priority, want) in [(High, 1), (Normal, 5), (Low, 10), (Idle, 19)] {
        let id = start(&house, priority.name(), "good", Limits { priority, ..Limits::default() });
        let pid = house.until_state(&id, State::Running).await.pid.unwrap();
        let number = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
        assert_eq!(rustix::process::getpriority_process(Some(number)).unwrap(), want);
    }
}
