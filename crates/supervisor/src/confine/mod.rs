//! The walls around a plugin: set up by a small step between the daemon's fork and the plugin's program.
//!
//! The daemon does not start a plugin's program itself. It starts itself again with [`Orders`]; that process, alone and with one
//! thread, gives up what the plugin must not have, says in one line on stderr what the kernel granted ([`Report`]), and becomes
//! the plugin's program. The plugin comes after that line and cannot forge it. What a kernel does not know is said and left
//! out: the plugin runs all the same.
//!
//! [`files`] is Landlock, [`calls`] is seccomp, [`rights`] are capabilities and limits of the process; [`permissions`] is what
//! the node orders, [`walls`] what people see of it.

mod calls;
mod files;
pub(crate) mod permissions;
mod rights;
pub(crate) mod walls;

use std::convert::Infallible;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// How the report begins on stderr.
const REPORT: &str = "fieldrail-confined ";

/// What the step is to do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Orders {
    /// Folders and files to read, and programs to run from there.
    pub(crate) read: Vec<PathBuf>,
    /// Files and devices to read and write.
    pub(crate) write: Vec<PathBuf>,
    /// Its own folder, in which it may do what it likes.
    pub(crate) own: Option<PathBuf>,
    pub(crate) network: bool,
    pub(crate) children: bool,
    pub(crate) open_files: Option<u64>,
    /// The largest single file, in bytes.
    pub(crate) file_bytes: Option<u64>,
}

/// What the kernel granted; for what it did not, the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The version of Landlock that holds files.
    pub(crate) landlock: Result<u32, String>,
    pub(crate) seccomp: Result<(), String>,
    pub(crate) no_new_privileges: Result<(), String>,
    pub(crate) capabilities: Result<(), String>,
    pub(crate) rlimits: Result<(), String>,
}

impl Report {
    /// The report in the first line of a plugin's stderr; none if that line is something else.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line.strip_prefix(REPORT)?).ok()
    }
}

/// Gives up what the orders say and becomes the program. Comes back only if that fails. The process must have one thread.
///
/// # Errors
/// The orders cannot be read, or the program cannot be started.
pub fn confine(orders: &str, program: &OsString, arguments: &[OsString]) -> io::Result<Infallible> {
    let orders: Orders = serde_json::from_str(orders)?;
    let rlimits = rights::limit(&orders).map_err(|error| error.to_string());
    let no_new_privileges = rights::no_new_privileges().map_err(|error| error.to_string());
    let landlock = files::restrict(&orders);
    let capabilities = rights::give_up(orders.network).map_err(|error| error.to_string());
    let seccomp = calls::refuse(&orders);
    let report = Report { landlock, seccomp, no_new_privileges, capabilities, rlimits };
    // One write, so that the line is whole whatever else the pipe holds.
    io::stderr().write_all(format!("{REPORT}{}\n", serde_json::to_string(&report)?).as_bytes())?;
    Err(Command::new(program).args(arguments).exec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_a_line_that_begins_as_one() {
        let report = Report {
            landlock: Ok(6),
            seccomp: Err("not built in".into()),
            no_new_privileges: Ok(()),
            capabilities: Ok(()),
            rlimits: Ok(()),
        };
        let line = format!("{REPORT}{}", serde_json::to_string(&report).unwrap());
        assert_eq!(Report::parse(&line), Some(report));
        assert_eq!(Report::parse("INFO started"), None);
        assert_eq!(Report::parse(REPORT), None);
    }
}
