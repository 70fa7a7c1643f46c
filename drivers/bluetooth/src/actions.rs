//! What a person or a page can ask for by name.

use std::path::PathBuf;
use std::time::Duration;

use fieldrail_driver::{Action, Failure, Port};
use fieldrail_link_ble::Address;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep};

use crate::error::Error;
use crate::links;
use crate::pairing::{Turn, Words};
use crate::profile::Profile;
use crate::session::{Report, Session};

/// The most actions under way.
const MOST: usize = 32;

/// A search goes on so long after it was asked for, so that a page that asks again and again sees it go on.
const LINGER: Duration = Duration::from_secs(30);

/// The actions, as the manifest announces them.
pub(crate) fn all() -> Vec<Action> {
    let address = json!({ "type": "string", "minLength": 12, "maxLength": 17 });
    let action = |name: &str, description: &str, properties: Value, required: &[&str]| Action {
        name: name.into(),
        description: description.into(),
        arguments: Some(json!({
            "type": "object", "additionalProperties": false, "properties": properties, "required": required
        })),
    };
    vec![
        action(
            "scan",
            "Searches, and lists the devices around with their loudness.",
            json!({ "seconds": { "type": "integer", "minimum": 0, "maximum": 60, "x-unit": "s" } }),
            &[],
        ),
        action(
            "pair",
            "Pairs with a device. If it wants a code or a yes, the answer says so; then call it again with that.",
            json!({
                "address": address, "code": { "type": "string", "maxLength": 16 }, "confirm": { "type": "boolean" }
            }),
            &["address"],
        ),
        action(
            "trust",
            "Lets a device connect by itself, or not.",
            json!({ "address": address, "trusted": { "type": "boolean" } }),
            &["address"],
        ),
        action("remove", "Forgets a device with its keys.", json!({ "address": address }), &["address"]),
        action("connect", "Connects once, and lists what the device has.", json!({ "address": address }), &["address"]),
        action(
            "test",
            "Connects once, and reads what a profile names; without one, maker, model and charge.",
            json!({ "address": address, "profile": { "type": "string", "minLength": 1 } }),
            &["address"],
        ),
        action("power", "Switches the adapter on or off.", json!({ "on": { "type": "boolean" } }), &["on"]),
        action("profiles", "Lists the profiles that come with the driver.", json!({}), &[]),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScanArguments {
    #[serde(default = "five")]
    seconds: u8,
}

fn five() -> u8 {
    5
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PairArguments {
    address: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    confirm: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustArguments {
    address: String,
    #[serde(default = "yes")]
    trusted: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceArguments {
    address: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestArguments {
    address: String,
    #[serde(default)]
    profile: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PowerArguments {
    on: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoArguments {}

/// Begins an action; what comes of it is answered later.
pub(crate) fn call(
    session: &mut Session,
    request: u64,
    action: &str,
    arguments: Value,
    port: &Port,
) -> Result<(), Failure> {
    let arguments = Arguments { action, value: if arguments.is_null() { json!({}) } else { arguments } };
    if session.under_way >= MOST && action != "pair" {
        return Err(Error::Busy(MOST).into());
    }
    match action {
        "scan" => scan(session, request, &arguments.read::<ScanArguments>()?)?,
        "pair" => pair(session, request, &arguments, port)?,
        "trust" => {
            let TrustArguments { address, trusted } = arguments.read()?;
            let (address, place) = (arguments.address(&address)?, session.place()?);
            begin(session, request, async move {
                place.bluetooth.trust(&place.adapter, address, trusted).await?;
                Ok(json!({ "trusted": trusted }))
            });
        }
        "remove" => {
            let address = arguments.address(&arguments.read::<DeviceArguments>()?.address)?;
            let (place, reports) = (session.place()?, session.reports.clone());
            begin(session, request, async move {
                place.bluetooth.remove(&place.adapter, address).await?;
                let _ = reports.send(Report::Removed(address)).await;
                Ok(json!({ "removed": true }))
            });
        }
        "connect" => {
            let address = arguments.address(&arguments.read::<DeviceArguments>()?.address)?;
            let place = session.place()?;
            begin(session, request, async move { links::look(&place, address).await });
        }
        "test" => {
            let TestArguments { address, profile } = arguments.read()?;
            let address = arguments.address(&address)?;
            let named = session.setup.named.get(&address).and_then(|named| named.profile.as_deref().cloned());
            let profile = match (profile, named) {
                (Some(profile), _) => Profile::load(&profile)?,
                (None, Some(named)) => named,
                (None, None) => Profile::load(std::path::Path::new("standard"))?,
            };
            let place = session.place()?;
            begin(session, request, async move { links::test(&place, address, &profile).await });
        }
        "power" => {
            let PowerArguments { on } = arguments.read()?;
            let (bluetooth, adapter) = adapter(session)?;
            begin(session, request, async move {
                bluetooth.power(&adapter, on).await?;
                Ok(json!({ "powered": on }))
            });
        }
        "profiles" => {
            arguments.read::<NoArguments>()?;
            let profiles: Vec<Value> =
                Profile::built_in().map(|(name, title)| json!({ "name": name, "title": title })).collect();
            port.returned(request, Ok(json!({ "profiles": profiles })));
        }
        other => return Err(Failure::new(format!("there is no action `{other}`"))),
    }
    Ok(())
}

/// What an action was given.
struct Arguments<'a> {
    action: &'a str,
    value: Value,
}

impl Arguments<'_> {
    fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        T::deserialize(&self.value).map_err(|error| self.wrong(error.to_string()))
    }

    fn address(&self, text: &str) -> Result<Address, Error> {
        text.parse().map_err(|error: <Address as std::str::FromStr>::Err| self.wrong(error.to_string()))
    }

    fn wrong(&self, reason: String) -> Error {
        Error::Arguments { action: self.action.into(), reason }
    }
}

/// Runs an action beside the loop.
fn begin(session: &mut Session, request: u64, what: impl Future<Output = Result<Value, Error>> + 'static) {
    session.under_way += 1;
    let reports = session.reports.clone();
    spawn_local(async move {
        let result = what.await.map_err(Failure::from);
        let _ = reports.send(Report::Answer(request, result)).await;
    });
}

/// The adapter, on or off.
fn adapter(session: &Session) -> Result<(fieldrail_link_ble::Bluetooth, String), Error> {
    let bluetooth = session.bluetooth().ok_or(fieldrail_link_ble::Error::NoService)?.clone();
    match bluetooth.adapter(session.setup.adapter.as_deref()) {
        Ok(adapter) => Ok((bluetooth, adapter.id)),
        Err(fieldrail_link_ble::Error::Off(adapter)) => Ok((bluetooth, adapter)),
        Err(error) => Err(error.into()),
    }
}

/// Searches for a while, then lists what is there.
fn scan(session: &mut Session, request: u64, arguments: &ScanArguments) -> Result<(), Error> {
    if arguments.seconds > 60 {
        let reason = "`seconds` is not 0 to 60".into();
        return Err(Error::Arguments { action: "scan".into(), reason });
    }
    session.place()?;
    let time = Duration::from_secs(arguments.seconds.into());
    let until = Instant::now() + time + LINGER;
    session.search_until = Some(session.search_until.map_or(until, |known| known.max(until)));
    let reports = session.reports.clone();
    session.under_way += 1;
    spawn_local(async move {
        sleep(time).await;
        let _ = reports.send(Report::Scanned(request)).await;
    });
    Ok(())
}

fn pair(session: &mut Session, request: u64, arguments: &Arguments<'_>, port: &Port) -> Result<(), Error> {
    let PairArguments { address, code, confirm } = arguments.read()?;
    if code.as_ref().is_some_and(|code| code.chars().count() > 16) {
        return Err(arguments.wrong("a code has 16 characters at most".into()));
    }
    let (address, place) = (arguments.address(&address)?, session.place()?);
    match session.pairing.call(request, address, Words { code, confirm })? {
        Turn::Goes(reply) => {
            if let Some((request, result)) = reply {
                port.returned(request, result);
            }
        }
        Turn::Begin => {
            let reports = session.reports.clone();
            spawn_local(async move {
                let (sender, mut questions) = mpsc::channel(4);
                let asked = reports.clone();
                let forward = spawn_local(async move {
                    while let Some(question) = questions.recv().await {
                        let _ = asked.send(Report::Asked(question)).await;
                    }
                });
                let result = async {
                    let _turn = place.turnstile.turn(|_| {}).await;
                    place.bluetooth.find(&place.adapter, address, links::HEAR).await?;
                    place.bluetooth.pair(&place.adapter, address, sender).await
                };
                let result = result.await;
                forward.abort();
                let _ = reports.send(Report::Paired(result)).await;
            });
        }
    }
    Ok(())
}
