//! Those that are compared. Each is a program that gets a broker's port and a folder; nothing here measures.

mod fieldrail;
mod mosquitto;
pub(crate) mod node_red;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::process::Started;
use crate::{load, prove};

pub(crate) use fieldrail::{find as fieldrail_program, start_with as start_fieldrail};
pub(crate) use mosquitto::{start as broker, version as mosquitto_version};

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// mosquitto alone: publisher to subscriber on the same topics, no route.
    Broker,
    /// Node-RED with a switch and a function node.
    NodeRed,
    /// Fieldrail with one MQTT instance and one direct route a datapoint.
    Fieldrail,
}

impl Kind {
    /// In the order of measuring: Fieldrail is also measured at the rate that Node-RED reached.
    pub(crate) const ALL: [Self; 3] = [Self::Broker, Self::NodeRed, Self::Fieldrail];

    /// As it is called in the results.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Broker => "mosquitto alone",
            Self::NodeRed => "Node-RED",
            Self::Fieldrail => "Fieldrail",
        }
    }

    /// The first rate of its climb, in messages a second.
    pub(crate) fn start_rate(self) -> u32 {
        match self {
            Self::Broker => 50_000,
            Self::NodeRed => 5_000,
            Self::Fieldrail => 10_000,
        }
    }
}

/// Where things are: the workspace, and the cache under its target folder.
#[derive(Debug)]
pub(crate) struct Places {
    /// The workspace's root.
    pub(crate) root: PathBuf,
    /// What the bench keeps from run to run and what its programs write.
    pub(crate) cache: PathBuf,
}

impl Places {
    /// The workspace that this program was built from.
    pub(crate) fn find() -> Result<Self> {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().context("the workspace has moved")?;
        Ok(Self { cache: root.join("target/bench"), root })
    }
}

/// A contender that can be started.
#[derive(Debug)]
pub(crate) struct Ready {
    /// Who it is.
    pub(crate) kind: Kind,
    /// What it calls itself.
    pub(crate) version: String,
    /// Its program; the broker is started in any case and has none of its own here.
    program: Option<PathBuf>,
    folder: PathBuf,
}

impl Ready {
    /// Finds it, or installs it; an error says why it cannot take part.
    pub(crate) fn prepare(kind: Kind, places: &Places) -> Result<Self> {
        let folder = places.cache.join("run").join(kind.title().replace(' ', "-"));
        let (version, program) = match kind {
            Kind::Broker => (mosquitto::version()?, None),
            Kind::NodeRed => node_red::install(&places.cache).map(|(version, program)| (version, Some(program)))?,
            Kind::Fieldrail => fieldrail::find(&places.root).map(|(version, program)| (version, Some(program)))?,
        };
        Ok(Self { kind, version, program, folder })
    }

    /// Starts a broker of its own and the contender, and waits until it has proved that it does the whole work.
    pub(crate) fn start(&self, next: &mut u64) -> Result<Bed> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        fs::create_dir_all(&self.folder).with_context(|| format!("cannot create {}", self.folder.display()))?;
        let port = free_port()?;
        let broker = mosquitto::start(&self.folder, port)?;
        let contender = match (self.kind, &self.program) {
            (Kind::NodeRed, Some(program)) => Some(node_red::start(program, &self.folder, port)?),
            (Kind::Fieldrail, Some(program)) => Some(fieldrail::start(program, &self.folder, port)?),
            _ => None,
        };
        let routed = contender.is_some();
        let path =
            load::Path { port, out: if routed { "out/" } else { "in/" }, scale: if routed { 0.001 } else { 1.0 } };
        let mut bed = Bed { contender, broker, path };
        let proved = prove::routes_all(path, next);
        bed.check()?;
        let proved = proved.and_then(|()| if routed { prove::holds_back(path, next) } else { Ok(()) });
        proved.with_context(|| bed.last_words())?;
        Ok(bed)
    }
}

/// A running broker with a running contender. Dropping it ends both, the contender first.
#[derive(Debug)]
pub(crate) struct Bed {
    contender: Option<Started>,
    broker: Started,
    /// Where its messages go in and come out.
    pub(crate) path: load::Path,
}

impl Bed {
    /// The process whose tree is measured: the contender without the broker, or the broker when that is the contender.
    pub(crate) fn root(&self) -> u32 {
        self.contender.as_ref().unwrap_or(&self.broker).pid()
    }

    /// The end of the contender's log.
    fn last_words(&self) -> String {
        format!("its log ends with: {}", self.contender.as_ref().unwrap_or(&self.broker).log_tail())
    }

    /// An error when one of both has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.broker.check()?;
        self.contender.as_mut().map_or(Ok(()), Started::check)
    }
}

/// A port on loopback that nobody listens on now.
pub(crate) fn free_port() -> Result<u16> {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on loopback")?;
    Ok(probe.local_addr()?.port())
}

/// The first line that `program` prints, with or without success.
fn first_line(program: &Path, argument: &str) -> Result<String> {
    let output = Command::new(program).arg(argument).output();
    let output = output.with_context(|| format!("cannot start {}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
