//! Ctrl-C and a termination signal set a flag that every wait looks at; the guards then end what was started.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{io, thread};

use anyhow::{Result, bail};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Longest time that any wait of the bench sleeps before it looks at the flag again.
const GLANCE: Duration = Duration::from_millis(20);

/// How long a second signal counts as the same one: `timeout` sends each twice.
const SAME: Duration = Duration::from_secs(1);

/// Listens for the rest of the program. A second wish ends the program at once; the kernel then ends its children.
pub(crate) fn listen() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            let mut first = None;
            loop {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
                ASKED.store(true, Ordering::Relaxed);
                if first.get_or_insert_with(Instant::now).elapsed() > SAME {
                    std::process::exit(130);
                }
            }
        });
    })?;
    Ok(())
}

/// Whether somebody asked the bench to stop.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// An error once somebody asked the bench to stop.
pub(crate) fn check() -> Result<()> {
    if asked() {
        bail!("interrupted");
    }
    Ok(())
}

/// Waits for `done`, at most `patience`; tells whether it came true.
pub(crate) fn wait_until(patience: Duration, mut done: impl FnMut() -> Result<bool>) -> Result<bool> {
    let until = Instant::now() + patience;
    loop {
        check()?;
        if done()? {
            return Ok(true);
        }
        if Instant::now() >= until {
            return Ok(false);
        }
        thread::sleep(GLANCE);
    }
}

/// Rests for `time`.
pub(crate) fn rest(time: Duration) -> Result<()> {
    wait_until(time, || Ok(false)).map(|_| ())
}
