//! What happens to an instance that takes too much. Pure: time and readings are arguments.
//!
//! [`memory`]: warn, throttle, kill, and the third time in ten minutes suspend. [`pace`]: a share of one core by stopping
//! and continuing. [`chatter`]: messages that are no samples.
//! [`growth`]: the folder on disk, and descriptors. [`cycles`]: processor time for each cycle. [`spam`]: how many samples may enter the router.

pub(crate) mod chatter;
pub(crate) mod cycles;
pub(crate) mod growth;
pub(crate) mod memory;
pub(crate) mod pace;
pub(crate) mod spam;
