//! Why something did not work, and what to try.

use fieldrail_driver::Hint;

/// What can go wrong with a configuration, a profile, a tag or an action.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key of the configuration has a value that cannot work.
    #[error("`{key}`: {reason}")]
    Config {
        /// The key, with its index in a list.
        key: String,
        /// What is wrong with it.
        reason: String,
        /// What to try.
        hint: Option<&'static str>,
    },
    /// A profile cannot be used.
    #[error("profile {profile}: {reason}")]
    Profile {
        /// Its name or path.
        profile: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such datapoint.
    #[error("there is no `{tag}`{near}")]
    NoTag {
        /// The tag, cut to 64 characters.
        tag: String,
        /// Perhaps this one was meant.
        near: String,
    },
    /// What an action was given is wrong.
    #[error("the arguments of `{action}` are wrong: {reason}")]
    Arguments {
        /// The action.
        action: String,
        /// What is wrong.
        reason: String,
    },
    /// Too many actions at once.
    #[error("{0} actions are under way already")]
    Busy(usize),
    /// Another device is being paired.
    #[error("{0} is being paired")]
    Pairing(fieldrail_link_ble::Address),
    /// Bluetooth says why.
    #[error(transparent)]
    Bluetooth(#[from] fieldrail_link_ble::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Config { hint, .. } => return *hint,
            Self::Profile { .. } => "the manual shows a profile; `profiles` lists those that come with the driver",
            Self::NoTag { .. } => "browse shows what was heard; a device that is named in the configuration stays",
            Self::Arguments { .. } => "see what the action takes",
            Self::Busy(_) => "wait until one of them has ended",
            Self::Pairing(_) => "finish that first, or wait a minute and a half",
            Self::Bluetooth(error) => return error.hint(),
        })
    }
}
