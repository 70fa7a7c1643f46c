//! The daemon and its command line: `fieldrail run` keeps a house, the other commands look at one or help to write one.
//!
//! Read in this order: [`arguments`] what can be typed, [`run`] the daemon, [`demo`] the house it shows itself with,
//! [`offline`] commands on files, [`online`] commands that ask a running daemon, [`rules`] those about the router, [`top`] the instances at work, [`notice`] what systemd is told, [`client`] how they reach it, [`console`] what they print.

mod arguments;
mod client;
mod console;
mod demo;
mod door;
mod notice;
mod offline;
mod online;
mod rules;
mod run;
mod top;

use std::process::ExitCode;

use anyhow::Context as _;
use arguments::{Arguments, Command, Confine};
use clap::Parser as _;

fn main() -> ExitCode {
    let Arguments { folders, command } = Arguments::parse();
    let done = match command {
        Command::Run => run::run(&folders, run::Greeting::House),
        Command::Demo => demo::demo(folders),
        Command::Check(options) => offline::check(&folders, &options),
        Command::Schema(options) => offline::schema(&folders, &options),
        Command::Token(command) => offline::token(&folders, command),
        Command::Tap(options) => online::block_on(online::tap(&folders, &options)),
        Command::Write(options) => online::block_on(online::write(&folders, &options)),
        Command::Pulse(options) => online::block_on(online::pulse(&folders, &options)),
        Command::Browse(options) => online::block_on(online::browse(&folders, &options)),
        Command::Top(options) => online::block_on(top::top(&folders, &options)),
        Command::Explain(options) => online::block_on(rules::explain(&folders, &options)),
        Command::Record(options) => online::block_on(rules::record(&folders, &options)),
        Command::Confine(options) => confine(&options),
        Command::Plan(options) => rules::plan(&folders, &options),
    };
    done.unwrap_or_else(|error| {
        if console::is_hang_up(&error) {
            return ExitCode::SUCCESS;
        }
        eprintln!("fieldrail: {error:#}");
        ExitCode::FAILURE
    })
}

/// Becomes a plugin's program behind walls; comes back only if that fails.
fn confine(Confine { orders, program }: &Confine) -> anyhow::Result<ExitCode> {
    let (program, arguments) = program.split_first().context("which program?")?;
    let Err(error) = fieldrail_node::confine(orders, program, arguments);
    Err(error).with_context(|| format!("{} cannot be started", program.display()))
}
