//! What `scripts/fuzz` asks: which targets there are, and what the engine needs for one of them.
#![allow(clippy::print_stdout)] // it is asked by a script

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use fieldrail_fuzz::{TARGETS, Target, target, text};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["list"] => {
            for target in TARGETS {
                println!("{}", target.name);
            }
            Ok(())
        }
        ["prepare", name, folder] if target(name).is_some() => {
            target(name).map_or(Ok(()), |target| prepare(target, Path::new(folder)))
        }
        _ => {
            eprintln!("usage: fieldrail-fuzz list | fieldrail-fuzz prepare TARGET FOLDER");
            return ExitCode::from(2);
        }
    };
    done.map_or_else(
        |error| {
            eprintln!("{error}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

/// Writes `seeds/`, the engine's dictionary and its options. Prints the options.
fn prepare(target: &Target, folder: &Path) -> io::Result<()> {
    let seeds = folder.join("seeds");
    fs::create_dir_all(&seeds)?;
    for (nth, seed) in (target.seeds)().iter().enumerate() {
        fs::write(seeds.join(format!("{nth:04}")), seed)?;
    }
    fs::write(folder.join("words.dict"), text::dictionary(&(target.words)()))?;
    println!("-max_len={}", target.most_bytes);
    Ok(())
}
