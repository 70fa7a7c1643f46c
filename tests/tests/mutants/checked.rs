//! The built `fieldrail check`, asked about many configurations.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use fieldrail_tests::House;
use serde_json::{Value, json};

use crate::home::Home;

/// As many run at once.
const THREADS: usize = 2;

/// The files of one configuration.
pub(crate) struct Job {
    connections: String,
    datapoints: String,
    routing: String,
}

impl Job {
    pub(crate) fn of(home: &Home, routing: String) -> Self {
        Self { connections: home.connections_text(), datapoints: home.datapoints_text(), routing }
    }
}

/// One finding.
pub(crate) struct Finding {
    pub(crate) file: String,
    /// Counted from 1; 0 if none was said.
    pub(crate) line: u64,
    pub(crate) key: String,
    pub(crate) message: String,
}

/// What the program said of one configuration.
pub(crate) struct Said {
    /// It ended with another exit code than 0.
    pub(crate) failed: bool,
    pub(crate) findings: Vec<Finding>,
}

impl Said {
    fn of(output: &std::process::Output) -> Self {
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!errors.contains("panicked"), "{errors}");
        let findings: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"));
        let word = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        let finding = |finding: &Value| Finding {
            file: word(finding, "file"),
            line: finding["line"].as_u64().unwrap_or(0),
            key: word(finding, "key"),
            message: word(finding, "message"),
        };
        let findings = findings.as_array().unwrap().iter().map(finding).collect();
        Self { failed: !output.status.success(), findings }
    }

    /// Everything that was said, for people.
    pub(crate) fn shown(&self) -> String {
        let line =
            |finding: &Finding| format!("{}:{}: {}: {}", finding.file, finding.line, finding.key, finding.message);
        self.findings.iter().map(line).collect::<Vec<_>>().join("; ")
    }
}

/// What the program says of each of these.
pub(crate) fn check_all(jobs: &[Job]) -> Vec<Said> {
    let (next, said) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let house = House::new(&json!([]), &json!([]));
                house.put("secrets.json", &json!({ "version": "1.0", "secrets": { "broker": "geheim" } }));
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(nth) else { return };
                    let files = [
                        ("connections.json", &job.connections),
                        ("datapoints.json", &job.datapoints),
                        ("routing.json", &job.routing),
                    ];
                    for (name, text) in files {
                        fs::write(house.config().join(name), text).unwrap();
                    }
                    let output = house.run(&["check", "--json"]);
                    said.lock().unwrap().push((nth, Said::of(&output)));
                }
            });
        }
    });
    let mut said = said.into_inner().unwrap();
    said.sort_unstable_by_key(|(nth, _)| *nth);
    said.into_iter().map(|(_, said)| said).collect()
}
