//! The program: the driver under the plugin protocol.

fn main() {}
