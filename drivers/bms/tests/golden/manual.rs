//! The table of batteries in both manuals is what the program prints. `UPDATE_GOLDEN=1` writes it anew.

use std::path::Path;

use fieldrail_driver_bms::table::{Language, table};

const BEGIN: &str = "<!-- batteries: made by `fieldrail-driver-bms table` -->\n\n";
const END: &str = "\n<!-- end of batteries -->";

#[test]
fn the_manuals_have_the_table_that_the_program_prints() {
    for (name, language) in [("en.md", Language::English), ("de.md", Language::German)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manual").join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap_or_else(|| panic!("{name} has no table of batteries"));
        let (found, behind) = rest.split_once(END).unwrap();
        let want = table(language);
        if found != want && std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, format!("{before}{BEGIN}{want}{END}{behind}")).unwrap();
            continue;
        }
        assert_eq!(
            found, want,
            "{name}: UPDATE_GOLDEN=1 cargo test -p fieldrail-driver-bms --test golden writes it anew"
        );
    }
}
