//! mosquitto, as Debian ships it, with Debian's defaults: the broker of all contenders and the first one itself.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use super::first_line;
use crate::interrupt;
use crate::process::Started;

/// How long it may take until it listens.
const READY: Duration = Duration::from_secs(10);
/// Where Debian puts it; not in everybody's `PATH`.
const PROGRAM: &str = "/usr/sbin/mosquitto";

/// For example `mosquitto version 2.0.11`.
pub(crate) fn version() -> Result<String> {
    let program = program()?;
    first_line(&program, "-h")
}

fn program() -> Result<PathBuf> {
    let program = PathBuf::from(PROGRAM);
    ensure!(program.exists(), "{PROGRAM} is not there: apt install mosquitto");
    Ok(program)
}

/// Starts it and waits until it listens.
pub(crate) fn start(folder: &Path, port: u16) -> Result<Started> {
    fs::create_dir_all(folder)?;
    let config = folder.join("mosquitto.conf");
    // `user` matters to root only: mosquitto would change to its own user, and the kernel would then forget that it
    // has to end with the bench.
    fs::write(&config, format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n"))?;
    let mut broker = Started::spawn("mosquitto", folder, &program()?, [Path::new("-c"), &config])?;
    let listening = interrupt::wait_until(READY, || {
        broker.check()?;
        Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
    })?;
    if !listening {
        bail!("mosquitto does not listen: {}", broker.log_tail());
    }
    Ok(broker)
}
