//! Why something did not work, in words for a person.

use std::error::Error;

/// A message with a hint. Any error becomes one; its causes are joined with colons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What failed, with its values.
    pub message: String,
    /// What to try.
    pub hint: Option<String>,
    /// Whether the very same may work later, so that a value that must not be lost is written again.
    pub again: bool,
}

/// An error that knows what to try.
pub trait Hint: Error {
    /// What to try, shown under the message.
    fn hint(&self) -> Option<&'static str> {
        None
    }
}

impl Failure {
    /// A failure with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, again: false }
    }

    /// The same, where the very same may work later: the link was down, the device was busy.
    #[must_use]
    pub fn again(mut self) -> Self {
        self.again = true;
        self
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl<E: Hint> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        Self { message, hint: error.hint().map(Into::into), again: false }
    }
}

impl From<Failure> for fieldrail_wire::plugin::Failure {
    fn from(failure: Failure) -> Self {
        Self { message: failure.message, hint: failure.hint, again: failure.again }
    }
}
