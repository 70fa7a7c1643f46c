//! The program: commands for people who look at a capture, named by the first argument.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("decode") => fieldrail_driver_bms::decode::main(),
        _ => {
            let _ = writeln!(std::io::stderr(), "ERROR known are: decode");
            ExitCode::FAILURE
        }
    }
}
