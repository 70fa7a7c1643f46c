//! A house of the bench: the built daemon with a configuration, asked over its API as the person at the console does.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::interrupt;
use crate::process::Started;

/// How long the daemon may take until it serves.
const START: Duration = Duration::from_secs(20);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// The daemon, its address and a session. Dropping it ends it and all its instances.
#[derive(Debug)]
pub(crate) struct House {
    daemon: Started,
    address: SocketAddr,
    session: String,
}

impl House {
    /// Starts the release build on these files, with its own plugins and those of a folder.
    pub(crate) fn open(root: &Path, folder: &Path, files: &[(&str, Value)], more_plugins: &Path) -> Result<Self> {
        let program = root.join("target/release/fieldrail");
        ensure!(program.exists(), "{} is not built: make build", program.display());
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        let (config, state) = (folder.join("config"), folder.join("state"));
        fs::create_dir_all(&config)?;
        for (name, content) in files {
            fs::write(config.join(name), serde_json::to_vec_pretty(content)?)?;
        }
        let plugins = program.with_file_name("plugins");
        let [run, config_is, state_is, plugins_are] = ["run", "--config", "--state", "--plugins"].map(Path::new);
        let arguments = [run, config_is, &config, state_is, &state, plugins_are, &plugins, plugins_are, more_plugins];
        let mut daemon = Started::spawn("fieldrail", folder, &program, arguments)?;
        let door = state.join("door.json");
        let mut key = None;
        interrupt::wait_until(START, || {
            daemon.check()?;
            key = fs::read(&door).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
            Ok(key.is_some())
        })?;
        let key = key.context("the daemon does not serve")?;
        let address = key["address"].as_str().unwrap_or_default().parse().context("the door has no address")?;
        let session = format!("fieldrail_session={}", key["session"].as_str().unwrap_or_default());
        Ok(Self { daemon, address, session })
    }

    /// The daemon's process.
    pub(crate) fn pid(&self) -> u32 {
        self.daemon.pid()
    }

    /// All instances, as the API shows them.
    pub(crate) fn instances(&self) -> Result<Vec<Value>> {
        let all = self.ask("GET", "/api/admin/instances", &Value::Null)?;
        Ok(all["items"].as_array().cloned().unwrap_or_default())
    }

    /// One instance.
    pub(crate) fn instance(&self, id: &str) -> Result<Value> {
        self.instances()?.into_iter().find(|one| one["id"] == id).with_context(|| format!("there is no instance {id}"))
    }

    /// A request that has to succeed.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(ANSWER))?;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {}\r\nX-Fieldrail: 1\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.session,
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, content) = answer.split_once("\r\n\r\n").context("no answer")?;
        if !head.starts_with("HTTP/1.1 2") {
            bail!("{method} {path}: {}", head.lines().next().unwrap_or_default());
        }
        let content = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            unchunk(content)
        } else {
            content.to_owned()
        };
        Ok(if content.is_empty() { json!(null) } else { serde_json::from_str(&content)? })
    }
}

/// The pieces of a body (RFC 9112, section 7.1) without their lengths.
fn unchunk(mut rest: &str) -> String {
    let mut whole = String::new();
    while let Some((length, after)) = rest.split_once("\r\n") {
        let Some(piece) = usize::from_str_radix(length.trim(), 16).ok().filter(|length| *length > 0) else { break };
        whole.push_str(after.get(..piece).unwrap_or(after));
        rest = after.get(piece + 2..).unwrap_or_default();
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_pieces_is_put_together() {
        assert_eq!(unchunk("4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n"), "{\"a\":1}");
        assert_eq!(unchunk("zz\r\n"), "");
    }
}
