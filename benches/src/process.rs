//! A program that the bench started, and its end: whatever happens to the bench, nothing of it stays.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{ffi::OsStr, thread};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::usage::{self, Process};

/// How long a program may take to end by itself once it was asked to.
const SOFT: Duration = Duration::from_secs(5);
/// How long the kernel may take to end what was killed.
const HARD: Duration = Duration::from_secs(2);
/// How often to look whether it has ended.
const GLANCE: Duration = Duration::from_millis(20);
/// Most bytes of a log that an error message shows.
const LOG_TAIL: usize = 600;

/// A running program. Dropping it ends it and all its descendants.
#[derive(Debug)]
pub(crate) struct Started {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Started {
    /// Starts `program` in `folder`, which gets its output as `NAME.log`.
    ///
    /// Call it from the main thread only: `setpriv` has the kernel end the program when the thread that started it
    /// ends, so that not even a SIGKILL of the bench leaves it behind.
    pub(crate) fn spawn<I>(name: &'static str, folder: &Path, program: &Path, arguments: I) -> Result<Self>
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stderr(output.try_clone()?)
            .stdout(output)
            .spawn()
            .context("cannot start setpriv (Debian package util-linux)")?;
        Ok(Self { name, child, log })
    }

    /// Its process id, which `setpriv` hands on to the program.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An error with the end of the log when the program has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        let Some(status) = self.ended()? else { return Ok(()) };
        bail!("{} ended ({status}): {}", self.name, self.log_tail());
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// The last lines it wrote.
    pub(crate) fn log_tail(&self) -> String {
        let log = String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned();
        let from = (log.len().saturating_sub(LOG_TAIL)..log.len()).find(|&at| log.is_char_boundary(at));
        log[from.unwrap_or(0)..].trim().to_owned()
    }

    fn stop(&mut self) {
        let before = usage::tree(self.pid());
        if matches!(self.child.try_wait(), Ok(None)) {
            send(self.pid(), Signal::TERM);
        }
        let until = Instant::now() + SOFT;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            thread::sleep(GLANCE);
        }
        // Descendants that outlived their parent, or all of them when it did not go. The start time guards
        // against a process id that has a new owner by now.
        let left: Vec<Process> = before.into_iter().chain(usage::tree(self.pid())).filter(Process::is_alive).collect();
        for process in &left {
            send(process.pid, Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let until = Instant::now() + HARD;
        while left.iter().any(Process::is_alive) && Instant::now() < until {
            thread::sleep(GLANCE);
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A failure means that the process has gone already, which is what was wanted.
fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_program_takes_its_descendants_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let script = "for i in 1 2; do (trap '' TERM; exec sleep 60) & done; wait";
        let started = Started::spawn("sh", folder.path(), Path::new("/bin/sh"), ["-c", script]).unwrap();
        let grown = Instant::now() + Duration::from_secs(5);
        let sleeping = || usage::tree(started.pid()).iter().filter(|process| process.name == "sleep").count();
        while sleeping() < 2 {
            assert!(Instant::now() < grown, "the script did not start its children");
            thread::sleep(GLANCE);
        }
        let tree = usage::tree(started.pid());
        drop(started);
        assert!(tree.iter().all(|process| !process.is_alive()), "{tree:?}");
    }

    #[test]
    fn a_program_that_ends_at_once_is_told_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let mut started =
            Started::spawn("sh", folder.path(), Path::new("/bin/sh"), ["-c", "echo no such thing; exit 3"]).unwrap();
        let until = Instant::now() + Duration::from_secs(5);
        while started.ended().unwrap().is_none() && Instant::now() < until {
            thread::sleep(GLANCE);
        }
        let error = started.check().unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("no such thing"), "{error}");
    }
}
