//! A driver of the SDK that panics as soon as it is told to write: for the test of what becomes of a panic.

use std::process::ExitCode;

use fieldrail_driver::{Capabilities, Driver, Failure, Port, Request, State};

struct Panics;

/// Nothing is configured.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {}

impl Driver for Panics {
    const NAME: &'static str = "panics";
    const VERSION: &'static str = "3.1.4";
    const DESCRIPTION: &'static str = "Panics when it is told to write.";
    type Config = Config;

    fn capabilities() -> Capabilities {
        Capabilities { write: true, ..Capabilities::default() }
    }

    async fn run(_: Config, mut port: Port) -> Result<(), Failure> {
        port.state(State::Connected, "");
        loop {
            match port.next().await {
                Request::Stop => return Ok(()),
                Request::Write(_) => falls(&[1, 2, 3]),
                other => port.refuse(other),
            }
        }
    }
}

#[inline(never)]
fn falls(registers: &[u16]) {
    let number = registers.len() + 7;
    let _ = registers.get(number).unwrap_or_else(|| panic!("there is no register {number} of {}", registers.len()));
}

fn main() -> ExitCode {
    fieldrail_driver::main::<Panics>()
}
