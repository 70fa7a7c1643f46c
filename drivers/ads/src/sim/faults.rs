//! What can be made to go wrong, so that tests see what a driver does then.

use std::collections::HashMap;
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
}
