//! What holds a plugin in, item by item, as people see it.

use std::fmt::Write as _;

use super::Report;
use super::permissions::Permissions;
use crate::limits::Limits;
use crate::snapshot::Confinement;

/// Who holds something that was nowhere seen to work so far. What was proved leaves this list.
const UNTESTED: [&str; 1] = ["cgroup_v2"];

/// One item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wall {
    /// `files`, `network`, `calls`, `privileges`, `signals`, `environment`, `processes`, `open_files`, `disk`, `memory`,
    /// `processor` or `offspring`.
    pub what: &'static str,
    /// How it stands.
    pub state: WallState,
    /// Who holds it: `landlock`, `seccomp`, `kernel`, `rlimit`, `cgroup_v1`, `cgroup_v2`, `pid_namespace`, `process_group`,
    /// `pacing`, `polling` or `daemon`; empty where nobody does.
    pub by: &'static str,
    /// What there is to say about it: the limit, or why it is not held.
    pub note: String,
}

/// How an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WallState {
    /// It is held.
    Enforced,
    /// It should be held, and cannot be here.
    Unavailable,
    /// It is held as far as anybody knows; this way was never tested.
    Untested,
    /// Nobody asked for it to be held: permitted, or without a limit.
    Open,
}

impl WallState {
    /// The word in the API: `enforced`, `unavailable`, `untested` or `open`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::Unavailable => "unavailable",
            Self::Untested => "untested",
            Self::Open => "open",
        }
    }
}

/// What is known of the present process.
pub(crate) struct Known<'a> {
    pub(crate) permissions: Option<&'a Permissions>,
    pub(crate) report: Option<&'a Report>,
    pub(crate) confinement: Confinement,
    pub(crate) limits: &'a Limits,
    pub(crate) processor_by: &'static str,
    pub(crate) memory_by: &'static str,
    pub(crate) processes_by: &'static str,
}

/// All items.
pub(crate) fn walls(known: &Known<'_>) -> Vec<Wall> {
    let mut walls = of_the_program(known);
    walls.extend(of_its_limits(known));
    let by = known.confinement.name();
    walls.push(wall("offspring", WallState::Enforced, by, ""));
    walls
}

fn wall(what: &'static str, state: WallState, by: &'static str, note: impl Into<String>) -> Wall {
    Wall { what, state, by, note: note.into() }
}

/// What the step before the program gave up.
fn of_the_program(known: &Known<'_>) -> Vec<Wall> {
    let environment = wall("environment", WallState::Enforced, "daemon", "");
    let (Some(permissions), Some(report)) = (known.permissions, known.report) else {
        let why = if known.permissions.is_some() { "not reported" } else { "not asked for" };
        let open = ["files", "network", "calls", "privileges"].map(|what| wall(what, WallState::Unavailable, "", why));
        return open.into_iter().chain([signals(known), environment]).collect();
    };
    let held = |what, by, held: &Result<(), String>| match held {
        Ok(()) => wall(what, WallState::Enforced, by, ""),
        Err(reason) => wall(what, WallState::Unavailable, "", reason),
    };
    let files = match &report.landlock {
        Ok(version) => wall("files", WallState::Enforced, "landlock", named(permissions, *version)),
        Err(reason) => wall("files", WallState::Unavailable, "", reason),
    };
    let network = if permissions.network {
        wall("network", WallState::Open, "", "permitted by its manifest")
    } else {
        held("network", "seccomp", &report.seccomp)
    };
    let privileges = report.no_new_privileges.clone().and(report.capabilities.clone());
    vec![
        files,
        network,
        held("calls", "seccomp", &report.seccomp),
        held("privileges", "kernel", &privileges),
        signals(known),
        environment,
    ]
}

fn named(permissions: &Permissions, version: u32) -> String {
    let mut text = format!("Landlock {version}");
    let lists = [("reads", &permissions.read), ("writes", &permissions.write)];
    for (does, paths) in lists.into_iter().filter(|(_, paths)| !paths.is_empty()) {
        let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let _ = write!(text, "; {does} {}", paths.join(", "));
    }
    for refused in &permissions.refused {
        text.push_str("; refused: ");
        text.push_str(refused);
    }
    text
}

