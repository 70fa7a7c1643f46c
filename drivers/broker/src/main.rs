//! The program; see the library.

fn main() -> std::process::ExitCode {
    fieldrail_driver::main::<fieldrail_driver_broker::Broker>()
}
