//! Commands on files; no daemon is needed.

use std::process::ExitCode;

use anyhow::{Result, bail};
use fieldrail_node::check::check_folder;
use fieldrail_node::people::{MqttAccess, People, Role, Scope, Who};
use fieldrail_node::{FileName, Plugins};

use crate::arguments::{self, AddToken, Check, Folders, Schema, Token};
use crate::console;

/// Says what is wrong in the configuration folder. The exit code is 1 if there is an error.
pub(crate) fn check(folders: &Folders, options: &Check) -> Result<ExitCode> {
    let config = folders.config();
    if !config.is_dir() {
        bail!("there is no folder {}; name one with --config", config.display());
    }
    let findings = check_folder(&config, &folders.plugins());
    let errors = findings.iter().filter(|finding| finding.severity == "error").count();
    if options.json {
        console::line(serde_json::to_string_pretty(&findings)?)?;
    } else {
        for finding in &findings {
            let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
            let column = finding.column.map(|column| format!(":{column}")).unwrap_or_default();
            let key = if finding.key.is_empty() { String::new() } else { format!("{}: ", finding.key) };
            console::line(format_args!(
                "{}: {}{line}{column}: {key}{}",
                finding.severity, finding.file, finding.message
            ))?;
            if let Some(hint) = &finding.hint {
                console::line(format_args!("    hint: {hint}"))?;
            }
        }
        console::line(format_args!("{}, {}", counted(errors, "error"), counted(findings.len() - errors, "warning")))?;
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `1 error`, `2 errors`.
fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// Prints a JSON schema.
pub(crate) fn schema(folders: &Folders, options: &Schema) -> Result<ExitCode> {
    let names = || FileName::ALL.map(|file| file.as_str().trim_end_matches(".json")).join(", ");
    let Some(name) = &options.name else {
        console::line(names().replace(", ", "\n"))?;
        for plugin in Plugins::scan(&folders.plugins()).iter() {
            console::line(format_args!("driver:{}", plugin.manifest.name))?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let schema = match name.strip_prefix("driver:") {
        Some(driver) => Plugins::scan(&folders.plugins()).get(driver)?.manifest.config_schema.clone(),
        None => match FileName::ALL.into_iter().find(|file| file.as_str().trim_end_matches(".json") == name) {
            Some(file) => file.schema(),
            None => bail!("there is no schema `{name}`; there are {} and driver:NAME", names()),
        },
    };
    console::line(serde_json::to_string_pretty(&schema)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Makes, lists and removes tokens, in `users.json`; a running daemon notices.
pub(crate) fn token(folders: &Folders, command: Token) -> Result<ExitCode> {
    let people = People::open_folder(&folders.config())?;
    let console = Who { name: "command line".into(), role: Role::Admin, scope: None };
    match command {
        Token::Add(options) => {
            let (name, role) = (options.name.clone(), role(options.role));
            let (id, secret) = people.add_token(&console, &name, role, scope(options))?;
            eprintln!("Token {id}. Its secret is shown this once:");
            console::line(secret.reveal())?;
        }
        Token::List { json } => {
            let tokens = people.all().tokens;
            if json {
                let shown = |token: &fieldrail_node::people::TokenEntry| serde_json::json!({ "id": token.id, "name": token.name, "role": token.role, "scope": token.scope });
                console::line(serde_json::Value::from(tokens.iter().map(shown).collect::<Vec<_>>()))?;
            } else {
                for token in tokens {
                    console::line(format_args!("{}  {:?}  {}", token.id, token.role, token.name))?;
                }
            }
        }
        Token::Remove { id } => people.remove_token(&console, &id)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn role(role: arguments::Role) -> Role {
    match role {
        arguments::Role::Viewer => Role::Viewer,
        arguments::Role::Operator => Role::Operator,
        arguments::Role::Admin => Role::Admin,
    }
}

fn scope(options: AddToken) -> Scope {
    let no_mqtt = options.mqtt_publish.is_empty() && options.mqtt_subscribe.is_empty();
    let mqtt = MqttAccess { publish: options.mqtt_publish, subscribe: options.mqtt_subscribe };
    Scope { addresses: options.address, writes_per_second: options.writes_per_second, mqtt: (!no_mqtt).then_some(mqtt) }
}
