//! A hold on one process and its descendants: wait for its end, or bring it about.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::ending;
use super::sweep::{Mark, sweep};
use crate::Confinement;
use crate::life::Reason;

/// Between two looks at a process, where the kernel cannot tell us.
const LOOK: std::time::Duration = std::time::Duration::from_millis(100);

/// One living process. While it is not reaped its number belongs to it, so a kill never meets a stranger.
#[derive(Debug)]
pub(crate) struct Leash {
    pid: Pid,
    confinement: Confinement,
    /// Marks that the process and its descendants bear.
    marks: Vec<Mark>,
    pidfd: OwnedFd,
    reaped: Mutex<bool>,
}

/// How a process ended, before its last words are known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    code: Option<i32>,
    signal: Option<i32>,
}

impl Ended {
    /// In words, with the last line of its log.
    pub(crate) fn describe(self, last_line: Option<&str>) -> Reason {
        ending::describe(self.code, self.signal, last_line)
    }
}

impl Leash {
    /// Takes hold of a child of this process that has not been waited for.
    pub(super) fn new(pid: Pid, confinement: Confinement, marks: Vec<Mark>) -> io::Result<Self> {
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
        Ok(Self { pid, confinement, marks, pidfd, reaped: Mutex::new(false) })
    }

    /// The process's number, as this daemon sees it.
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// What ends its descendants.
    pub(crate) fn confinement(&self) -> Confinement {
        self.confinement
    }

    /// Kills the process, and with it its namespace or its group. Harmless once it has ended.
    pub(crate) fn kill(&self) {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if !*reaped {
            self.kill_unreaped();
        }
    }

    fn kill_unreaped(&self) {
        if self.confinement == Confinement::ProcessGroup {
            // Before the child has called `setsid` there is no such group; the process itself is killed below.
            let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
        }
        let _ = rustix::process::pidfd_send_signal(&self.pidfd, Signal::KILL);
    }

    /// Waits for the process's end, ends its descendants, and reaps it.
    pub(crate) async fn ended(&self) -> io::Result<Ended> {
        if self.readable().await.is_err() {
            // No descriptor left to wait with: look now and then.
            while !self.has_ended() {
                tokio::time::sleep(LOOK).await;
            }
        }
        let ended = self.reap()?;
        if self.confinement == Confinement::ProcessGroup {
            // What left the group still bears the marks. Reading /proc blocks, so it happens elsewhere.
            let marks = self.marks.clone();
            let _ = tokio::task::spawn_blocking(move || sweep(&marks)).await;
        }
        Ok(ended)
    }

    async fn readable(&self) -> io::Result<()> {
        let copy = self.pidfd.try_clone()?;
        // SAFETY: an `OwnedFd` names one open descriptor for as long as it lives, and here it lives in the `AsyncFd`.
        let watched = unsafe { AsyncFd::register_with_interest(copy, Interest::READABLE) }?;
        watched.readable().await.map(drop)
    }

    fn has_ended(&self) -> bool {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        !matches!(rustix::event::poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], Some(&at_once)), Ok(0))
    }

    fn reap(&self) -> io::Result<Ended> {
        let mut reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        // The group lives on without its leader, and its number is ours only until the leader is reaped.
        self.kill_unreaped();
        let id = WaitId::Pid(self.pid);
        let status = rustix::io::retry_on_intr(|| rustix::process::waitid(id.clone(), WaitIdOptions::EXITED))?;
        *reaped = true;
        let (code, signal) = status.map_or((None, None), |s| (s.exit_status(), s.terminating_signal()));
        Ok(Ended { code, signal })
    }
}
