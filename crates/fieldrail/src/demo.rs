//! The demo house: a configuration like any other, whose drivers run against simulated devices on real protocols.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::arguments::Folders;
use crate::run::{self, Greeting};

/// The files of the demo house, as they are written into an empty folder.
const FILES: [(&str, &str); 5] = [
    ("fieldrail.json", include_str!("../demo/fieldrail.json")),
    ("connections.json", include_str!("../demo/connections.json")),
    ("routing.json", include_str!("../demo/routing.json")),
    ("datapoints.json", include_str!("../demo/datapoints.json")),
    ("widgets.json", include_str!("../demo/widgets.json")),
];

/// Keeps the demo house. What somebody changed in it stays.
pub(crate) fn demo(folders: Folders) -> Result<ExitCode> {
    let folders = folders.of_the_demo();
    furnish(&folders.config())?;
    run::run(&folders, Greeting::Demo)
}

fn furnish(config: &Path) -> Result<()> {
    std::fs::create_dir_all(config).with_context(|| format!("cannot make the folder {}", config.display()))?;
    for (name, contents) in FILES {
        let path = config.join(name);
        if !path.exists() {
            std::fs::write(&path, contents).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}
