//! `fieldrail top`: what the box, the daemon and the instances take, as a table that is drawn anew each second.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use hyper::Method;
use serde_json::{Value, json};

use crate::arguments::{Folders, Top};
use crate::client::Client;
use crate::console;

/// Clears the screen and goes to its corner.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Looks again and again, or once.
pub(crate) async fn top(folders: &Folders, options: &Top) -> Result<ExitCode> {
    let client = Client::find(&folders.state())?;
    loop {
        let status = client.ask(Method::GET, "/api/system/status", None).await?;
        let instances = client.ask(Method::GET, "/api/admin/instances", None).await?["items"].take();
        let alarms = client.ask(Method::GET, "/api/alarms?limit=1", None).await?;
        if options.json {
            let count = |key: &str| alarms[key].clone();
            let alarms = json!({ "active": count("active_count"), "unacknowledged": count("unacknowledged_count") });
            console::line(json!({ "status": status, "instances": instances, "alarms": alarms }))?;
        } else {
            let clear = if !options.once && std::io::stdout().is_terminal() { CLEAR } else { "" };
            console::line(format_args!("{clear}{}", screen(&status, &instances, &alarms)))?;
        }
        if options.once {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(Duration::from_secs(options.every)).await;
    }
}

/// Everything as text.
fn screen(status: &Value, instances: &Value, alarms: &Value) -> String {
    let mut text = String::new();
    let (the_box, daemon) = (&status["box"], &status["daemon"]);
    let _ = writeln!(
        text,
        "box     cpu {:>5} %  memory {} of {} MB  load {}{}",
        number(&the_box["cpu_percent"], 0),
        number(&the_box["memory_mb"], 0),
        number(&the_box["memory_total_mb"], 0),
        number(&the_box["load_1m"], 2),
        disks(the_box),
    );
    let _ = writeln!(
        text,
        "daemon  cpu {:>5} %  memory {} MB  up {} s  alarms {} active, {} not acknowledged",
        number(&daemon["cpu_percent"], 1),
        number(&daemon["memory_mb"], 1),
        status["uptime_s"],
        alarms["active_count"],
        alarms["unacknowledged_count"],
    );
    for trouble in status["troubles"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "        {}", plain(trouble.as_str().unwrap_or("?"), 200));
    }
    let _ = writeln!(
        text,
        "\n{:<28} {:<18} {:>7} {:>9} {:>6} {:>9} {:>9} {:>8} {:>6}",
        "instance", "state", "cpu %", "memory MB", "held %", "in/s", "out/s", "restarts", "errors"
    );
    for instance in instances.as_array().into_iter().flatten() {
        let word = |key: &str, most: usize| plain(instance[key].as_str().unwrap_or("?"), most);
        let _ = writeln!(
            text,
            "{:<28} {:<18} {:>7} {:>9} {:>6} {:>9} {:>9} {:>8} {:>6}",
            word("id", 28),
            word("state", 18),
            number(&instance["cpu_percent"], 1),
            number(&instance["memory_mb"], 1),
            number(&instance["throttled_percent"], 0),
            number(&instance["rate_in"], 1),
            number(&instance["rate_out"], 1),
            instance["restarts"],
            instance["errors"],
        );
    }
    text.truncate(text.trim_end().len());
    text
}

fn disks(the_box: &Value) -> String {
    let disk = |disk: &Value| {
        let note =
            if disk["state"] == "ok" { String::new() } else { format!(" ({})", disk["state"].as_str().unwrap_or("?")) };
        format!("  {} {} MB free{note}", disk["name"].as_str().unwrap_or("?"), disk["free_mb"])
    };
    the_box["disks"].as_array().into_iter().flatten().map(disk).collect()
}

/// A figure, or a dash where there is none.
fn number(value: &Value, digits: usize) -> String {
    value.as_f64().map_or_else(|| "-".to_owned(), |number| format!("{number:.digits$}"))
}

/// External text without anything that moves the cursor.
fn plain(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_measured_is_a_dash_and_no_text_moves_the_cursor() {
        let disk = json!({ "name": "state", "free_mb": 12, "state": "low" });
        let status = json!({ "uptime_s": 7, "daemon": { "cpu_percent": 1.26 }, "box": { "disks": [disk] }, "troubles": ["a\x1b[2Jb"] });
        let instances = json!([{ "id": "plc_001", "state": "running", "cpu_percent": 2.52, "rate_in": 2.0, "restarts": 1, "errors": 0 }]);
        let alarms = json!({ "active_count": 2, "unacknowledged_count": 1 });
        let text = screen(&status, &instances, &alarms);
        assert!(!text.contains('\x1b'), "{text}");
        assert!(
            text.contains("state 12 MB free (low)") && text.contains("alarms 2 active, 1 not acknowledged"),
            "{text}"
        );
        let row = text.lines().last().unwrap().split_whitespace().collect::<Vec<_>>();
        assert_eq!(row, ["plc_001", "running", "2.5", "-", "-", "2.0", "-", "1", "0"]);
    }
}
