//! The workspace as `cargo metadata` sees it, and its sources as code: for the tests of its layout.

mod source;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

pub use source::{Source, sources, sources_without_tests};

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_owned()
}

/// The answer of `cargo metadata` with all features, as `deny.toml` looks at it, from what lies on this machine.
///
/// # Panics
/// `cargo` cannot read the workspace.
pub fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--offline", "--all-features", "--format-version", "1"]).current_dir(root());
    let answer = command.output().expect("cargo starts");
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    serde_json::from_slice(&answer.stdout).expect("cargo metadata is JSON")
}
