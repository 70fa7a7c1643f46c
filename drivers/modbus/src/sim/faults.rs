//! What can be made to go wrong, so that tests see what a driver does then.

use std::collections::VecDeque;

/// All faults; none by default.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Questions are taken and never answered.
    pub silent: bool,
    /// Every question is refused with this exception.
    pub refuse: Option<u8>,
    /// What is wrong with the next answers, one after the other.
    pub wrong: VecDeque<Wrong>,
    /// New connections end with a reset instead of an orderly close.
    pub abrupt: bool,
}

/// What is wrong with one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// Another transaction (TCP only), and the right answer never comes.
    Transaction,
    /// Another unit.
    Unit,
    /// Another function.
    Function,
    /// Two bytes less than were asked for, in a frame that fits them.
    Short,
    /// Half of the frame, and then nothing.
    Half,
    /// Half of the frame, and then the connection is closed.
    HalfClosed,
    /// An answer that nobody asked for, and then the right one.
    Stray,
    /// The right answer twice.
    Twice,
    /// A refusal.
    Refused(u8),
    /// A wrong checksum; on TCP another protocol.
    Damaged,
    /// Nothing at all.
    Missing,
}