/// Landlock knows signals since its sixth version.
fn signals(known: &Known<'_>) -> Wall {
    let landlock = known.report.is_some_and(|report| report.landlock.as_ref().is_ok_and(|version| *version >= 6));
    match (landlock, known.confinement) {
        (true, _) => wall("signals", WallState::Enforced, "landlock", ""),
        (false, Confinement::PidNamespace) => wall("signals", WallState::Enforced, "pid_namespace", ""),
        (false, Confinement::ProcessGroup) => {
            wall("signals", WallState::Unavailable, "", "needs Linux 6.12 or PID namespaces")
        }
    }
}

fn of_its_limits(known: &Known<'_>) -> Vec<Wall> {
    let limits = known.limits;
    let mb = |bytes: u64| format!("{} MB", bytes >> 20);
    let held = |what, limit: Option<String>, by: &'static str| match limit {
        None => wall(what, WallState::Open, "", "no limit"),
        Some(note) if by.is_empty() => wall(what, WallState::Unavailable, "", note),
        Some(note) if UNTESTED.contains(&by) => wall(what, WallState::Untested, by, note),
        Some(note) => wall(what, WallState::Enforced, by, note),
    };
    let share = limits.cpu_share.map(|share| format!("{:.0} % of one core", share * 100.0));
    let rlimits = known.report.map(|report| &report.rlimits);
    let open_files = match rlimits {
        Some(Ok(())) => "rlimit",
        _ => "polling",
    };
    let mut processes = limits.processes.map(|most| format!("{most} processes and threads"));
    if known.permissions.is_some_and(|permissions| !permissions.children)
        && known.report.is_some_and(|report| report.seccomp.is_ok())
        && let Some(text) = &mut processes
    {
        text.push_str(", no children (seccomp)");
    }
    vec![
        held("processes", processes, known.processes_by),
        held("open_files", limits.open_files.map(|most| format!("{most} of each process")), open_files),
        held("disk", limits.disk_bytes.map(mb), "polling"),
        held("memory", limits.memory_bytes.map(mb), known.memory_by),
        held("processor", share, known.processor_by),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(landlock: Result<u32, String>) -> Report {
        Report { landlock, seccomp: Ok(()), no_new_privileges: Ok(()), capabilities: Ok(()), rlimits: Ok(()) }
    }

    /// Each item as `what state by`.
    #[track_caller]
    fn check(landlock: Result<u32, String>, confinement: Confinement, by: &'static str, want: &[&str]) {
        let (permissions, report) = (Permissions::default(), report(landlock));
        let limits = Limits { memory_bytes: Some(64 << 20), processes: Some(9), ..Limits::default() };
        let known = Known {
            permissions: Some(&permissions),
            report: Some(&report),
            confinement,
            limits: &limits,
            processor_by: "",
            memory_by: by,
            processes_by: by,
        };
        let got: Vec<String> =
            walls(&known).iter().map(|wall| format!("{} {} {}", wall.what, wall.state.name(), wall.by)).collect();
        for line in want {
            assert!(got.iter().any(|one| one == line), "{line} is not among {got:?}");
        }
    }

    #[test]
    fn what_is_held_is_said_with_who_holds_it() {
        let want = [
            "files enforced landlock",
            "network enforced seccomp",
            "calls enforced seccomp",
            "signals enforced landlock",
            "processes enforced cgroup_v1",
            "memory enforced cgroup_v1",
            "processor open ",
            "offspring enforced pid_namespace",
        ];
        check(Ok(6), Confinement::PidNamespace, "cgroup_v1", &want);
    }

    #[test]
    fn what_is_not_held_or_was_never_tested_is_said_too() {
        check(Ok(5), Confinement::ProcessGroup, "polling", &["signals unavailable ", "memory enforced polling"]);
        let old = Err("this kernel knows no Landlock".to_owned());
        check(old, Confinement::PidNamespace, "cgroup_v2", &["files unavailable ", "memory untested cgroup_v2"]);
    }
}
