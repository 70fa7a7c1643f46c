//! Node-RED 5 with the same route: MQTT in on `in/+`, a switch for the condition, a function for the scale, MQTT out.
//! Its Node comes with the npm package `node`, because Debian's is too old for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{first_line, free_port};
use crate::interrupt;
use crate::process::Started;

/// What npm installs. Newer ones may be tried by changing these lines.
const PACKAGES: [&str; 2] = ["node-red@5.0.7", "node@22.23.3"];
/// How long npm may take.
const INSTALL: Duration = Duration::from_mins(5);

/// Installs Node-RED into the cache unless it is there; gives its version and Node's program.
pub(crate) fn install(cache: &Path) -> Result<(String, PathBuf)> {
    let folder = cache.join("node-red");
    let node = folder.join("node_modules/node/bin/node");
    if !is_current(&folder) || !node.exists() {
        eprintln!("Installing {} by npm, once.", PACKAGES.join(" and "));
        npm_install(&folder)?;
    }
    let version = first_line(&node, "--version").context("npm brought no Node that runs here")?;
    Ok((format!("{} on Node {version}", PACKAGES[0]), node))
}

fn npm_install(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("package.json"), "{\"private\":true}\n")?;
    let options = ["install", "--no-audit", "--no-fund", "--save-exact"];
    let mut npm = Started::spawn("npm", folder, Path::new("npm"), options.iter().chain(&PACKAGES))?;
    let ended = interrupt::wait_until(INSTALL, || Ok(npm.ended()?.is_some()))?;
    ensure!(ended, "npm did not end within {} s: {}", INSTALL.as_secs(), npm.log_tail());
    ensure!(is_current(folder), "npm could not install it: {}", npm.log_tail());
    Ok(())
}

/// Whether the packages are there in these very versions.
fn is_current(folder: &Path) -> bool {
    PACKAGES.iter().all(|package| {
        let (name, want) = package.split_once('@').expect("each package is named with its version");
        let manifest = fs::read(folder.join("node_modules").join(name).join("package.json")).unwrap_or_default();
        serde_json::from_slice::<Value>(&manifest).is_ok_and(|manifest| manifest["version"] == want)
    })
}

/// Starts it between topics of a broker; it is ready when messages come through.
pub(super) fn start(node: &Path, folder: &Path, broker_port: u16) -> Result<Started> {
    start_with(node, folder, &flow(broker_port))
}

/// Starts it with these flows. Its function nodes may write a text to `report.txt` by `global.get('report')`.
pub(crate) fn start_with(node: &Path, folder: &Path, flows: &Value) -> Result<Started> {
    let modules = node.ancestors().nth(3).context("Node is not inside of node_modules")?;
    fs::write(folder.join("flow.json"), serde_json::to_vec_pretty(flows)?)?;
    let settings = json!({
        "flowFile": "flow.json",
        "uiHost": "127.0.0.1",
        "uiPort": free_port()?,
        "telemetry": { "enabled": false, "updateNotification": false },
    });
    let report = "text => { const fs = require('fs'); fs.writeFileSync('report.part', text); \
                  fs.renameSync('report.part', 'report.txt'); }";
    let script =
        format!("module.exports = {settings:#};\nmodule.exports.functionGlobalContext = {{ report: {report} }};\n");
    fs::write(folder.join("settings.js"), script)?;
    let red = modules.join("node-red/red.js");
    let [user, at, settings] = ["--userDir", ".", "--settings"].map(Path::new);
    Started::spawn("node-red", folder, node, [&red, user, at, settings, Path::new("settings.js")])
}

/// As quick as Node-RED does it without own modules: text payloads (`auto-detect` parses each as JSON first) and one
/// function node instead of a change node with `JSONata`, which is slower.
fn flow(broker_port: u16) -> Value {
    let function = "msg.payload = msg.payload * 0.001;\n\
                    msg.topic = 'out/' + msg.topic.substring(3);\n\
                    return msg;";
    json!([
        { "id": "tab", "type": "tab", "label": "bench" },
        { "id": "broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": broker_port.to_string(),
          "clientid": "node-red", "autoConnect": true, "usetls": false, "protocolVersion": "4", "keepalive": "60",
          "cleansession": true },
        { "id": "in", "type": "mqtt in", "z": "tab", "topic": "in/+", "qos": "0", "datatype": "utf8",
          "broker": "broker", "inputs": 0, "wires": [["condition"]] },
        { "id": "condition", "type": "switch", "z": "tab", "property": "payload", "propertyType": "msg",
          "rules": [{ "t": "gt", "v": "0", "vt": "num" }], "checkall": "true", "repair": false, "outputs": 1,
          "wires": [["scale"]] },
        { "id": "scale", "type": "function", "z": "tab", "func": function, "outputs": 1, "wires": [["out"]] },
        { "id": "out", "type": "mqtt out", "z": "tab", "topic": "", "qos": "0", "retain": "false",
          "broker": "broker", "wires": [] },
    ])
}
