//! The program: the driver under the plugin protocol.

fn main() -> std::process::ExitCode {
    fieldrail_driver::main::<fieldrail_driver_bluetooth::Driver>()
}
