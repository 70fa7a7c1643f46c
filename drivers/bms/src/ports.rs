//! The serial ports of this machine, under names that stay where there are such.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Where the system lists all ports.
const TTYS: &str = "/sys/class/tty";

/// Where it lists names that stay with an adapter.
pub(crate) const BY_ID: &str = "/dev/serial/by-id";

/// The most ports that are listed.
const MAX_PORTS: usize = 64;

/// All ports that have a device behind them, each with a configuration that reaches it.
pub(crate) fn list() -> Value {
    json!({ "ports": found(Path::new(TTYS), Path::new(BY_ID)) })
}

fn found(ttys: &Path, by_id: &Path) -> Vec<Value> {
    let names = lasting(by_id);
    let Ok(entries) = std::fs::read_dir(ttys) else { return Vec::new() };
    let mut ports: Vec<String> = entries
        .flatten()
        .filter(|entry| is_real(&entry.path()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    ports.sort();
    ports.truncate(MAX_PORTS);
    let port = |tty: &String| {
        let device = PathBuf::from("/dev").join(tty);
        let lasting = names.get(tty);
        let name = lasting.and_then(|path| path.file_name()?.to_str()).unwrap_or(tty);
        json!({ "name": name, "port": device, "config": { "device": lasting.unwrap_or(&device) } })
    };
    ports.iter().map(port).collect()
}

/// A port with a chip: consoles have no device, and the four that every PC claims to have no driver that found one.
fn is_real(tty: &Path) -> bool {
    let device = tty.join("device");
    let has_chip = |kind: &str| kind.trim() != "0";
    device.exists() && std::fs::read_to_string(tty.join("type")).map_or(true, |kind| has_chip(&kind))
}

/// The names that stay, by the port that they lead to.
fn lasting(by_id: &Path) -> BTreeMap<String, PathBuf> {
    let Ok(entries) = std::fs::read_dir(by_id) else { return BTreeMap::new() };
    let target = |path: PathBuf| {
        let target = std::fs::read_link(&path).ok()?;
        Some((target.file_name()?.to_str()?.to_owned(), path))
    };
    entries.flatten().filter_map(|entry| target(entry.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_with_a_chip_are_listed_under_the_name_that_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (ttys, by_id) = (folder.path().join("tty"), folder.path().join("by-id"));
        for (name, kind) in [("ttyUSB0", None), ("ttyS0", Some("4")), ("ttyS1", Some("0"))] {
            std::fs::create_dir_all(ttys.join(name).join("device")).unwrap();
            if let Some(kind) = kind {
                std::fs::write(ttys.join(name).join("type"), kind).unwrap();
            }
        }
        std::fs::create_dir_all(ttys.join("tty1")).unwrap();
        std::fs::create_dir_all(&by_id).unwrap();
        std::os::unix::fs::symlink("../../ttyUSB0", by_id.join("usb-FTDI-if00")).unwrap();
        let lasting = by_id.join("usb-FTDI-if00");
        let want = [
            json!({ "name": "ttyS0", "port": "/dev/ttyS0", "config": { "device": "/dev/ttyS0" } }),
            json!({ "name": "usb-FTDI-if00", "port": "/dev/ttyUSB0", "config": { "device": lasting } }),
        ];
        assert_eq!(found(&ttys, &by_id), want);
        assert_eq!(found(&folder.path().join("none"), &by_id), [] as [Value; 0]);
    }
}
