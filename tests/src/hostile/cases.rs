//! The table: each hostile plugin, what it may take, and what must become of it.

/// How the culprit is named.
#[derive(Debug, Clone, Copy)]
pub enum Sign {
    /// By these words in the text, the last error or the hint of its card.
    Card(&'static str),
    /// By these words in its log.
    Log(&'static str),
    /// By the cycles in which it wanted more than its share, in per cent of one core, in which it goes on.
    HeldBack(f64),
    /// There is nothing to name: it does no harm, and goes on.
    Harmless,
}

/// What the test does once it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    Watch,
    /// Asks it to stop.
    Stop,
    /// Writes to it, more than a pipe holds.
    Write,
    /// Browses it.
    Browse,
}

/// One hostile plugin.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Its name in the table, also its id.
    pub name: &'static str,
    /// `hostile` or `hostile_family`.
    pub driver: &'static str,
    /// `mode` in its configuration; the name where it is empty.
    pub mode: &'static str,
    /// `limits`, as JSON.
    pub limits: &'static str,
    /// Whether a crash starts it again.
    pub again: bool,
    /// What is done to it.
    pub act: Act,
    /// Which limit or wall it meets, for the table.
    pub wall: &'static str,
    /// The deadline that has to pass before it can be named, in milliseconds.
    pub deadline_ms: u64,
    /// How it is named.
    pub sign: Sign,
    /// The state in which it stays.
    pub state: &'static str,
    /// Whether the way to hold it depends on control groups.
    pub by_cgroups: bool,
}

const PLAIN: Case = Case {
    name: "",
    driver: "hostile",
    mode: "",
    limits: "{}",
    again: false,
    act: Act::Watch,
    wall: "",
    deadline_ms: 0,
    sign: Sign::Harmless,
    state: "error",
    by_cgroups: false,
};

/// Ended for a limit three times, and suspended then.
const fn limited(name: &'static str, limits: &'static str, wall: &'static str, words: &'static str) -> Case {
    Case {
        name,
        limits,
        again: true,
        wall,
        sign: Sign::Card(words),
        state: "suspended_by_limit",
        by_cgroups: true,
        ..PLAIN
    }
}

/// A try that the kernel refuses; the words of the failure are its last.
const fn refused(name: &'static str, wall: &'static str, words: &'static str) -> Case {
    Case { name, wall, sign: Sign::Card(words), ..PLAIN }
}

/// A breach of the protocol.
const fn breach(name: &'static str, words: &'static str) -> Case {
    Case { name, wall: "protocol", sign: Sign::Card(words), ..PLAIN }
}

const fn family(case: Case) -> Case {
    Case { driver: "hostile_family", ..case }
}

