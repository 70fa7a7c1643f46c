//! What is started for an order, with which environment: the program itself, or the step that builds walls around it.

use std::ffi::OsString;
use std::io;
use std::process::Command;

use super::program::{self, Program};
use super::spawner::{Order, named};

/// What a plugin without walls gets of the daemon's environment.
const INHERITED: [&str; 5] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ"];

/// What one with walls gets; `PATH`, `HOME` and `TMPDIR` are made for it.
const HARMLESS: [&str; 3] = ["LANG", "LC_ALL", "TZ"];

/// Where programs are looked for if the daemon has no `PATH` itself.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The daemon's own program as it runs, also if its file was replaced since.
const ITSELF: &str = "/proc/self/exe";

/// Below an instance's folder, where it has its temporary files.
pub(super) const TEMPORARY: &str = "tmp";

/// The command, but for what it inherits of pipes.
pub(super) fn of(order: &Order) -> io::Result<Command> {
    let mut command = match &order.confined {
        None => plain(order),
        Some(_) => confined(order).map_err(|error| named(&error, &order.program))?,
    };
    command.current_dir(&order.working_dir);
    command.envs(order.env.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))));
    command.envs(order.marks.iter().map(|mark| (mark.name, &mark.value)));
    Ok(command)
}

fn plain(order: &Order) -> Command {
    let mut command = Command::new(&order.program);
    command.args(&order.args).env_clear().env("PATH", DEFAULT_PATH);
    inherit(&mut command, &INHERITED);
    command
}

fn inherit(command: &mut Command, names: &[&str]) {
    command.envs(names.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))));
}

/// This program again, with orders what to give up before it becomes the other one.
fn confined(order: &Order) -> io::Result<Command> {
    let Some((arguments, orders)) = &order.confined else { return Ok(plain(order)) };
    let path = std::env::var("PATH").unwrap_or_else(|_| DEFAULT_PATH.into());
    let Program { path, reads, search } = program::find(&order.program, &path)?;
    let mut orders = orders.clone();
    orders.read.extend(reads);
    let mut command = Command::new(ITSELF);
    command.args(arguments).arg(serde_json::to_string(&orders)?).arg("--").arg(path).args(&order.args).env_clear();
    inherit(&mut command, &HARMLESS);
    let search = std::env::join_paths(search).map_err(io::Error::other)?;
    command.env("PATH", search);
    if let Some(folder) = &order.state_dir {
        command.env("HOME", folder).env("TMPDIR", folder.join(TEMPORARY));
    }
    Ok(command)
}
