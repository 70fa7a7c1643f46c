//! Why an instance is in its state, as sentences with a code each: who knows the code can say it in another language.

/// One sentence of a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Which sentence it is; empty where only its text says so, as with the words of a plugin.
    pub code: &'static str,
    /// What stands in it, by name.
    pub with: Vec<(&'static str, String)>,
    /// The sentence in English.
    pub text: String,
}

impl Cause {
    /// A sentence that has no code.
    pub(crate) fn said(text: impl Into<String>) -> Self {
        Self { code: "", with: Vec::new(), text: text.into() }
    }

    /// A sentence with nothing in it.
    pub(crate) fn plain(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, ..Self::said(text) }
    }

    /// The same with a value in it.
    pub(crate) fn with(mut self, name: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.with.push((name, value.to_string()));
        self
    }
}
