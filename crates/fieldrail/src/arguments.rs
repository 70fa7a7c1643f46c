//! What can be typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// An edge operating system for industrial home automation.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) folders: Folders,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the house lives.
#[derive(Debug, Clone, Args)]
pub(crate) struct Folders {
    /// What people decide: connections, routes, users. Default: `config` (`demo-house/config` for `demo`)
    #[arg(long, global = true, value_name = "DIR", env = "FIELDRAIL_CONFIG")]
    config: Option<PathBuf>,
    /// What the box remembers. Default: `state` (`demo-house/state` for `demo`)
    #[arg(long, global = true, value_name = "DIR", env = "FIELDRAIL_STATE")]
    state: Option<PathBuf>,
    /// Folder with drivers and plugins; may be given several times. Default: `plugins` beside the program
    #[arg(long, global = true, value_name = "DIR")]
    plugins: Vec<PathBuf>,
}

impl Folders {
    /// The same folders, with `demo-house` in front of those that were not given.
    pub(crate) fn of_the_demo(self) -> Self {
        Self {
            config: self.config.or_else(|| Some("demo-house/config".into())),
            state: self.state.or_else(|| Some("demo-house/state".into())),
            plugins: self.plugins,
        }
    }

    /// The configuration folder.
    pub(crate) fn config(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(|| "config".into())
    }

    /// The state folder.
    pub(crate) fn state(&self) -> PathBuf {
        self.state.clone().unwrap_or_else(|| "state".into())
    }

    /// The plugin folders.
    pub(crate) fn plugins(&self) -> Vec<PathBuf> {
        if !self.plugins.is_empty() {
            return self.plugins.clone();
        }
        let program = std::env::current_exe().ok();
        let beside = program.as_deref().and_then(|program| program.parent()).map(|folder| folder.join("plugins"));
        beside.into_iter().collect()
    }
}

/// The command that the daemon calls before each plugin.
pub(crate) const CONFINE: &str = "confine";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Keep the house: start everything that is configured and serve the web admin
    Run,
    /// Keep a simulated house on real protocols over loopback
    Demo,
    /// Say what is wrong in the configuration folder; changes nothing
    Check(Check),
    /// Follow live values of a running house
    Tap(Tap),
    /// Write a value to a datapoint of a running house and wait for the end of it
    Write(Write),
    /// Switch a datapoint of a running house on and, after a while, off again
    Pulse(Pulse),
    /// Look at the tree of an instance of a running house
    Browse(Browse),
    /// Show what the box, the daemon and the instances of a running house take
    Top(Top),
    /// Say why a datapoint of a running house has its value
    Explain(Explain),
    /// Record what comes into the router of a running house
    Record(Record),
    /// Say what other rules would have made of a recording; changes nothing
    Plan(Plan),
    /// Print the JSON schema of a configuration file or of a driver
    Schema(Schema),
    /// Make, list and remove machine tokens
    #[command(subcommand)]
    Token(Token),
    /// Build the walls around a plugin and become its program; the daemon calls it
    #[command(name = CONFINE, hide = true)]
    Confine(Confine),
}

#[derive(Debug, Args)]
pub(crate) struct Confine {
    /// What to give up, as JSON
    pub(crate) orders: String,
    /// The program
    #[arg(last = true, required = true)]
    pub(crate) program: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Print the findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Tap {
    /// Addresses, or patterns with `*` (within a segment) and `**` (any depth)
    #[arg(required = true, value_name = "ADDRESS")]
    pub(crate) addresses: Vec<String>,
    /// Watch the values on their way through the router: `input`, `step`, `dropped`, `output`; may be given several times
    #[arg(long, value_name = "STAGE")]
    pub(crate) stage: Vec<String>,
    /// Watch the values on their way through this route
    #[arg(long, value_name = "ID")]
    pub(crate) route: Option<String>,
    /// End after so many values
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// End after so many seconds
    #[arg(long = "for", value_name = "SECONDS")]
    pub(crate) seconds: Option<u64>,
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Top {
    /// Print once and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Print one JSON object a look, a line each
    #[arg(long)]
    pub(crate) json: bool,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) every: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The full address
    pub(crate) address: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Record {
    /// Where the recording goes; a file that is there is written over
    pub(crate) file: PathBuf,
    /// End after so many seconds; without it, with Ctrl-C
    #[arg(long = "for", value_name = "SECONDS")]
    pub(crate) seconds: Option<u64>,
    /// End at so many megabytes
    #[arg(long, value_name = "MB", default_value_t = 500)]
    pub(crate) most: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The new rules, in the format of routing.json
    pub(crate) rules: PathBuf,
    /// A recording that `fieldrail record` made
    #[arg(long, value_name = "RECORDING")]
    pub(crate) from: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Write {
    /// The full address
    pub(crate) address: String,
    /// A JSON value; what is no JSON is text
    #[arg(allow_hyphen_values = true)]
    pub(crate) value: String,
    /// Milliseconds after which the write is not to be sent any more
    #[arg(long, value_name = "MS")]
    pub(crate) ttl: Option<u32>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Pulse {
    /// The full address
    pub(crate) address: String,
    /// The value to begin with: a bool or a number
    #[arg(default_value = "true", allow_hyphen_values = true)]
    pub(crate) value: String,
    /// Milliseconds until it ends, 50 to 5000
    #[arg(long = "for", value_name = "MS", default_value_t = 500)]
    pub(crate) duration: u32,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Browse {
    /// The instance; without one, all instances are listed
    pub(crate) instance: Option<String>,
    /// The path whose children are shown; without one, the root
    #[arg(default_value = "")]
    pub(crate) path: String,
    /// Only nodes whose name holds this text
    #[arg(long)]
    pub(crate) filter: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// `fieldrail`, `connections`, `routing`, `datapoints`, `users`, `secrets`, or `driver:NAME`; without one, the names
    pub(crate) name: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a token; its secret is printed this once
    Add(AddToken),
    /// List the tokens
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take a token back
    Remove {
        /// The token's id, as `list` shows it
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddToken {
    /// What people call the token; also the user name at the embedded broker
    pub(crate) name: String,
    /// What it may do
    #[arg(long, value_enum, default_value = "viewer")]
    pub(crate) role: Role,
    /// Only addresses that begin with this; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) address: Vec<String>,
    /// At most so many writes per second
    #[arg(long, value_name = "N")]
    pub(crate) writes_per_second: Option<u32>,
    /// Topic filter that it may publish to at the embedded broker; may be given several times
    #[arg(long, value_name = "FILTER")]
    pub(crate) mqtt_publish: Vec<String>,
    /// Topic filter that it may subscribe to at the embedded broker; may be given several times
    #[arg(long, value_name = "FILTER")]
    pub(crate) mqtt_subscribe: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Role {
    /// Reads
    Viewer,
    /// Writes datapoints
    Operator,
    /// Configures everything
    Admin,
}
