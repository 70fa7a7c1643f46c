//! `fieldrail-driver-bms simulate`: a battery on a pseudo-terminal or a TCP port, for whoever wants to try a connection.
//!
//! The first line that it prints is where it plays. Each line that it reads is a JSON object that changes what plays (see
//! [`Change`]) and is answered with `ok` or the mistake. It ends with its input.

use std::io::{self, BufRead as _, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;

use super::line::Place;
use super::{Bus, Change, DEVICES, Faults, Line, battery};

/// What can be said on the command line.
#[derive(Debug, Parser)]
#[command(name = "fieldrail-driver-bms simulate", about = "Plays a battery on a pseudo-terminal", long_about = None)]
struct Arguments {
    /// The battery: daly, jbd, victron or ant.
    #[arg(long)]
    device: String,
    /// Its protocol; the usual one unless given.
    #[arg(long)]
    variant: Option<String>,
    /// How many packs are on the line, at the addresses from 1.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    packs: u8,
    /// How many cells each has.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u8).range(1..=32))]
    cells: u8,
    /// Play as a TCP serial server here, in place of a pseudo-terminal.
    #[arg(long)]
    tcp: Option<SocketAddr>,
    /// Send back what was asked, as many RS485 adapters do.
    #[arg(long)]
    echo: bool,
    /// Send each frame in pieces.
    #[arg(long)]
    split: bool,
    /// Send random bytes before each frame.
    #[arg(long)]
    noise: bool,
    /// End one frame of so many in its middle.
    #[arg(long, default_value_t = 0)]
    cut: u32,
    /// Turn a bit in one frame of so many.
    #[arg(long, default_value_t = 0)]
    flip: u32,
}

/// The command, with the arguments of the program: plays until its input ends.
pub fn command() -> ExitCode {
    let arguments = match Arguments::try_parse_from(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match play(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(mistake) => {
            let _ = writeln!(io::stderr(), "ERROR {mistake}");
            ExitCode::FAILURE
        }
    }
}

fn play(arguments: &Arguments) -> Result<(), String> {
    let Arguments { device, variant, packs, cells, tcp, echo, split, noise, cut, flip } = arguments;
    let known = || {
        let names = DEVICES.map(|(name, variants)| format!("{name} ({})", variants.join(", ")));
        format!("nothing like that can play; what can: {}", names.join(", "))
    };
    let one = |number: u8| battery(device, variant.as_deref(), number, usize::from(*cells));
    let batteries = (1..=*packs).map(one).collect::<Option<Vec<_>>>().ok_or_else(known)?;
    let faults = Faults { echo: *echo, split: *split, noise: *noise, cut_every: *cut, flip_every: *flip };
    let bus = Bus::new(batteries, faults);
    let line = match tcp {
        Some(address) => Line::on_tcp(bus, *address),
        None => Line::on_port(bus),
    };
    let line = line.map_err(|error| format!("the line cannot be opened: {error}"))?;
    match line.place() {
        Place::Port(path) => say(&path.display().to_string()),
        Place::Tcp(address) => say(&address.to_string()),
    }
    for text in io::stdin().lock().lines() {
        let Ok(text) = text else { return Ok(()) };
        match serde_json::from_str::<Change>(&text) {
            Ok(change) => {
                line.change(&change);
                say("ok");
            }
            Err(error) => say(&error.to_string()),
        }
    }
    Ok(())
}

fn say(text: &str) {
    let mut out = io::stdout();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
