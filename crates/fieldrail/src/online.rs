//! Commands that ask a running daemon.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::arguments::{Browse, Folders, Pulse, Tap, Write};
use crate::client::{Client, query};
use crate::{console, rules};

/// Runs a command to its end.
pub(crate) fn block_on(command: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

/// Follows live values.
pub(crate) async fn tap(folders: &Folders, options: &Tap) -> Result<ExitCode> {
    if !options.stage.is_empty() || options.route.is_some() {
        return rules::tap(folders, options).await;
    }
    let wanted = json!({ "subscribe": options.addresses });
    let values = |message: &Value| message["snapshot"].as_array().or_else(|| message["delta"].as_array()).cloned();
    follow(folders, "/api/live", &wanted, options, values, print_value).await
}

/// Says what is wanted over a WebSocket, and prints what comes, as long as the options say.
pub(crate) async fn follow(
    folders: &Folders,
    path: &str,
    wanted: &Value,
    options: &Tap,
    items: impl Fn(&Value) -> Option<Vec<Value>>,
    print: impl Fn(&Value, bool) -> Result<()>,
) -> Result<ExitCode> {
    let mut socket = Client::find(&folders.state())?.socket(path).await?;
    socket.send(Message::text(wanted.to_string())).await?;
    let end = async {
        match options.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    let mut left = options.count.unwrap_or(u64::MAX);
    while left > 0 {
        let message = tokio::select! {
            () = &mut end => return Ok(ExitCode::SUCCESS),
            message = socket.next() => message.with_context(|| format!("the daemon closed {path}"))??,
        };
        let Message::Text(text) = message else { continue };
        let message: Value = serde_json::from_str(&text)?;
        if let Some(detail) = message["error"]["detail"].as_str() {
            bail!("{detail}");
        }
        for item in items(&message).iter().flatten() {
            if left > 0 {
                print(item, options.json)?;
                left -= 1;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_value(point: &Value, as_json: bool) -> Result<()> {
    if as_json {
        return console::line(point);
    }
    let ms = point["source_ms"].as_u64().unwrap_or(0);
    let time = humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + Duration::from_millis(ms));
    let quality = point["quality"].as_str().unwrap_or("?");
    let reason = match (point["reason"].as_str().unwrap_or(""), point["note"].as_str()) {
        ("", None) => String::new(),
        (reason, None) => format!(":{reason}"),
        (reason, Some(note)) => format!(":{reason} ({note})"),
    };
    console::line(format_args!(
        "{time}  {} = {}  {quality}{reason}",
        point["address"].as_str().unwrap_or("?"),
        point["value"]
    ))
}

/// Writes a value.
pub(crate) async fn write(folders: &Folders, options: &Write) -> Result<ExitCode> {
    let client = Client::find(&folders.state())?;
    let value: Value = serde_json::from_str(&options.value).unwrap_or_else(|_| Value::String(options.value.clone()));
    let mut body = json!({ "address": options.address, "value": value });
    if let Some(ttl) = options.ttl {
        body["ttl_ms"] = ttl.into();
    }
    let result = client.ask(Method::POST, "/api/datapoint/write", Some(&body)).await?;
    print_outcome(&result, options.json)
}

/// Switches a datapoint on and, after a while, off again. Returns when the device has the beginning.
pub(crate) async fn pulse(folders: &Folders, options: &Pulse) -> Result<ExitCode> {
    let client = Client::find(&folders.state())?;
    let value: Value = serde_json::from_str(&options.value).unwrap_or_else(|_| Value::String(options.value.clone()));
    let body = json!({ "address": options.address, "value": value, "duration_ms": options.duration });
    let result = client.ask(Method::POST, "/api/datapoint/pulse", Some(&body)).await?;
    print_outcome(&result, options.json)
}

fn print_outcome(result: &Value, as_json: bool) -> Result<ExitCode> {
    let outcome = result["outcome"].as_str().unwrap_or("?");
    if as_json {
        console::line(result)?;
    } else {
        let reason = result["reason"].as_str().map(|reason| format!(": {reason}")).unwrap_or_default();
        console::line(format_args!("{outcome}{reason}"))?;
    }
    Ok(if outcome == "confirmed" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Looks at the instances, or at the tree of one.
pub(crate) async fn browse(folders: &Folders, options: &Browse) -> Result<ExitCode> {
    let client = Client::find(&folders.state())?;
    let Some(instance) = &options.instance else {
        let answer = client.ask(Method::GET, "/api/admin/instances", None).await?;
        if options.json {
            console::line(answer)?;
            return Ok(ExitCode::SUCCESS);
        }
        for instance in answer["items"].as_array().into_iter().flatten() {
            let word = |key: &str| instance[key].as_str().unwrap_or("").to_owned();
            console::line(format_args!(
                "{:<28} {:<10} {:<10} {}",
                word("id"),
                word("driver"),
                word("state"),
                word("text")
            ))?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let mut after = None;
    loop {
        let mut path = format!("/api/browse?instance={}&path={}", query(instance), query(&options.path));
        for (key, value) in [("filter", &options.filter), ("after", &after)] {
            if let Some(value) = value {
                path = format!("{path}&{key}={}", query(value));
            }
        }
        let page = client.ask(Method::GET, &path, None).await?;
        for node in page["items"].as_array().into_iter().flatten() {
            print_node(node, options.json)?;
        }
        after = page["next"].as_str().map(ToOwned::to_owned);
        if after.is_none() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

fn print_node(node: &Value, as_json: bool) -> Result<()> {
    if as_json {
        return console::line(node);
    }
    let sign = if node["children"] == true { "+" } else { " " };
    let value = if node["value"].is_null() { String::new() } else { format!(" = {}", node["value"]["value"]) };
    console::line(format_args!("{sign} {}{value}", node["path"].as_str().unwrap_or("?")))
}
