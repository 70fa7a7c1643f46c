//! A simulated PLC as large as they come, for `make bench`, and for looking at a large tree by hand:
//! `cargo run --release -p fieldrail-driver-ads --example large -- 127.0.0.1:48898 1000`
//!
//! It listens at the address (port 0 takes a free one), says so in one line, and lets so many of its 10,000 polled
//! variables change every 100 ms.
#![allow(missing_docs)]

mod plant;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;

use fieldrail_driver_ads::sim::{Server, SharedPlc};
use tokio::runtime::Builder;
use tokio::time::interval;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let wrong = || io::Error::other("two arguments are wanted: an address with a port, and how many variables change");
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or_else(wrong);
    let address: SocketAddr = next()?.parse().map_err(|_| wrong())?;
    let changing: usize = next()?.parse().map_err(|_| wrong())?;
    Builder::new_current_thread().enable_all().build()?.block_on(serve(address, changing))
}

async fn serve(address: SocketAddr, changing: usize) -> io::Result<()> {
    let plc = SharedPlc::new(plant::plc());
    let server = Server::start(plc.clone(), address, SocketAddr::from((address.ip(), 0))).await?;
    writeln!(io::stdout(), "listening {}", server.address)?;
    io::stdout().flush()?;
    let mut play = plant::Play::new(plc);
    let mut cycle = interval(plant::CYCLE);
    loop {
        cycle.tick().await;
        play.cycle(changing);
    }
}
