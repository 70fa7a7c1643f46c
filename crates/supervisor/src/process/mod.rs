//! Processes, as Linux has them: the only module that knows the operating system, and the only one with `unsafe`.
//!
//! No child survives the daemon, in three layers. [`spawner`]: all processes are started by one thread that lives as
//! long as the daemon, since the kernel kills a child when the *thread* that made it ends. [`leash`]: a process ends
//! together with its descendants, by its PID namespace or by its process group. [`mod@sweep`]: what slipped through bears a
//! mark in its environment and is found at the end of the process, or at the next start of the daemon.
//!
//! What is started: [`program`] finds it, [`command`] puts it together.
//!
//! What they take: [`tree`] reads it from `/proc`, [`sockets`] asks for their packets, [`cgroup`] has the kernel hold their
//! limits, [`text`] is what the kernel writes, [`page`] reads the same file again and again.

#![allow(unsafe_code)] // between fork and exec, for the spawner's namespace, and to watch a process by its descriptor

mod cgroup;
mod command;
mod ending;
mod leash;
mod page;
mod program;
mod sockets;
mod spawner;
mod sweep;
mod text;
pub(crate) mod tree;

pub(crate) use cgroup::{Cgroups, Group};
pub(crate) use leash::{Ended, Leash};
#[cfg(test)]
pub(crate) use sockets::TcpSocket;
pub(crate) use sockets::{Asker, Sockets};
pub(crate) use spawner::{Child, Order, Spawner};
pub(crate) use sweep::{Mark, sweep};
