//! Plugins of the bench that take what they can get: this very program, started by the daemon.

use std::io::{BufRead as _, BufReader, Write as _, stdin, stdout};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// Samples in one batch of the flood.
const BATCH: usize = 1000;
/// Bytes of one step of the leak, and the pause after it: 100 MB a second.
const LEAK_BYTES: usize = 1 << 20;
const LEAK_PAUSE: Duration = Duration::from_millis(10);

/// Makes a folder of plugins with this program as the only one.
pub(crate) fn install(plugins: &Path) -> Result<()> {
    let folder = plugins.join("rogue");
    std::fs::create_dir_all(&folder)?;
    let program = std::env::current_exe()?;
    let manifest = json!({
        "name": "rogue", "version": "1.0.0", "description": "Takes what it can get; for the bench.", "protocol": [1, 1],
        "program": [program, "rogue"], "config_schema": { "type": "object" } });
    std::fs::write(folder.join("manifest.json"), manifest.to_string())?;
    Ok(())
}

/// Samples that may still be sent.
#[derive(Default)]
struct Room {
    accepted: Mutex<u64>,
    news: Condvar,
}

/// Plays the plugin whose mode its configuration names.
pub(crate) fn run() -> Result<()> {
    say(&json!({ "hello": { "protocol": [1, 1], "name": "rogue" } }))?;
    let mut input = BufReader::new(stdin());
    let mut line = String::new();
    input.read_line(&mut line)?;
    let welcome: Value = serde_json::from_str(&line)?;
    let welcome = welcome.get("welcome").context("the daemon does not greet")?.clone();
    say(&json!({ "state": { "status": "connected" } }))?;
    let room = Arc::new(Room::default());
    let told = Arc::clone(&room);
    thread::spawn(move || {
        for line in input.lines().map_while(Result::ok) {
            let batch =
                serde_json::from_str::<Value>(&line).ok().and_then(|message| message["accepted"]["batch"].as_u64());
            if let Some(batch) = batch {
                *told.accepted.lock().unwrap_or_else(PoisonError::into_inner) = batch;
                told.news.notify_one();
            }
        }
        std::process::exit(0);
    });
    if welcome["config"]["mode"] == "leak" {
        leak();
    }
    flood(&room, welcome["credit"].as_u64().unwrap_or(1) / BATCH as u64)
}

fn say(message: &Value) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{message}")?;
    Ok(out.flush()?)
}

fn leak() -> ! {
    thread::sleep(Duration::from_secs(2));
    let mut kept = Vec::new();
    let begun = Instant::now();
    loop {
        kept.push(vec![1_u8; LEAK_BYTES]);
        let due = LEAK_PAUSE * u32::try_from(kept.len()).unwrap_or(u32::MAX);
        thread::sleep(due.saturating_sub(begun.elapsed()));
    }
}

/// As many samples as the daemon takes.
fn flood(room: &Room, most: u64) -> Result<()> {
    let items: Vec<Value> = (0..BATCH).map(|n| json!({ "tag": format!("noise/{}", n % 3), "value": n })).collect();
    let tail = format!(",\"items\":{}}}}}\n", Value::from(items));
    let mut out = stdout().lock();
    for batch in 1.. {
        let mut accepted = room.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        while batch - *accepted > most {
            accepted = room.news.wait(accepted).unwrap_or_else(PoisonError::into_inner);
        }
        drop(accepted);
        write!(out, "{{\"samples\":{{\"batch\":{batch}{tail}")?;
        if batch % 100 == 0 {
            writeln!(out, "{}", json!({ "progress": { "turns": batch } }))?;
        }
        out.flush()?;
    }
    Ok(())
}
