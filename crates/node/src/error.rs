//! Why something a user asked for did not happen.

use fieldrail_store::{EditError, FileError};

use crate::people::Role;

/// The façade's one error. Each kind is one HTTP status for the API, one exit code for the command line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was named does not exist.
    #[error("{0}")]
    NotFound(String),
    /// Nobody, or not the one they say they are.
    #[error("{0}")]
    Unauthorised(String),
    /// Somebody, who may not.
    #[error("this needs the role {needs:?}; yours is {has:?}")]
    Forbidden {
        /// The least role that may.
        needs: Role,
        /// The role of the one who asked.
        has: Role,
    },
    /// A token that does not reach this address.
    #[error("this token does not reach `{0}`")]
    OutOfScope(String),
    /// A widget protects this datapoint.
    #[error("a widget protects `{address}`")]
    Protected {
        /// The datapoint.
        address: String,
        /// What to do instead.
        hint: &'static str,
    },
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// Somebody else changed it since it was read.
    #[error("{0} was changed by somebody else since you read it")]
    Changed(String),
    /// The input is wrong.
    #[error("{message}")]
    Invalid {
        /// What is wrong, with its values.
        message: String,
        /// What would be right.
        hint: Option<String>,
        /// Where: a key path such as `config.port`.
        key: Option<String>,
    },
    /// Too often.
    #[error("too many tries; try again in {retry_after_s} s")]
    TooMany {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// An instance that has to do it does not run, or did not answer.
    #[error("{message}")]
    Unavailable {
        /// What is not available, and why.
        message: String,
        /// What to try.
        hint: Option<String>,
    },
    /// What was to be saved is wrong at this place, or could not be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file on disk is broken, so it is not edited.
    #[error("{0}; nothing was changed")]
    Broken(FileError),
    /// A fault of Fieldrail itself.
    #[error("{0}")]
    Internal(String),
}

/// The façade's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Wrong input, with what would be right.
    pub fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), hint: Some(hint.into()), key: None }
    }

    /// Wrong input at this key.
    pub fn invalid_at(key: impl Into<String>, message: impl Into<String>, hint: Option<String>) -> Self {
        Self::Invalid { message: message.into(), hint, key: Some(key.into()) }
    }

    /// Why an edit of this file did not happen.
    pub fn from_edit(file: &str, error: EditError<Self>) -> Self {
        match error {
            EditError::Broken(error) => Self::Broken(error),
            EditError::Outdated { .. } | EditError::Changed => Self::Changed(file.into()),
            EditError::Refused(error) => error,
            EditError::Invalid(error) | EditError::Write(error) => Self::File(error),
        }
    }

    /// Not available, with what to try.
    pub fn unavailable(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Unavailable { message: message.into(), hint: Some(hint.into()) }
    }

    /// What to try.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Invalid { hint, .. } | Self::Unavailable { hint, .. } => hint.clone(),
            Self::File(error) | Self::Broken(error) => error.hint().map(Into::into),
            Self::Changed(_) => Some("read it again, then repeat your change".into()),
            Self::Forbidden { .. } => Some("ask an administrator of this house".into()),
            Self::Protected { hint, .. } => Some((*hint).into()),
            Self::OutOfScope(_) => Some("make a token whose scope holds this address: fieldrail token".into()),
            _ => None,
        }
    }
}
