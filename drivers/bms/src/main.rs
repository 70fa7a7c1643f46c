//! The program: commands for people who look at a capture, named by the first argument.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("decode") {
        return fieldrail_driver_bms::decode::main();
    }
    let _ = writeln!(std::io::stderr(), "ERROR known are: decode");
    ExitCode::FAILURE
}
