//! The router alone beside Node-RED with the same rules: no broker, no network, one core each.
//!
//! Fieldrail's figures come from the router's own bench, a program of its own; those of Node-RED from a flow that makes the
//! messages itself, judges and scales them, and counts what comes out.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::contender::{Places, node_red};
use crate::interrupt;
use crate::machine::Machine;

/// Messages of one turn.
const MESSAGES: u64 = 100_000;
/// Messages that are under way at once.
const BATCH: u64 = 250;
/// Turns, of which the one in the middle counts.
const TURNS: u64 = 7;
/// How long all of them may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// The row of the router's own bench that is compared: as many rules as a person would write for it in Node-RED.
const COMPARED: &str = "100 routes by patterns";

/// Measures both and makes the page.
pub(crate) fn page(places: &Places, quick: bool, date: &str, command: &str) -> Result<String> {
    let machine = Machine::this();
    let (version, node) = node_red::install(&places.cache)?;
    let theirs = node_red_rate(&places.cache.join("run/Node-RED-alone"), &node)?;
    let table = own_table(&places.root, quick)?;
    let ours = rate_in(&table).context("the router's bench prints no such row as it did")?;
    let mut page = String::new();
    writeln!(page, "# The router alone\n\nMade by `{command}` on {date}; written by that program, not by hand.\n")?;
    if quick {
        writeln!(page, "**A quick run, to see that everything works. Its figures do not count.**\n")?;
    }
    writeln!(page, "{}- Node-RED: {version}\n", machine.lines())?;
    writeln!(page, "{table}")?;
    writeln!(page, "## The same rules in Node-RED\n")?;
    writeln!(
        page,
        "10,000 datapoints; each value that is greater than 0 is multiplied by 0.001 and goes on under another name. In\n\
         Node-RED that is one `switch` and one `function` for all of them, between a node that makes the messages and one that\n\
         counts and checks them; no broker, no network. The median of {TURNS} turns of {MESSAGES} messages, one core.\n"
    )?;
    writeln!(page, "| | values a second | |\n| --- | --- | --- |")?;
    writeln!(page, "| Fieldrail's router, {COMPARED} | {:.2} million | {:.0} times |", ours / 1e6, ours / theirs)?;
    writeln!(page, "| Node-RED, one flow | {:.3} million | 1 |", theirs / 1e6)?;
    Ok(page)
}

/// The table of the router's own bench.
fn own_table(root: &Path, quick: bool) -> Result<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut bench = Command::new(cargo);
    bench.current_dir(root).args(["bench", "--quiet", "--locked", "-p", "fieldrail-router", "--bench", "router", "--"]);
    bench.args(quick.then_some("--quick"));
    let ended = bench.stderr(std::process::Stdio::inherit()).output().context("cannot run cargo")?;
    ensure!(ended.status.success(), "the router's bench ended with {}", ended.status);
    String::from_utf8(ended.stdout).context("the router's bench prints no text")
}

/// Samples a second in the row that is compared.
fn rate_in(table: &str) -> Option<f64> {
    let row = table.lines().find(|line| line.contains(COMPARED))?;
    let measured = row.split('|').nth(3)?.trim().strip_suffix("million/s")?;
    measured.trim().parse::<f64>().ok().map(|millions| millions * 1e6)
}

/// Messages a second that Node-RED's runtime judges, scales and renames.
fn node_red_rate(folder: &Path, node: &Path) -> Result<f64> {
    fs::create_dir_all(folder)?;
    let report = folder.join("report.txt");
    let _ = fs::remove_file(&report);
    let mut started = node_red::start_with(node, folder, &flow())?;
    let done = interrupt::wait_until(PATIENCE, || {
        started.check()?;
        ensure!(!started.log_tail().contains("[error]"), "Node-RED says: {}", started.log_tail());
        Ok(report.exists())
    })?;
    ensure!(done, "Node-RED was not done within {} s: {}", PATIENCE.as_secs(), started.log_tail());
    let text = fs::read_to_string(&report)?;
    text.trim().parse().with_context(|| format!("Node-RED said: {text}"))
}

fn flow() -> Value {
    // A batch at a time: the sink asks for the next one, so that no queue grows.
    let source = format!(
        "if (msg.begin) {{ context.set('n', 0); flow.set('start', Date.now()); }}\n\
         let n = context.get('n');\n\
         for (let i = 0; i < {BATCH}; i++, n++) node.send({{ topic: 'in/' + n % 10000, payload: n + 1 }});\n\
         context.set('n', n);\n\
         return null;"
    );
    let scale = "msg.payload = msg.payload * 0.001;\n\
                 msg.topic = 'out/' + msg.topic.substring(3);\n\
                 return msg;";
    let sink = format!(
        "const c = context.get('c') || {{ n: 0, rates: [] }}; context.set('c', c);\n\
         c.n++;\n\
         if (msg.payload !== c.n * 0.001 || msg.topic !== 'out/' + (c.n - 1) % 10000) global.get('report')('wrong: ' + msg.topic);\n\
         if (c.n < {MESSAGES}) return c.n % {BATCH} === 0 ? {{ begin: false }} : null;\n\
         c.rates.push({MESSAGES} / ((Date.now() - flow.get('start')) / 1000));\n\
         c.n = 0;\n\
         if (c.rates.length < {TURNS}) return {{ begin: true }};\n\
         c.rates.sort((a, b) => a - b);\n\
         global.get('report')(String(c.rates[{}]));\n\
         return null;",
        TURNS / 2
    );
    json!([
        { "id": "tab", "type": "tab", "label": "bench" },
        { "id": "begin", "type": "inject", "z": "tab", "once": true, "onceDelay": 1, "repeat": "", "crontab": "",
          "props": [{ "p": "begin", "v": "true", "vt": "bool" }], "wires": [["source"]] },
        { "id": "source", "type": "function", "z": "tab", "func": source, "outputs": 1, "wires": [["condition"]],
          "libs": [] },
        { "id": "condition", "type": "switch", "z": "tab", "property": "payload", "propertyType": "msg",
          "rules": [{ "t": "gt", "v": "0", "vt": "num" }], "checkall": "true", "repair": false, "outputs": 1,
          "wires": [["scale"]] },
        { "id": "scale", "type": "function", "z": "tab", "func": scale, "outputs": 1, "wires": [["sink"]], "libs": [] },
        { "id": "sink", "type": "function", "z": "tab", "func": sink, "outputs": 1, "wires": [["source"]], "libs": [] },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_the_row_that_is_compared() {
        let row = |unit: &str| format!("| samples, {COMPARED} | ≥ 3.00 million/s | 5.38 {unit} | met |\n");
        assert_eq!(rate_in(&format!("| what | wanted |\n{}", row("million/s"))), Some(5.38e6));
        assert_eq!(rate_in(&row("thousand/s")), None);
        assert_eq!(rate_in(""), None);
    }
}
