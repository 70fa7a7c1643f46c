//! The golden files as data, and what the tests do with each of them.

use std::path::Path;

use fieldrail_driver_bms::battery::{self, Battery, Kind, Reading, Setup, Transport, Variant};
use fieldrail_driver_bms::decode::{Line, parse};
use fieldrail_driver_bms::fault::Fault;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) device: String,
    pub(crate) variant: String,
    pub(crate) cases: Vec<Case>,
}

/// One case.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// `capture` of a real device, or `vector` of a test or a document.
    pub(crate) origin: String,
    /// Where the bytes come from.
    #[expect(dead_code, reason = "for people who read the file")]
    pub(crate) source: String,
    pub(crate) transport: String,
    /// What is said for `--variant`, if it is not that of the file.
    pub(crate) variant: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) lines: Vec<String>,
    #[serde(default)]
    pub(crate) values: Map<String, Value>,
    #[serde(default)]
    pub(crate) absent: Vec<String>,
    pub(crate) error: Option<String>,
}

impl Case {
    /// The lines as questions and what came.
    pub(crate) fn lines(&self) -> Vec<Line> {
        parse(&self.lines.join("\n")).unwrap()
    }

    /// Whether it holds values, so that breaking it means something.
    pub(crate) fn has_values(&self) -> bool {
        self.error.is_none() && !self.values.contains_key("kind")
    }

    /// Whether its bytes tell what they are: not those of a record that somebody decrypted, nor those of a battery that
    /// differs from others of its maker only in what its numbers mean.
    pub(crate) fn tells_its_variant(&self, file: &File) -> bool {
        let is_plain = self.variant.as_ref().is_some_and(|variant| variant.ends_with("_decrypted"));
        !is_plain && file.variant != "renogy_pro_modbus_ble"
    }

    /// What a decoder is made with, over `transport`.
    pub(crate) fn setup(&self, file: &File, transport: Transport) -> Setup {
        let key = self.key.as_deref().map(|key| match parse(&format!("< {key}")).unwrap().pop() {
            Some(Line::Came(bytes)) => bytes,
            _ => Vec::new(),
        });
        let variant = self.variant.clone().unwrap_or_else(|| file.variant.clone());
        Setup { transport, variant, key, ..Setup::default() }
    }

    /// Fails unless `told` holds all of the values and nothing of what must be absent.
    pub(crate) fn check(&self, told: &Map<String, Value>, how: &str) {
        for (name, want) in &self.values {
            let found = told.get(name).unwrap_or_else(|| panic!("{}, {how}: there is no {name}: {told:?}", self.name));
            let is_same = match (want.as_f64(), found.as_f64()) {
                // Written as 100 or as 100.0, but bit for bit the same number.
                (Some(want), Some(found)) => want.to_bits() == found.to_bits(),
                _ => want == found,
            };
            assert!(is_same, "{}, {how}: {name} is {found}, not {want}", self.name);
        }
        for name in &self.absent {
            assert!(!told.contains_key(name), "{}, {how}: {name} must be absent", self.name);
        }
    }
}

/// All files.
pub(crate) fn files() -> Vec<File> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let file: File = serde_json::from_str(&std::fs::read_to_string(path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = format!("{}_{}", file.device, file.variant);
        assert_eq!(path.file_stem().and_then(|stem| stem.to_str()), Some(name.as_str()));
        file
    };
    paths.iter().map(read).collect()
}

/// The registry's line of a file.
pub(crate) fn variant(file: &File) -> &'static Variant {
    let family = battery::family(&file.device).unwrap_or_else(|| panic!("there is no device {}", file.device));
    let found = family.variants.iter().find(|variant| variant.is_called(&file.variant));
    found.unwrap_or_else(|| panic!("{} has no variant {}", file.device, file.variant))
}

/// What a decoder tells of lines: the values without what follows from them, and everything that was broken.
pub(crate) fn hear(mut battery: Box<dyn Battery>, lines: &[Line]) -> (Reading, Vec<Kind>, Vec<Fault>) {
    let (mut reading, mut kinds, mut faults) = (Reading::default(), Vec::new(), Vec::new());
    for line in lines {
        let found = match line {
            Line::Asked(bytes) => {
                battery.asked(bytes);
                Vec::new()
            }
            Line::Came(bytes) => battery.feed(bytes),
        };
        for found in found {
            match found {
                Ok(found) => {
                    reading.merge(found.reading);
                    kinds.push(found.kind);
                }
                Err(fault) => faults.push(fault),
            }
        }
    }
    for found in battery.quiet() {
        match found {
            Ok(found) => {
                reading.merge(found.reading);
                kinds.push(found.kind);
            }
            Err(fault) => faults.push(fault),
        }
    }
    (reading, kinds, faults)
}
