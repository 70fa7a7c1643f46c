//! One page with all that has a limit: the rows of the other pages at the end of `RESULTS.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Where the rows of the other pages begin.
const HEADING: &str = "## From the other pages\n";

/// The other pages.
const PAGES: [&str; 3] = ["ROUTER.md", "PLC.md", "SUPERVISION.md"];

/// Brings the end of `RESULTS.md` in this folder up to date.
pub(crate) fn refresh(folder: &Path) -> Result<()> {
    let results = folder.join("RESULTS.md");
    let old = fs::read_to_string(&results).context("cannot read RESULTS.md")?;
    let mut page = old.split(HEADING).next().unwrap_or_default().trim_end().to_owned();
    write!(page, "\n\n{HEADING}")?;
    for name in PAGES {
        let text = fs::read_to_string(folder.join(name)).with_context(|| format!("cannot read {name}"))?;
        page.push_str(&rows_of(name, &text));
    }
    fs::write(&results, page).context("cannot write RESULTS.md")
}

/// Title, date and the rows with a verdict of a page.
fn rows_of(name: &str, page: &str) -> String {
    let title = page.lines().next().unwrap_or_default().trim_start_matches("# ");
    let date = page.lines().find_map(|line| line.split_once(" on ")?.1.get(..10)).unwrap_or_default();
    let mut text =
        format!("\n[{title}]({name}), {date}:\n\n| what | wanted | measured | |\n| --- | --- | --- | --- |\n");
    for row in page.lines().filter(|line| line.ends_with("| met |") || line.ends_with("| **not met** |")) {
        text.push_str(row);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Router\n\nMade by `x` on 2026-11-25; by it.\n\n| a | ≥ 1 | 2 | met |\n| b | ≥ 3 | 2 | **not met** |\n| c | d |\n";

    #[test]
    fn rows_with_a_verdict_are_taken_over_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        for name in PAGES {
            put(name, PAGE);
        }
        put("RESULTS.md", &format!("# Own\n\n{HEADING}\nold\n"));
        refresh(folder.path()).unwrap();
        let once = fs::read_to_string(folder.path().join("RESULTS.md")).unwrap();
        assert!(once.starts_with("# Own\n\n## From") && !once.contains("old") && !once.contains("| c |"), "{once}");
        assert_eq!(once.matches("| b | ≥ 3 | 2 | **not met** |").count(), 3);
        assert!(once.contains("[Router](PLC.md), 2026-11-25:"), "{once}");
        refresh(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("RESULTS.md")).unwrap(), once);
    }
}
