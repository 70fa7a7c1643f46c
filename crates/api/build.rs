//! Makes the folder of the web admin if it was not built yet, so that this crate compiles without it; `/` then says so.

use std::path::Path;

fn main() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist");
    std::fs::create_dir_all(&dist).expect("the folder web/dist can be made");
    println!("cargo::rerun-if-changed={}", dist.display());
}
