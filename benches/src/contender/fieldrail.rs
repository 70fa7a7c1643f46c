//! Fieldrail as its users run it: the release build, one MQTT instance, one direct route a datapoint.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{first_line, free_port};
use crate::load::DATAPOINTS;
use crate::process::Started;

/// The build's version and program.
pub(crate) fn find(root: &Path) -> Result<(String, PathBuf)> {
    let program = root.join("target/release/fieldrail");
    ensure!(program.exists(), "{} is not built: cargo build --release", program.display());
    let plugins = plugins_beside(&program);
    ensure!(plugins.exists(), "{} is not there: the build fills it", plugins.display());
    Ok((first_line(&program, "--version")?, program))
}

fn plugins_beside(program: &Path) -> PathBuf {
    program.with_file_name("plugins")
}

/// Starts it; it is ready when messages come through.
pub(super) fn start(program: &Path, folder: &Path, broker_port: u16) -> Result<Started> {
    start_with(program, folder, &files(broker_port, free_port()?))
}

/// Starts it with these files in its folders `config` and `state`.
pub(crate) fn start_with(program: &Path, folder: &Path, files: &[(&str, Value)]) -> Result<Started> {
    let (config, state) = (folder.join("config"), folder.join("state"));
    fs::create_dir_all(&config)?;
    fs::create_dir_all(&state)?;
    for (name, content) in files {
        fs::write(config.join(name), serde_json::to_vec_pretty(content)?)
            .with_context(|| format!("cannot write {name}"))?;
    }
    let plugins = plugins_beside(program);
    let [run, config_is, state_is, plugins_are] = ["run", "--config", "--state", "--plugins"].map(Path::new);
    let arguments = [run, config_is, &config, state_is, &state, plugins_are, &plugins];
    Started::spawn("fieldrail", folder, program, arguments)
}

/// The whole set-up: what a user would write into the config folder.
fn files(broker_port: u16, listen_port: u16) -> [(&'static str, Value); 3] {
    let routes: Vec<Value> = (0..DATAPOINTS)
        .map(|index| {
            json!({
                "id": format!("scale_{index}"),
                "from": format!("mqtt.bench.in/{index}"),
                "condition": "value > 0",
                "transform": "scale(0.001)",
                "to": format!("mqtt.bench.out/{index}"),
                "delivery": "queued",
            })
        })
        .collect();
    let listen = format!("127.0.0.1:{listen_port}");
    // The spam breaker is not what is measured.
    let instance = json!({
        "id": "mqtt.bench",
        "driver": "mqtt",
        "config": { "host": "127.0.0.1", "port": broker_port },
        "limits": { "max_pps": 100_000_000 },
    });
    [
        ("fieldrail.json", json!({ "version": "1.0", "listen": listen })),
        ("connections.json", json!({ "version": "1.0", "connections": [instance] })),
        ("routing.json", json!({ "version": "1.0", "routes": routes })),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_datapoint_has_one_direct_route_of_its_own() {
        let [_, (_, connections), (_, routing)] = files(1883, 8420);
        let routes = routing["routes"].as_array().unwrap();
        assert_eq!(routes.len(), usize::from(DATAPOINTS));
        for (index, route) in routes.iter().enumerate() {
            assert_eq!(route["from"], format!("mqtt.bench.in/{index}"));
            assert_eq!(route["to"], format!("mqtt.bench.out/{index}"));
            assert_eq!(route["delivery"], "queued");
        }
        assert_eq!(connections["connections"][0]["config"], json!({ "host": "127.0.0.1", "port": 1883 }));
    }
}
