//! How a driver starts: describe itself, or shake hands and run.

use std::io::{self, Write as _};
use std::process::ExitCode;

use fieldrail_wire::daemon::Welcome;
use fieldrail_wire::plugin::{Hello, State, Status};
use fieldrail_wire::{DEFAULT_CREDIT, Decoder, Encoding, FromPlugin, Manifest, PROTOCOL, ToPlugin, encode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

use crate::descriptors::{self, Protocol};
use crate::{Driver, Failure, Outbox, Port};

/// Requests that may wait for the driver; when they are full the daemon waits at the pipe.
const INBOX: usize = 256;

/// Runs the driver as a program: `--describe` prints its manifest, `--sim` runs it against a simulated device, and
/// without an argument it speaks the plugin protocol over stdin and stdout.
pub fn main<D: Driver>() -> ExitCode {
    let mut simulated = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--describe" => return describe::<D>(),
            "--sim" if D::capabilities().simulation => simulated = true,
            "--sim" => return complain(&format!("the driver `{}` has no simulated device", D::NAME)),
            other => return complain(&format!("unknown argument `{other}`; known are --describe and --sim")),
        }
    }
    // Colours and times belong to the daemon's log; the level stays on the line for it to read.
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).without_time().with_target(false).init();
    crate::panic::report();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("cannot start: {error}")),
    };
    let run = async {
        let protocol = descriptors::take().map_err(|e| {
            Failure::new(format!("stdin and stdout are no pipes: {e}"))
                .hint("this program is started by fieldrail; run it by hand with --describe only")
        })?;
        converse::<D>(protocol, simulated).await
    };
    match tokio::task::LocalSet::new().block_on(&runtime, run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => complain(&failure.message),
    }
}

fn complain(message: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "ERROR {message}");
    ExitCode::FAILURE
}

/// The driver's self-description.
fn manifest<D: Driver>() -> Manifest {
    Manifest {
        name: D::NAME.into(),
        version: D::VERSION.into(),
        description: D::DESCRIPTION.into(),
        protocol: PROTOCOL,
        program: vec![format!("fieldrail-driver-{}", D::NAME)],
        capabilities: D::capabilities(),
        permissions: D::permissions(),
        config_schema: schemars::schema_for!(D::Config).to_value(),
    }
}

fn describe<D: Driver>() -> ExitCode {
    let mut manifest = manifest::<D>();
    if let Err(mistake) = crate::form::dress(&mut manifest, D::FORM) {
        return complain(&mistake);
    }
    let written = serde_json::to_string_pretty(&manifest)
        .map_err(io::Error::from)
        .and_then(|text| writeln!(io::stdout(), "{text}"));
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Shakes hands, runs the driver, and lets its last words out.
async fn converse<D: Driver>(protocol: Protocol, simulated: bool) -> Result<(), Failure> {
    let Protocol { mut input, mut output } = protocol;
    let mut decoder = Decoder::default();
    let Some(welcome) = shake_hands::<D>(&mut decoder, &mut input, &mut output).await? else { return Ok(()) };
    let outbox = Outbox::new(if welcome.credit == 0 { DEFAULT_CREDIT } else { welcome.credit });
    let (sender, inbox) = mpsc::channel(INBOX);
    let port = Port::new(&welcome, outbox.clone(), inbox);
    let listening = tokio::task::spawn_local(listen(decoder, input, outbox.clone(), sender));
    let writer = outbox.clone();
    let speaking = tokio::task::spawn_local(async move { writer.drain(Encoding::MessagePack, output).await });
    let ended = run::<D>(welcome, port, simulated).await;
    if let Err(failure) = &ended {
        let state =
            State { status: Status::Failed, text: failure.message.clone(), hint: failure.hint.clone(), answers: false };
        outbox.say(FromPlugin::State(state));
    }
    outbox.close();
    // The daemon may be gone or slow; what it does not take within a second is lost with the process.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(1), speaking).await;
    listening.abort();
    ended
}

async fn run<D: Driver>(welcome: Welcome, port: Port, simulated: bool) -> Result<(), Failure> {
    let config = serde_path_to_error::deserialize(welcome.config).map_err(|error| {
        let place = error.path().to_string();
        let message = format!("the configuration is wrong at `{place}`: {}", error.into_inner());
        Failure::new(message).hint("compare it with the driver's schema: fieldrail schema driver:NAME")
    })?;
    let config = if simulated { D::simulate(config).await? } else { config };
    D::run(config, port).await
}

/// `hello` out, `welcome` in. None if the daemon closed the pipe without a word.
async fn shake_hands<D: Driver>(
    decoder: &mut Decoder,
    input: &mut pipe::Receiver,
    output: &mut pipe::Sender,
) -> Result<Option<Welcome>, Failure> {
    let Manifest { name, version, capabilities, .. } = manifest::<D>();
    let hello = FromPlugin::Hello(Hello { protocol: PROTOCOL, name, version, capabilities });
    let mut bytes = Vec::new();
    encode(Encoding::MessagePack, &hello, &mut bytes).map_err(|e| Failure::new(e.to_string()))?;
    output.write_all(&bytes).await.map_err(|e| Failure::new(format!("the daemon does not listen: {e}")))?;
    loop {
        match decoder.next().map_err(|e| Failure::new(format!("the daemon's answer cannot be read: {e}")))? {
            Some(ToPlugin::Welcome(welcome)) => return Ok(Some(welcome)),
            Some(ToPlugin::Refused(why)) => {
                return Err(Failure::new(format!("the daemon refuses this driver: {}", why.message)));
            }
            Some(other) => return Err(Failure::new(format!("the daemon began with {other:?}"))),
            None => {}
        }
        match input.read_buf(decoder.buffer()).await {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(Failure::new(format!("the daemon cannot be heard: {error}"))),
        }
    }
}

/// Reads what the daemon says; what concerns only the outbox never waits behind a request.
async fn listen(mut decoder: Decoder, mut input: pipe::Receiver, outbox: Outbox, inbox: mpsc::Sender<ToPlugin>) {
    loop {
        loop {
            match decoder.next() {
                Ok(None) => break,
                Ok(Some(ToPlugin::Accepted(accepted))) => outbox.accept(accepted.batch),
                Ok(Some(ToPlugin::Credit(credit))) => outbox.set_credit(credit.samples),
                Ok(Some(ToPlugin::Pause(_))) => outbox.set_paused(true),
                Ok(Some(ToPlugin::Resume(_))) => outbox.set_paused(false),
                Ok(Some(message)) => {
                    if inbox.send(message).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "The daemon cannot be understood any more.");
                    return;
                }
            }
        }
        // At the end of the stream the sender is dropped, and the port says `Stop`.
        if !matches!(input.read_buf(decoder.buffer()).await, Ok(1..)) {
            return;
        }
    }
}
