//! `BlueZ` as python-dbusmock plays it, on a bus of its own: `tests/peers/bluez/bluez.py` says what it can be told.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// `BlueZ`, played. It ends with this value.
pub struct Bluez {
    child: Child,
    /// Closed, it ends itself and its bus.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// The D-Bus address of its bus.
    pub bus: String,
    _folder: TempDir,
}

impl Bluez {
    /// Starts it; it plays when this returns.
    pub fn start() -> Self {
        let top = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let python = top.join("target/peers/bluez/bin/python");
        assert!(python.exists(), "{} is missing: `scripts/need test` installs it", python.display());
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let mut command = Command::new(python);
        command.arg(top.join("tests/peers/bluez/bluez.py")).arg(folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("python starts");
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("its output is piped"));
        let mut bluez = Self { child, input, output: BufReader::new(output), bus: String::new(), _folder: folder };
        let ready = bluez.line();
        ready.strip_prefix("ready ").unwrap_or_else(|| panic!("it said {ready:?}")).clone_into(&mut bluez.bus);
        bluez
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it says lines of text");
        line.trim().to_owned()
    }

    /// Tells it something; what it answers.
    pub fn tell(&mut self, command: &Value) -> String {
        let input = self.input.as_mut().expect("it is open until it ends");
        writeln!(input, "{command}").expect("it listens");
        self.line()
    }
}

impl Drop for Bluez {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