/// All of them.
pub const CASES: &[Case] = &[
    // What grows.
    limited("leak", r#"{"memory_mb":48}"#, "memory_mb", "its limit is 48 MB"),
    Case {
        wall: "max_cpu_share",
        sign: Sign::HeldBack(4.0),
        state: "running",
        ..limited("busy", r#"{"max_cpu_share":0.04}"#, "", "")
    },
    limited("descriptors", r#"{"open_files":64}"#, "open_files", "files and sockets open, its limit is 64"),
    limited("threads", r#"{"processes":48}"#, "processes", "processes and threads, its limit is 48"),
    Case { again: false, ..limited("disk", r#"{"disk_mb":8}"#, "disk_mb", "its folder holds") },
    Case { again: false, ..limited("nameless", r#"{"disk_mb":8}"#, "disk_mb", "its folder holds") },
    refused("one_file", "disk_mb (one file)", "File too large"),
    Case { again: false, ..limited("many_files", r#"{"disk_mb":1}"#, "disk_mb", "its folder holds") },
    Case {
        limits: r#"{"max_cpu_share":0.2}"#,
        wall: "log lines",
        deadline_ms: 4000,
        sign: Sign::Log("lines of this log were dropped"),
        state: "running",
        ..breach("log_flood", "")
    },
    Case {
        limits: r#"{"max_cpu_share":0.3}"#,
        state: "suspended_by_spam",
        deadline_ms: 10_000,
        wall: "max_pps",
        ..refused("sample_flood", "", "its limit is 500/s")
    },
    Case {
        limits: r#"{"max_cpu_share":0.3}"#,
        state: "suspended_by_spam",
        deadline_ms: 10_000,
        wall: "max_pps",
        ..refused("million_tags", "", "its limit is 500/s")
    },
    Case {
        deadline_ms: 10_000,
        wall: "messages a second",
        ..breach("message_flood", "floods the daemon with messages")
    },
    family(limited(
        "bomb",
        r#"{"processes":48,"max_cpu_share":0.3}"#,
        "processes",
        "processes and threads, its limit is 48",
    )),
    family(limited("zombies", r#"{"processes":48}"#, "processes", "processes and threads, its limit is 48")),
    family(Case {
        wall: "max_cpu_share",
        sign: Sign::HeldBack(6.0),
        state: "running",
        ..limited("burn", r#"{"max_cpu_share":0.06}"#, "", "")
    }),
    family(refused("escape", "offspring", "exited with code 0")),
    family(refused("orphans", "offspring", "exited with code 1")),
    // What is silent, or breaks the protocol.
    Case { deadline_ms: 17_500, wall: "heartbeat", state: "degraded", ..breach("sleep", "hangs: missed 3 heartbeats") },
    Case { deadline_ms: 10_000, wall: "hello", ..breach("no_hello", "has not said hello within 10 s") },
    breach("giant", "over the limit"),
    breach("half", "in the middle of a frame"),
    Case { deadline_ms: 1200, ..breach("closed", "closed its stdout and runs on") },
    Case {
        act: Act::Stop,
        wall: "stop",
        deadline_ms: 3000,
        state: "stopped",
        ..breach("deaf", "did not end in time and was killed")
    },
    Case {
        act: Act::Write,
        wall: "reading",
        deadline_ms: 17_500,
        state: "degraded",
        ..breach("unread", "has read nothing of what it is told")
    },
    breach("garbage", "no message"),
    breach("deep", "no message"),
    // With the usual limit it may be suspended as a flood before it runs out of credit.
    Case { limits: r#"{"max_pps":100000000}"#, ..breach("credit", "credit") },
    breach("order", "sent batch 7 where 1 was due"),
    breach("wrong_version", "speaks versions 8 to 9"),
    breach("wrong_name", "the program says that it is `mqtt`"),
    Case { sign: Sign::Harmless, state: "running", ..breach("wrong_ids", "") },
    Case { sign: Sign::Harmless, state: "running", ..breach("unknown_number", "") },
    Case { act: Act::Browse, wall: "messages a second", ..breach("endless", "floods the daemon with messages") },
    breach("panic", "this plugin cannot even start"),
    Case { again: true, deadline_ms: 9000, wall: "crashes", ..breach("exits_again", "failed 6 times") },
    // What a program may not do at all.
    refused("clock", "clock_settime", "Operation not permitted"),
    refused("old_clock", "settimeofday", "Operation not permitted"),
    refused("secrets", "files", "Permission denied"),
    refused("neighbours", "files", "Permission denied"),
    refused("config", "files", "Permission denied"),
    refused("link", "files", "Permission denied"),
    refused("shadow", "files", "Permission denied"),
    refused("device", "files", "denied"),
    refused("connect", "network", "Operation not permitted"),
    refused("frames", "network", "Operation not permitted"),
    refused("trace", "ptrace", "Operation not permitted"),
    refused("environ", "files", "Permission denied"),
    refused("kill", "signals", "reached 0 others"),
    refused("mount", "mount", "Operation not permitted"),
    refused("namespace", "unshare", "Operation not permitted"),
    refused("child", "no children", "Operation not permitted"),
    refused("program", "files", "Permission denied"),
    refused("greedy", "open_files", "not allowed to raise maximum limit"),
    refused("first", "privileges", "Permission"),
];
