//! What is wrong in the configuration folder, file by file, with the place of each mistake.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use fieldrail_model::{Address, InstanceId};
use fieldrail_router::{Problem, RoutingFile, Rules, Severity, rehearse};
use fieldrail_store::Secrets;
use fieldrail_store::{FileError, Snapshot, read_file};
use serde::de::DeserializeOwned;

use crate::connections::{ConnectionsFile, VIRTUAL};
use crate::dashboards::model::WidgetsFile;
use crate::datapoints::{About, DatapointsFile};
use crate::files::FileName;
use crate::people::UsersFile;
use crate::plugins::{Plugin, Plugins};
use crate::settings::Settings;
use crate::traffic::{Facts, House, folded};
use crate::views::Finding;
use crate::{Error, Result};

/// Reads every file of a configuration folder, changes nothing, and says what is wrong.
pub fn check_folder(config: &Path, plugins: &[PathBuf]) -> Vec<Finding> {
    let mut surroundings = Surroundings::read(config, plugins);
    let mut findings = std::mem::take(&mut surroundings.findings);
    if let Some(file) = look::<Settings>(config, FileName::Settings, &mut findings) {
        findings.extend(check_tracking(&file, config));
        findings.extend(check_https(&file, config));
    }
    look::<UsersFile>(config, FileName::Users, &mut findings);
    if let Some(file) = look::<WidgetsFile>(config, FileName::Widgets, &mut findings)
        && let Err(error) = crate::dashboards::bounds::check_file(&file.value)
    {
        findings.push(Finding::from(&crate::dashboards::fault_of(&file, error)));
    }
    let routing = look::<RoutingFile>(config, FileName::Routing, &mut findings);
    if let (true, Some(file)) = (surroundings.are_known, routing) {
        let problems = problems(&file.value, &surroundings.house());
        findings.extend(problems.iter().map(|problem| finding(&file.value, Some(&file), problem)));
    }
    findings
}

/// What rules are checked against, read from a configuration folder.
pub(crate) struct Surroundings {
    instances: BTreeMap<InstanceId, Facts>,
    about: HashMap<Address, About>,
    /// The instances could be read.
    are_known: bool,
    findings: Vec<Finding>,
}

impl Surroundings {
    pub(crate) fn read(config: &Path, plugins: &[PathBuf]) -> Self {
        let plugins = Plugins::scan(plugins);
        let mut findings = Vec::new();
        let datapoints = look::<DatapointsFile>(config, FileName::Datapoints, &mut findings);
        let secrets = look::<Secrets>(config, FileName::Secrets, &mut findings);
        let connections = look::<ConnectionsFile>(config, FileName::Connections, &mut findings);
        let secrets = secrets.map(|file| file.value).unwrap_or_default();
        let instances = connections.map(|file| check_connections(&file, &plugins, &secrets, &mut findings));
        let said = datapoints.map(|file| file.value.datapoints.into_iter().collect()).unwrap_or_default();
        let are_known = instances.is_some();
        let instances = instances.unwrap_or_default();
        Self { about: folded(&said, &instances), instances, are_known, findings }
    }

    pub(crate) fn house(&self) -> House<'_> {
        House { instances: &self.instances, about: &self.about }
    }
}

/// Everything that is wrong with rules: what does not compile, what looks wrong, and their own tests that fail.
pub(crate) fn problems(rules: &RoutingFile, house: &House<'_>) -> Vec<Problem> {
    let mut problems = match Rules::compile(rules, house) {
        Ok(rules) => rules.warnings().to_vec(),
        Err(problems) => problems,
    };
    problems.extend(rehearse(rules, house));
    problems
}

fn look<T: DeserializeOwned>(config: &Path, name: FileName, findings: &mut Vec<Finding>) -> Option<Snapshot<T>> {
    let path = config.join(name.as_str());
    if !path.exists() {
        return None;
    }
    read_file(&path, name.options()).map_err(|fault| findings.push(from_fault(&fault, "error"))).ok()
}

/// A listener that cannot be, or a certificate that cannot be shown.
fn check_https(file: &Snapshot<Settings>, config: &Path) -> Option<Finding> {
    if let Err(error) = file.value.check() {
        let key = if let Error::Invalid { key: Some(key), .. } = &error { key.clone() } else { "https".into() };
        return Some(from_fault(&file.error_at(&key, &error.to_string(), error.hint()), "error"));
    }
    let fault = crate::certificate::check(config, file.value.https.as_ref()?)?;
    Some(from_fault(&fault, "error"))
}

/// Forwarding that is switched on and cannot work.
fn check_tracking(file: &Snapshot<Settings>, config: &Path) -> Option<Finding> {
    let tracking = &file.value.error_tracking;
    let secrets: Option<Snapshot<Secrets>> =
        read_file(&config.join(FileName::Secrets.as_str()), FileName::Secrets.options()).ok();
    let known = secrets.as_ref().map(|file| &file.value);
    let (what, hint) = match (&tracking.dsn, tracking.dsn_text(known)) {
        _ if !tracking.enabled => return None,
        (None, _) => {
            ("forwarding of errors is switched on, and nothing says where to", "add `dsn`, as the server shows it")
        }
        (Some(_), None) => ("there is no secret of this name", "add it to `secrets.json`"),
        (Some(_), Some(dsn)) => {
            let is_url = dsn.starts_with("https://") || dsn.starts_with("http://");
            if is_url && dsn.contains('@') && tracking.max_per_hour > 0 {
                return None;
            }
            (
                "no event can be forwarded with this",
                "a DSN is `https://KEY@HOST/PROJECT`, and `max_per_hour` is at least 1",
            )
        }
    };
    Some(from_fault(&file.error_at("error_tracking", what, Some(hint.into())), "error"))
}

