//! The daemon.

use std::fs::{File, TryLockError};
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use fieldrail_node::settings::Settings;
use fieldrail_node::{LogLevel, Node, Options};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::arguments::{CONFINE, Folders};
use crate::door::Door;
use crate::{console, notice};

/// What the console says at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// The set-up code, if nobody has set the house up.
    House,
    /// A link that logs in once.
    Demo,
}

/// Threads of the daemon: one may be busy in the router while the other answers a browser.
const THREADS: usize = 2;

/// The stack of each: JSON from outside may nest deep enough to fill a smaller one.
const STACK: usize = 8 * 1024 * 1024;

/// Keeps the house until it is told to stop.
pub(crate) fn run(folders: &Folders, greeting: Greeting) -> Result<ExitCode> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(THREADS).thread_stack_size(STACK).enable_all().build()?;
    let end = runtime.block_on(keep(folders, greeting))?;
    drop(runtime);
    match end {
        End::Stopped => Ok(ExitCode::SUCCESS),
        // Whoever serves it starts it again.
        End::Restart if notice::is_served() => Ok(ExitCode::from(RESTART)),
        End::Restart => Err(begin_anew()),
    }
}

/// Why the daemon ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Stopped,
    /// An administrator wants it to begin anew.
    Restart,
}

/// How the daemon ends when it is to be started again: `EX_TEMPFAIL` of `sysexits.h`.
const RESTART: u8 = 75;

/// Puts the program, as it is on the disk now, in the place of this process, with the same words. Only a failure returns.
fn begin_anew() -> anyhow::Error {
    let program = std::env::current_exe().map(|program| {
        // Linux says so of a file that was replaced; the new one has its name.
        let text = program.to_string_lossy().into_owned();
        text.strip_suffix(" (deleted)").map_or(program, Into::into)
    });
    let program = match program {
        Ok(program) => program,
        Err(error) => return anyhow::Error::new(error).context("cannot find the program"),
    };
    let error = std::process::Command::new(&program).args(std::env::args_os().skip(1)).exec();
    anyhow::Error::new(error).context(format!("cannot begin {} anew", program.display()))
}

async fn keep(folders: &Folders, greeting: Greeting) -> Result<End> {
    let (config, state) = (folders.config(), folders.state());
    std::fs::create_dir_all(&state).with_context(|| format!("cannot make the folder {}", state.display()))?;
    let _house = take_house(&state)?;
    log_to_console(Settings::read(&config).log_level.as_str());
    let options = Options {
        config: absolute(&config)?,
        state: absolute(&state)?,
        plugins: folders.plugins(),
        confiner: Some(vec![CONFINE.into()]),
    };
    fieldrail_node::write_down_panics(&options.state);
    let node = Node::open(&options).map_err(with_hint)?;
    let forwarding = tokio::spawn(fieldrail_sentry::forward(Arc::clone(&node)));
    let settings = node.settings();
    let listener = listen(settings.listen).await?;
    let https = match &settings.https {
        // A house that runs without HTTPS is better than one that does not run.
        Some(https) => listen(https.listen).await.inspect_err(|error| without_https(&node, error)).ok(),
        None => None,
    };
    let address = listener.local_addr()?;
    let door = Door::open(&state, address, &node)?;
    greet(&node, address, https.as_ref().map(TcpListener::local_addr).transpose()?, greeting)?;
    notice::ready();
    let watchdog = tokio::spawn(notice::watch(Arc::clone(&node)));
    let stop = told_to_stop()?;
    let mut restarts = node.restarts();
    let told = async move {
        tokio::select! {
            () = stop => {}
            // The sender lives as long as the house.
            _ = restarts.wait_for(|restart| *restart) => tracing::info!("Stopping, to begin anew."),
        }
        notice::stopping();
    };
    let served = fieldrail_api::serve_with_https(listener, https, Arc::clone(&node), told).await;
    watchdog.abort();
    drop(door);
    forwarding.abort();
    let _ = forwarding.await;
    node.close().await;
    served.context("the web admin cannot be served")?;
    Ok(if *node.restarts().borrow() { End::Restart } else { End::Stopped })
}

fn without_https(node: &Node, error: &anyhow::Error) {
    tracing::error!("No HTTPS: {error:#}");
    node.logbook().write(LogLevel::Error, None, format!("HTTPS is not served: {error:#}"));
}

async fn listen(wanted: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(wanted).await.with_context(|| {
        format!("cannot listen on {wanted}; is another Fieldrail running, or does another program use the port?")
    })
}

/// How long a house may still be held. Of a daemon that was killed a process may be left that it was just about to start, and
/// that has what was open until it is killed too.
const STILL_HELD: Duration = Duration::from_secs(2);

/// Two daemons on one house would both write its files and both start its instances.
fn take_house(state: &Path) -> Result<File> {
    let path = state.join("house.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begun.elapsed() < STILL_HELD => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => bail!("another Fieldrail keeps this house already ({})", state.display()),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
    }
}

fn absolute(folder: &Path) -> Result<std::path::PathBuf> {
    std::path::absolute(folder).with_context(|| format!("cannot find {}", folder.display()))
}

fn with_hint(error: fieldrail_node::Error) -> anyhow::Error {
    let hint = error.hint();
    let error = anyhow::Error::new(error);
    match hint {
        Some(hint) => error.context(hint),
        None => error,
    }
}

/// At the configured level, unless the environment says otherwise.
fn log_to_console(level: &str) {
    let filter = EnvFilter::try_from_env("FIELDRAIL_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let console = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    console.with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal()).init();
}

fn greet(node: &Node, address: SocketAddr, secure: Option<SocketAddr>, greeting: Greeting) -> Result<()> {
    console::line(format_args!("Fieldrail keeps the house. Web admin: http://{address}/"))?;
    if let Some(secure) = secure {
        console::line(format_args!("Over HTTPS: https://{secure}/"))?;
    }
    if greeting == Greeting::Demo {
        console::line(format_args!("Log in once with: http://{address}/#/login?once={}", node.people().login_link()))?;
    } else if let Some(code) = node.people().setup_code() {
        console::line(format_args!("Nobody has set this house up yet. Open the web admin and enter the code {code}"))?;
    }
    Ok(())
}

/// Ends at the first SIGTERM or Ctrl-C.
fn told_to_stop() -> Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("Stopping.");
    })
}
