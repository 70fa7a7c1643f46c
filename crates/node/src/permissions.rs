//! What a plugin gets of what its manifest asks for.

use std::path::{Path, PathBuf};

use fieldrail_wire::{Manifest, Network};

use crate::limits::Limits;

/// Processes and threads of an instance, where nobody says otherwise.
const PROCESSES: u32 = 128;

/// Descriptors of each of its processes, where nobody says otherwise.
const OPEN_FILES: u32 = 1024;

/// What its folder may hold, in megabytes, where nobody says otherwise.
const DISK_MB: u32 = 256;

/// How a path is marked that stands in the configuration.
const CONFIGURED: &str = "config.";

/// Files of the house itself: nobody's but the daemon's, also where a configuration names them.
const OF_THE_HOUSE: [&str; 2] = ["json", "db"];

/// The limits in force: those of the instance, else what the plugin asks for, else the usual ones.
pub(crate) fn limits(own: Limits, manifest: &Manifest) -> Limits {
    let asked = &manifest.permissions;
    Limits {
        processes: own.processes.or(asked.processes).or(Some(PROCESSES)),
        open_files: own.open_files.or(asked.open_files).or(Some(OPEN_FILES)),
        disk_mb: own.disk_mb.or(Some(DISK_MB)),
        ..own
    }
}

/// What the plugin gets with this configuration in a house with these folders.
pub(crate) fn permissions(
    manifest: &Manifest,
    config: &serde_json::Value,
    house: &[PathBuf],
) -> fieldrail_supervisor::Permissions {
    let asked = &manifest.permissions;
    let mut granted = fieldrail_supervisor::Permissions {
        network: asked.network == Network::Any,
        children: asked.children,
        ..fieldrail_supervisor::Permissions::default()
    };
    for (wanted, to_write) in [(&asked.read, false), (&asked.write, true)] {
        for path in wanted.iter().flat_map(|path| paths(path, config)) {
            if is_of_the_house(&path, house, to_write) {
                granted.refused.push(path.display().to_string());
            } else if to_write {
                granted.write.push(path);
            } else {
                granted.read.push(path);
            }
        }
    }
    granted
}

/// The absolute paths that are meant.
fn paths(asked: &str, config: &serde_json::Value) -> Vec<PathBuf> {
    let Some(key) = asked.strip_prefix(CONFIGURED) else {
        return Some(PathBuf::from(asked)).filter(|path| path.is_absolute()).into_iter().collect();
    };
    let mut found = vec![config];
    for step in key.split('.') {
        let name = step.strip_suffix("[]").unwrap_or(step);
        found = found.into_iter().filter_map(|value| value.get(name)).collect();
        if name != step {
            found = found.into_iter().filter_map(|value| value.as_array()).flatten().collect();
        }
    }
    let texts = found.into_iter().filter_map(|value| value.as_str());
    texts.map(PathBuf::from).filter(|path| path.is_absolute()).collect()
}

/// A folder of the house, one that holds such, or a file of the house's own. A certificate that lies there is none.
fn is_of_the_house(path: &Path, house: &[PathBuf], to_write: bool) -> bool {
    let whole = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let path = whole(path);
    house.iter().map(|folder| whole(folder)).any(|folder| {
        let inside = path.starts_with(&folder);
        let extension = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
        let plain = path.is_file() && !OF_THE_HOUSE.contains(&extension) && !to_write;
        folder.starts_with(&path) || (inside && !plain)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(permissions: &serde_json::Value) -> Manifest {
        let manifest = json!({
            "name": "x", "version": "1.0.0", "description": "A test.", "protocol": [1, 1], "program": ["x"],
            "permissions": permissions
        });
        serde_json::from_value(manifest).unwrap()
    }

    /// What it may read and write, and what is refused to it.
    #[track_caller]
    fn check(asked: &serde_json::Value, config: &serde_json::Value, house: &[PathBuf], want: [&[&str]; 3]) {
        let got = permissions(&manifest(asked), config, house);
        let text =
            |paths: Vec<PathBuf>| -> Vec<String> { paths.iter().map(|path| path.display().to_string()).collect() };
        assert_eq!(
            [text(got.read), text(got.write), got.refused],
            want.map(|paths| paths.iter().map(|&p| p.to_owned()).collect::<Vec<_>>())
        );
    }

    #[test]
    fn paths_come_from_the_manifest_and_from_the_keys_that_it_names() {
        let asked =
            json!({ "read": ["/sys", "config.tls.ca_file", "config.units[].profile"], "write": ["config.device"] });
        let config = json!({
            "tls": { "ca_file": "/etc/x.pem" }, "device": "/dev/ttyX",
            "units": [{ "profile": "/a.json" }, { "profile": "sdm630" }, {}]
        });
        check(&asked, &config, &[], [&["/sys", "/etc/x.pem", "/a.json"], &["/dev/ttyX"], &[]]);
        check(&asked, &json!({}), &[], [&["/sys"], &[], &[]]);
        check(&json!({ "read": ["relative", "config."] }), &json!({ "": 1 }), &[], [&[], &[], &[]]);
    }

    #[test]
    fn the_folders_of_the_house_are_refused_and_a_certificate_in_them_is_not() {
        let top = tempfile::tempdir().unwrap();
        let top = std::fs::canonicalize(top.path()).unwrap();
        let config = top.join("config");
        std::fs::create_dir(&config).unwrap();
        for name in ["ca.pem", "secrets.json"] {
            std::fs::write(config.join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink(config.join("secrets.json"), top.join("link.pem")).unwrap();
        let text = |path: &Path| path.display().to_string();
        let (certificate, secrets, link) =
            (text(&config.join("ca.pem")), text(&config.join("secrets.json")), text(&top.join("link.pem")));
        let house = [config.clone()];
        for bad in ["/", &text(&top), &text(&config), &secrets, &link] {
            check(&json!({ "read": [bad] }), &json!({}), &house, [&[], &[], &[bad]]);
            check(&json!({ "read": ["config.f"] }), &json!({ "f": bad }), &house, [&[], &[], &[bad]]);
        }
        check(&json!({ "read": [certificate] }), &json!({}), &house, [&[&certificate], &[], &[]]);
        check(&json!({ "write": [certificate] }), &json!({}), &house, [&[], &[], &[&certificate]]);
    }

    #[test]
    fn the_instance_goes_before_the_manifest_and_that_before_the_usual() {
        let own = Limits { processes: Some(3), ..Limits::default() };
        let got = limits(own, &manifest(&json!({ "processes": 5, "open_files": 99 })));
        assert_eq!((got.processes, got.open_files, got.disk_mb), (Some(3), Some(99), Some(DISK_MB)));
    }
}
