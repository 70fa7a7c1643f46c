//! What can be made to go wrong, so that tests see what a driver does then.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// All faults; none by default.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools)] // independent switches of a test
pub struct Faults {
    /// Requests are taken and never answered.
    pub silent: bool,
    /// Each answer waits so long.
    pub delay: Duration,
    /// The next so many answers wait that long; others overtake them.
    pub delay_next: (u32, Duration),
    /// The next so many answers carry a wrong invoke id, and the right one never comes.
    pub wrong_invoke_next: u32,
    /// Before each answer comes one that nobody asked for.
    pub strays: bool,
    /// Answers are written in pieces of so many bytes.
    pub split: Option<usize>,
    /// Answers are held back and written several at once.
    pub glue: bool,
    /// Index groups that are refused, with the code.
    pub refuse: HashMap<u32, u32>,
    /// Notifications get a handle and are never sent.
    pub mute_notifications: bool,
    /// The length of a notification counts itself, as one server in use does.
    pub long_notification_length: bool,
    /// What is written is changed back at once by the program.
    pub overwrite: bool,
    /// What is wrong with the next answers, one after the other.
    pub wrong: VecDeque<Wrong>,
    /// New connections end with a reset instead of an orderly close.
    pub abrupt: bool,
    /// So long after a connection was closed none is taken, as in a CX8090; one that comes earlier is closed at once and
    /// begins that time anew.
    pub rest: Duration,
}

/// What is wrong with one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// Another number, and the right answer never comes.
    Invoke,
    /// Another command.
    Command,
    /// From another device.
    Source,
    /// Some bytes less than its own length field says.
    Short,
    /// Half of the frame, and then what comes next.
    Half,
    /// Half of the frame, and then the connection is closed.
    HalfClosed,
    /// The header says that four gigabytes follow.
    Huge,
    /// An answer that nobody asked for, and then the right one.
    Stray,
    /// The right answer twice.
    Twice,
    /// A refusal of the router, with this code.
    Refused(u32),
    /// Nothing at all.
    Missing,
}

impl Wrong {
    /// Whether the right answer never comes.
    pub fn spoils(self) -> bool {
        !matches!(self, Self::Stray | Self::Twice)
    }
}