fn check_connections(
    file: &Snapshot<ConnectionsFile>,
    plugins: &Plugins,
    secrets: &Secrets,
    findings: &mut Vec<Finding>,
) -> BTreeMap<InstanceId, Facts> {
    let mut report = |key: &str, error: &Error| {
        findings.push(from_fault(&file.error_at(key, &error.to_string(), error.hint()), "error"));
    };
    if let Err(error) = file.value.check() {
        let key = if let Error::Invalid { key: Some(key), .. } = &error { key.clone() } else { "connections".into() };
        report(&key, &error);
    }
    let mut instances = BTreeMap::new();
    for (at, connection) in file.value.connections.iter().enumerate() {
        let below = |error: &Error| match error {
            Error::Invalid { key: Some(key), .. } => format!("connections[{at}].{key}"),
            _ => format!("connections[{at}]"),
        };
        let mut facts =
            Facts { case_insensitive: false, event: false, writable: true, is_virtual: connection.driver == VIRTUAL };
        if !facts.is_virtual {
            match plugins.get(&connection.driver) {
                Err(error) => report(&below(&error), &error),
                Ok(plugin) => {
                    let able = &plugin.manifest.capabilities;
                    facts.case_insensitive = able.case_insensitive;
                    facts.event = able.target == fieldrail_wire::TargetKind::Event;
                    facts.writable = able.write;
                    if let Err(error) =
                        plugin.check(&connection.config).and_then(|()| resolved(secrets, &connection.config, plugin))
                    {
                        report(&below(&error), &error);
                    }
                }
            }
        }
        instances.insert(connection.id.clone(), facts);
    }
    instances
}

fn resolved(secrets: &Secrets, config: &serde_json::Value, plugin: &Plugin) -> Result<()> {
    secrets.resolve(&mut config.clone(), &plugin.shape()).map_err(|missing| {
        Error::invalid_at(format!("config.{}", missing.key), missing.to_string(), missing.hint().map(Into::into))
    })
}

/// The key path of a problem in `routing.json`.
pub(crate) fn key_of(file: &RoutingFile, problem: &Problem) -> String {
    let at = problem.route.as_ref().and_then(|id| file.routes.iter().rposition(|route| route.id == *id));
    match at {
        Some(at) => format!("routes[{at}].{}", problem.key),
        None => problem.key.to_owned(),
    }
}

pub(crate) fn fault(file: &Snapshot<RoutingFile>, problem: &Problem) -> FileError {
    file.error_at(&key_of(&file.value, problem), &words(problem), problem.hint.clone())
}

fn words(problem: &Problem) -> String {
    match &problem.route {
        Some(route) => format!("route `{route}`: {}", problem.message),
        None => problem.message.clone(),
    }
}

/// A problem of the rules, with its place if the file is at hand.
pub(crate) fn finding(rules: &RoutingFile, file: Option<&Snapshot<RoutingFile>>, problem: &Problem) -> Finding {
    let severity = if problem.severity == Severity::Error { "error" } else { "warning" };
    match file {
        Some(file) => from_fault(&fault(file, problem), severity),
        None => Finding {
            severity,
            file: FileName::Routing.as_str().into(),
            line: None,
            column: None,
            key: key_of(rules, problem),
            message: words(problem),
            hint: problem.hint.clone(),
        },
    }
}

fn from_fault(fault: &FileError, severity: &'static str) -> Finding {
    Finding { severity, ..Finding::from(fault) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tracking: &serde_json::Value, want: &str) {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: FileName, contents: &serde_json::Value| {
            fieldrail_store::atomic::write(
                &folder.path().join(name.as_str()),
                contents.to_string().as_bytes(),
                fieldrail_store::Access::Private,
            )
            .unwrap();
        };
        put(FileName::Settings, &serde_json::json!({ "version": "1.0", "error_tracking": tracking }));
        put(FileName::Secrets, &serde_json::json!({ "version": "1.0", "secrets": { "sentry": "https://key@h/1" } }));
        let findings = check_folder(folder.path(), &[]);
        let found = findings.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>().join("; ");
        assert_eq!(found, want, "{tracking}");
    }

    #[test]
    fn forwarding_that_cannot_work_is_told() {
        use serde_json::json;
        check(&json!({ "enabled": true, "dsn": { "secret": "sentry" } }), "");
        check(&json!({ "enabled": false, "dsn": "nonsense" }), "");
        check(&json!({ "enabled": true }), "forwarding of errors is switched on, and nothing says where to");
        check(&json!({ "enabled": true, "dsn": { "secret": "sentri" } }), "there is no secret of this name");
        check(&json!({ "enabled": true, "dsn": "sentry.example/1" }), "no event can be forwarded with this");
    }
}
