//! Whether what a battery says can be: three checks over one poll after the other. Pure: time is an argument.
//!
//! `sum`: the cells together are the pack. `charge`: what flows in is what it holds more. `freeze`: a battery through which a
//! current flows does not say the same for ever. Each finds a fault within three polls of where it shows, and says nothing
//! of a battery that is well: both are held by tests over simulated days.
//!
//! What is doubted stays a value; its quality is uncertain, with the reason.

mod charge;
mod freeze;
mod seen;
mod sum;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use charge::Charge;
use freeze::Freeze;
pub use seen::Seen;
use sum::Sum;

/// Which datapoints a doubt is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Voltages of the pack and of the cells, and the power.
    Voltages,
    /// What it holds.
    Charge,
    /// The current, the power, and what it holds.
    Current,
    /// Everything.
    All,
}

impl About {
    /// Whether a datapoint is meant.
    pub fn covers(self, name: &str) -> bool {
        let is_charge = matches!(name, "remaining" | "soc" | "consumed" | "time_to_go");
        match self {
            Self::All => true,
            Self::Voltages => matches!(name, "voltage" | "power") || name.starts_with("cell"),
            Self::Charge => is_charge,
            Self::Current => is_charge || matches!(name, "current" | "power"),
        }
    }
}

/// What cannot be believed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Which datapoints.
    pub about: About,
    /// Why, in a sentence without its end.
    pub reason: Arc<str>,
}

/// The checks of one battery.
#[derive(Debug, Default)]
pub struct Plausibility {
    sum: Sum,
    charge: Charge,
    freeze: Freeze,
}

impl Plausibility {
    /// Takes what a poll has shown. Returns what is in doubt now.
    pub fn take(&mut self, seen: &Seen) -> Vec<Doubt> {
        let doubts = [
            self.freeze.take(seen).map(|reason| (About::All, reason)),
            self.sum.take(seen).map(|reason| (About::Voltages, reason)),
            self.charge.take(seen),
        ];
        doubts.into_iter().flatten().map(|(about, reason)| Doubt { about, reason: reason.into() }).collect()
    }

    /// The link was lost, or values are missing: what was seen before proves nothing of what comes.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}
