//! The program: the driver under the plugin protocol, and commands for people, named by the first argument.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("decode") => fieldrail_driver_bms::decode::main(),
        Some("simulate") => fieldrail_driver_bms::sim::command(),
        Some("table") => fieldrail_driver_bms::table::main(),
        _ => fieldrail_driver::main::<fieldrail_driver_bms::Bms>(),
    }
}
