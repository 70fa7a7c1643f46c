//! The one thread that starts processes.
//!
//! It lives as long as the daemon, so that the parent-death signal, which belongs to a thread, means the daemon. It also
//! keeps the daemon's other threads out of the namespaces that it prepares for its children.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};
use rustix::thread::{LinkNameSpaceType, UnshareFlags};
use tokio::net::unix::pipe;
use tokio::sync::oneshot;

use super::command;
use super::{Leash, Mark};
use crate::Confinement;
use crate::confine::Orders;

/// Orders that may wait for the thread. A start takes about a millisecond.
const QUEUE: usize = 1024;

/// A process to start.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) working_dir: PathBuf,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) marks: Vec<Mark>,
    /// Files of control groups into which the process writes itself.
    pub(crate) entrances: Vec<File>,
    /// Its place in the queue for processor time; the higher, the later.
    pub(crate) nice: i32,
    /// The arguments with which the daemon's program builds the walls, and which walls; none for a plugin without any.
    pub(crate) confined: Option<(Vec<String>, Orders)>,
}

/// A process that was started, with our ends of its pipes.
pub(crate) struct Child {
    pub(crate) leash: Leash,
    pub(crate) stdin: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

impl Child {
    /// The pipes, for tokio: stdin, stdout, stderr. Call it inside a runtime.
    pub(crate) fn pipes(
        stdin: OwnedFd,
        stdout: OwnedFd,
        stderr: OwnedFd,
    ) -> io::Result<(pipe::Sender, pipe::Receiver, pipe::Receiver)> {
        Ok((
            pipe::Sender::from_owned_fd(stdin)?,
            pipe::Receiver::from_owned_fd(stdout)?,
            pipe::Receiver::from_owned_fd(stderr)?,
        ))
    }
}

struct Request {
    order: Order,
    answer: oneshot::Sender<io::Result<Child>>,
}

/// The way to the thread. When the last one is dropped the thread ends, and all children with it.
#[derive(Clone)]
pub(crate) struct Spawner(mpsc::SyncSender<Request>);

impl Spawner {
    /// Starts the thread.
    pub(crate) fn new(without_namespaces: bool) -> io::Result<Self> {
        let (sender, requests) = mpsc::sync_channel::<Request>(QUEUE);
        let workshop = Workshop::open(without_namespaces)?;
        std::thread::Builder::new().name("spawner".into()).spawn(move || {
            for Request { order, answer } in requests {
                // If nobody waits for it any more, its leash is dropped here; it dies with its stdin or with the daemon.
                if let Err(Ok(child)) = answer.send(workshop.start(order)) {
                    child.leash.kill();
                }
            }
        })?;
        Ok(Self(sender))
    }

    /// Starts a process.
    pub(crate) async fn start(&self, order: Order) -> io::Result<Child> {
        let (answer, started) = oneshot::channel();
        let gone = || io::Error::other("the spawner has ended");
        self.0
            .try_send(Request { order, answer })
            .map_err(|_| io::Error::other("too many processes are being started"))?;
        started.await.map_err(|_| gone())?
    }
}

/// What the thread needs for every start.
struct Workshop {
    /// The daemon's own PID namespace, to come back to before each start; none where namespaces are not wanted.
    own_namespace: Option<File>,
    /// The daemon itself: readable once it is dead.
    daemon: OwnedFd,
}

impl Workshop {
    fn open(without_namespaces: bool) -> io::Result<Self> {
        let own_namespace = if without_namespaces { None } else { File::open("/proc/self/ns/pid").ok() };
        let daemon = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?;
        Ok(Self { own_namespace, daemon })
    }

    fn start(&self, mut order: Order) -> io::Result<Child> {
        if let Some(folder) = &order.state_dir {
            let folder = if order.confined.is_some() { &folder.join(command::TEMPORARY) } else { folder };
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| named(&e, folder))?;
        }
        let confinement =
            if self.enter_new_namespace() { Confinement::PidNamespace } else { Confinement::ProcessGroup };
        let mut child = self.command(&mut order)?.spawn().map_err(|e| named(&e, &order.program))?;
        let pid = Pid::from_child(&child);
        let leash = match Leash::new(pid, confinement, order.marks) {
            Ok(leash) => leash,
            Err(error) => {
                child.kill()?;
                child.wait()?;
                return Err(error);
            }
        };
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let piped = "stdin, stdout and stderr were asked to be pipes";
        Ok(Child {
            leash,
            stdin: stdin.expect(piped).into(),
            stdout: stdout.expect(piped).into(),
            stderr: stderr.expect(piped).into(),
        })
    }

    /// Lets the next child of this thread be the first process of a new PID namespace. False where that is not permitted.
    fn enter_new_namespace(&self) -> bool {
        let Some(own) = &self.own_namespace else { return false };
        // A thread can prepare a namespace only while it has none prepared, so it goes back to its own first.
        if rustix::thread::move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::ProcessID)).is_err() {
            return false;
        }
        // SAFETY: NEWPID does not unshare the table of descriptors, which is what makes this call unsafe; it changes
        // nothing for this thread but where its next children are born.
        unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWPID) }.is_ok()
    }

    fn command(&self, order: &mut Order) -> io::Result<Command> {
        let mut command = command::of(order)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let daemon = self.daemon.try_clone()?;
        let (entrances, nice) = (std::mem::take(&mut order.entrances), order.nice);
        // SAFETY: `bind_to_daemon` and `take_place` run between fork and exec, where only async-signal-safe calls are allowed.
        // They make system calls only: they allocate nothing, take no lock and do not unwind.
        unsafe { command.pre_exec(move || bind_to_daemon(&daemon).map(|()| take_place(&entrances, nice))) };
        Ok(command)
    }
}

/// In the child, before the program: a session of its own, no inherited descriptors, death with the daemon.
fn bind_to_daemon(daemon: &OwnedFd) -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The daemon may have died before the line above. (Its number does not help: a new namespace does not see it.)
    let mut dead = [PollFd::new(daemon, PollFlags::IN)];
    if rustix::event::poll(&mut dead, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))? > 0 {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    // Whatever the daemon's own parent left open without the flag. Kernels before 5.11 refuse; then only that is left.
    // SAFETY: closes nothing yet; it only marks descriptors that the program is not to see.
    let _ = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    Ok(())
}

/// In the child, before the program: into its control groups, and into its place in the queue. What does not work is seen by
/// the watcher, which then holds the limits itself.
fn take_place(entrances: &[File], nice: i32) {
    for entrance in entrances {
        let _ = rustix::io::write(entrance, b"0");
    }
    let _ = rustix::process::setpriority_process(None, nice);
}

/// The operating system's reason together with the path it is about.
pub(super) fn named(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
