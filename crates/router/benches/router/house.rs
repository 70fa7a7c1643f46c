//! The house that is measured: a hundred controllers, one broker, and rules between them.

use fieldrail_router::{Directory, InstanceFacts, RouteSpec, RoutingFile, TargetClass};
use serde_json::json;

/// How many controllers there are; datapoints are spread over them.
pub(crate) const CONTROLLERS: usize = 100;

/// The instances `plc_0` to `plc_99` and `mqtt.x`.
pub(crate) struct House;

impl Directory for House {
    fn instances(&self) -> Vec<(String, InstanceFacts)> {
        let facts = InstanceFacts { case_insensitive: false, targets: TargetClass::State, writable: true };
        let controllers = (0..CONTROLLERS).map(|n| format!("plc_{n}"));
        controllers.chain(["mqtt.x".to_owned()]).map(|id| (id, facts)).collect()
    }
}

/// The address of a datapoint, of about 40 characters.
pub(crate) fn address(datapoint: usize) -> String {
    format!("plc_{}.MAIN.station_{:03}.fMeasured_{datapoint:06}", datapoint % CONTROLLERS, datapoint % 1000)
}

/// A route with these keys beside its name.
pub(crate) fn route(number: usize, keys: &serde_json::Value) -> RouteSpec {
    let mut spec = json!({ "id": format!("route_{number}") });
    for (key, value) in keys.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    serde_json::from_value(spec).expect("the bench writes its routes right")
}

/// What everything that is measured does with a value.
pub(crate) const CONDITION: &str = "value > 0";
/// What everything that is measured makes of a value.
pub(crate) const TRANSFORM: &str = "scale(0.001)";

/// One route for each of so many datapoints, to a topic of its own.
pub(crate) fn direct(routes: usize) -> RoutingFile {
    let one = |n| {
        let (from, to) = (address(n), format!("mqtt.x.house/{n}"));
        route(n, &json!({ "from": from, "to": to, "condition": CONDITION, "transform": TRANSFORM }))
    };
    file((0..routes).map(one))
}

/// One route for each controller, that takes over the names of its datapoints.
pub(crate) fn by_patterns() -> RoutingFile {
    let one = |n| {
        let (from, to) = (format!("plc_{n}.**"), format!("mqtt.x.{n}/{{rest}}"));
        route(n, &json!({ "from": from, "to": to, "condition": CONDITION, "transform": TRANSFORM }))
    };
    file((0..CONTROLLERS).map(one))
}

pub(crate) fn file(routes: impl IntoIterator<Item = RouteSpec>) -> RoutingFile {
    RoutingFile { routes: routes.into_iter().collect(), ..RoutingFile::default() }
}
