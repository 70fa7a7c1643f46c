//! Commands about the router: why, what happens on the way, and what other rules would do.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use fieldrail_node::PlanExample;
use futures_util::StreamExt as _;
use hyper::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::arguments::{Explain, Folders, Plan, Record, Tap};
use crate::client::{Client, query};
use crate::{console, online};

/// The exit code of a plan with differences.
const DIFFERENT: u8 = 2;

fn time(ms: i64) -> String {
    let since = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + since).to_string()
}

fn value(value: &Value) -> String {
    let quality = value["quality"].as_str().unwrap_or("?");
    let note = value["note"].as_str().map(|note| format!(", {note}")).unwrap_or_default();
    format!("{} ({quality}{note}) at {}", value["value"], time(value["time_ms"].as_i64().unwrap_or(0)))
}

/// Says why a datapoint has its value.
pub(crate) async fn explain(folders: &Folders, options: &Explain) -> Result<ExitCode> {
    let client = Client::find(&folders.state())?;
    let path = format!("/api/router/explain?address={}", query(&options.address));
    let answer = client.ask(Method::GET, &path, None).await?;
    if options.json {
        console::line(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let word = |key: &str| answer[key].as_str().unwrap_or("").to_owned();
    console::line(word("address"))?;
    for (label, key) in [("says", "sample"), ("was sent", "sent")] {
        if !answer[key].is_null() {
            console::line(format_args!("  {label} {}", value(&answer[key])))?;
        }
    }
    console::line(format_args!("  {}", word("because")))?;
    for writer in answer["writers"].as_array().into_iter().flatten() {
        print_writer(writer)?;
    }
    let readers: Vec<&str> = answer["readers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !readers.is_empty() {
        console::line(format_args!("  It is taken by {}.", readers.join(", ")))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_writer(writer: &Value) -> Result<()> {
    let word = |key: &str| writer[key].as_str().unwrap_or("").to_owned();
    let sign = if writer["won"] == true { "*" } else { " " };
    console::line(format_args!("{sign} route {} from {}", word("route"), word("source")))?;
    if !writer["sample"].is_null() {
        console::line(format_args!("      {}", value(&writer["sample"])))?;
    }
    if !word("condition").is_empty() {
        console::line(format_args!("      condition {}", word("condition")))?;
    }
    for step in writer["steps"].as_array().into_iter().flatten() {
        let made = if step["value"].is_null() { String::new() } else { format!(" = {}", step["value"]) };
        console::line(format_args!("      | {}{made}", step["step"].as_str().unwrap_or("?")))?;
    }
    console::line(format_args!("      {}", word("because")))?;
    if !word("last_error").is_empty() {
        console::line(format_args!("      last error: {}", word("last_error")))?;
    }
    Ok(())
}

/// Follows values on their way through the router.
pub(crate) async fn tap(folders: &Folders, options: &Tap) -> Result<ExitCode> {
    let wish = json!({ "patterns": options.addresses, "stages": options.stage, "route": options.route });
    let events = |message: &Value| {
        if let Some(missed) = message["missed"].as_u64() {
            eprintln!("{missed} more were not shown: they came too fast");
        }
        message["tapped"].as_array().cloned()
    };
    online::follow(folders, "/api/router/tap", &wish, options, events, print_event).await
}

fn print_event(event: &Value, as_json: bool) -> Result<()> {
    if as_json {
        return console::line(event);
    }
    let word = |key: &str| event[key].as_str().unwrap_or("").to_owned();
    let route = if word("route").is_empty() { String::new() } else { format!(" [{}]", word("route")) };
    let step = event["step"].as_u64().map(|step| format!(" {step}")).unwrap_or_default();
    let target = if word("target").is_empty() { String::new() } else { format!(" -> {}", word("target")) };
    let dropped = if word("dropped").is_empty() { String::new() } else { format!(" ({})", word("dropped")) };
    console::line(format_args!(
        "{}  {}{step}{dropped}{route}  {}{target} = {}  {}",
        time(event["time_ms"].as_i64().unwrap_or(0)),
        word("stage"),
        word("source"),
        event["value"],
        word("quality"),
    ))
}

/// Records what comes in.
pub(crate) async fn record(folders: &Folders, options: &Record) -> Result<ExitCode> {
    let mut socket = Client::find(&folders.state())?.socket("/api/router/record").await?;
    let file = std::fs::File::create(&options.file);
    let mut file = file.with_context(|| format!("cannot write {}", options.file.display()))?;
    let end = async {
        match options.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => drop(tokio::signal::ctrl_c().await),
        }
    };
    tokio::pin!(end);
    let (most, mut written) = (options.most.saturating_mul(1_000_000), 0_u64);
    while written < most {
        let message = tokio::select! {
            () = &mut end => break,
            message = socket.next() => message.context("the daemon ended the recording")??,
        };
        match message {
            Message::Binary(piece) => {
                file.write_all(&piece).with_context(|| format!("cannot write {}", options.file.display()))?;
                written += piece.len() as u64;
            }
            Message::Text(text) => {
                let message: Value = serde_json::from_str(&text)?;
                bail!("{}", message["error"]["detail"].as_str().unwrap_or("the daemon ended the recording"));
            }
            Message::Close(_) => bail!("the daemon ended the recording"),
            _ => {}
        }
    }
    file.sync_all().with_context(|| format!("cannot write {}", options.file.display()))?;
    console::line(format_args!("{} bytes in {}", written, options.file.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Says what other rules would have made of a recording. The exit code is 2 if that is something else.
pub(crate) fn plan(folders: &Folders, options: &Plan) -> Result<ExitCode> {
    let shows = std::io::stderr().is_terminal();
    let progress = |read: u64, total: u64| {
        if shows {
            eprint!("\r{} %", read * 100 / total.max(1));
        }
    };
    let plan = fieldrail_node::plan(&folders.config(), &folders.plugins(), &options.rules, &options.from, progress)
        .map_err(|error| {
            let hint = error.hint();
            let error = anyhow::Error::new(error);
            match hint {
                Some(hint) => error.context(hint),
                None => error,
            }
        })?;
    if shows {
        eprint!("\r      \r");
    }
    let code = if plan.changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) };
    if options.json {
        console::line(serde_json::to_string_pretty(&plan)?)?;
        return Ok(code);
    }
    for target in &plan.changes {
        let counts = format!("{} changed, {} gone, {} new", target.changed, target.gone, target.new);
        console::line(format_args!(
            "~ {}: {counts} ({} before, {} after)",
            target.address, target.before, target.after
        ))?;
        for example in &target.examples {
            print_example(example)?;
        }
    }
    let span = plan.from_ms.zip(plan.to_ms).map(|(from, to)| format!(" from {} to {}", time(from), time(to)));
    console::line(format_args!("{} samples{}, in {:.1} s", plan.samples, span.unwrap_or_default(), plan.seconds))?;
    console::line(format_args!("{} outputs differ, {} do not", plan.changes.len(), plan.unchanged))?;
    if let Some(cut) = &plan.cut {
        console::line(format_args!("note: {cut}"))?;
    }
    Ok(code)
}

fn print_example(example: &PlanExample) -> Result<()> {
    let side = |value: &Option<_>, quality: &Option<_>| match (value, quality) {
        (Some(value), Some(quality)) => format!("{value} ({quality})"),
        _ => "nothing".to_owned(),
    };
    let before = side(&example.before, &example.before_quality);
    let after = side(&example.after, &example.after_quality);
    console::line(format_args!("    {}  {before} -> {after}", time(example.time_ms)))
}
