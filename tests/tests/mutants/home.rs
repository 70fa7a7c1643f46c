//! A house as its owner writes it: the instances, what was said of datapoints, and 3 to 30 routes.
//!
//! A [`Draft`] is the owner at work. What owners write about is in `energy` and `rooms`, one theme after the other; each theme
//! can be taken several times in one house.

use std::collections::HashMap;
use std::fmt::Write as _;

use fieldrail_tests::Random;
use serde_json::{Map, Value, json};

use crate::{energy, rooms};

/// Routes of one house, at the least and at the most.
pub(crate) const ROUTES: (usize, usize) = (3, 30);

/// The files of one house.
#[derive(Clone)]
pub(crate) struct Home {
    pub(crate) connections: Vec<Value>,
    pub(crate) datapoints: Map<String, Value>,
    pub(crate) routes: Vec<Value>,
    /// Whether the owner writes each route on a line of its own.
    compact: bool,
}

impl Home {
    /// The house of this seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut draft = Draft::begin(Random::new(seed));
        let wanted = draft.random.between(ROUTES.0, ROUTES.1);
        let themes: Vec<Theme> = energy::THEMES.into_iter().chain(rooms::THEMES).collect();
        while draft.home.routes.len() < wanted {
            let (routes, write) = draft.random.pick(&themes);
            if draft.home.routes.len() + routes <= ROUTES.1 {
                write(&mut draft);
            }
        }
        if draft.random.once_in(3) {
            draft.random.shuffle(&mut draft.home.routes);
        }
        draft.home
    }

    /// `connections.json`.
    pub(crate) fn connections_text(&self) -> String {
        format!("{:#}", json!({ "version": "1.0", "connections": self.connections }))
    }

    /// `datapoints.json`.
    pub(crate) fn datapoints_text(&self) -> String {
        format!("{:#}", json!({ "version": "1.0", "datapoints": self.datapoints }))
    }

    /// `routing.json`.
    pub(crate) fn routing_text(&self) -> String {
        if !self.compact {
            return format!("{:#}", json!({ "version": "1.0", "description": "The house", "routes": self.routes }));
        }
        let mut text = String::from("{ \"version\": \"1.0\",\n  \"routes\": [");
        for (nth, route) in self.routes.iter().enumerate() {
            let _ = write!(text, "{}\n    {route}", if nth == 0 { "" } else { "," });
        }
        text + "\n  ]\n}\n"
    }

    /// The id of a route.
    pub(crate) fn id(&self, route: usize) -> String {
        self.routes[route]["id"].as_str().unwrap_or_default().to_owned()
    }

    /// Whether this route works.
    pub(crate) fn is_on(&self, route: usize) -> bool {
        self.routes[route]["enabled"] != false
    }

    /// What was said of a datapoint: `type` or `unit`; empty if nothing was.
    pub(crate) fn said(&self, address: &str, what: &str) -> &str {
        self.datapoints.get(address).and_then(|about| about[what].as_str()).unwrap_or_default()
    }

    /// The addresses of a route below `from` or `to`.
    pub(crate) fn addresses(&self, route: usize, key: &str) -> Vec<&str> {
        match &self.routes[route][key] {
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        }
    }

    /// Writes another address in the place of the `nth` one below `from` or `to`.
    pub(crate) fn put_address(&mut self, route: usize, key: &str, nth: usize, address: &str) {
        match &mut self.routes[route][key] {
            Value::Array(list) => list[nth] = address.into(),
            one => *one = address.into(),
        }
    }

    /// A text of a route: `condition`, `transform`, `id`; empty if it has none.
    pub(crate) fn text(&self, route: usize, key: &str) -> &str {
        self.routes[route][key].as_str().unwrap_or_default()
    }
}

/// How many routes a theme writes, and how.
pub(crate) type Theme = (usize, fn(&mut Draft));

/// What the instances of this house are called.
pub(crate) struct Names {
    pub(crate) plc: &'static str,
    pub(crate) other_plc: &'static str,
    pub(crate) broker: &'static str,
    pub(crate) cloud: &'static str,
    pub(crate) battery: &'static str,
    pub(crate) inverter: &'static str,
    pub(crate) meter: &'static str,
    pub(crate) webhook: &'static str,
}

const PLACES: [&str; 12] = [
    "kitchen", "bath", "office", "living", "attic", "Küche", "hall", "garage", "nursery", "workshop", "eg/flur",
    "cellar",
];

/// An owner who writes a configuration.
pub(crate) struct Draft {
    pub(crate) random: Random,
    pub(crate) home: Home,
    pub(crate) at: Names,
    /// How often each theme was taken.
    times: HashMap<&'static str, usize>,
    /// What joins the words of an id.
    joint: &'static str,
    /// The first room that is written about.
    first_place: usize,
}

impl Draft {
    fn begin(mut random: Random) -> Self {
        let at = Names {
            plc: random.pick(&["plc_001", "plc_keller", "plc-heating", "plc.ground_floor"]),
            other_plc: random.pick(&["plc_002", "plc_roof", "s7_garage"]),
            broker: random.pick(&["mqtt.broker_local", "mqtt.house", "broker"]),
            cloud: random.pick(&["mqtt.cloud", "solar", "mqtt.solar_assistant"]),
            battery: random.pick(&["bt.bms_001", "bt.jk_pack", "battery"]),
            inverter: random.pick(&["inverter_1", "inverter.deye", "victron"]),
            meter: random.pick(&["meter", "meter.main", "sdm630"]),
            webhook: random.pick(&["webhook.alert_service", "webhook.telegram", "ntfy"]),
        };
        let home = Home {
            connections: connections(&at, &mut random),
            datapoints: Map::new(),
            routes: Vec::new(),
            compact: random.once_in(3),
        };
        let (joint, first_place) = (random.pick(&["_", "_", "_", ".", "-"]), random.below(PLACES.len()));
        Self { random, home, at, times: HashMap::new(), joint, first_place }
    }

    /// How often this theme was taken before.
    pub(crate) fn nth(&mut self, theme: &'static str) -> usize {
        let times = self.times.entry(theme).or_default();
        *times += 1;
        *times - 1
    }

    /// A room that this theme has not written about.
    pub(crate) fn place(&mut self, theme: &'static str) -> String {
        let nth = self.nth(theme);
        let place = PLACES[(self.first_place + nth) % PLACES.len()];
        if nth < PLACES.len() { place.to_owned() } else { format!("{place}_{}", nth / PLACES.len() + 1) }
    }

    /// Says what a datapoint is, as an owner does for most of them. An empty text is not said.
    pub(crate) fn declare(&mut self, address: &str, r#type: &str, unit: &str) {
        if self.random.once_in(5) {
            return;
        }
        let mut about = Map::new();
        if self.random.once_in(3) {
            about.insert("name".into(), address.rsplit(['.', '/']).next().unwrap_or(address).into());
        }
        for (key, said) in [("type", r#type), ("unit", unit)] {
            if !said.is_empty() {
                about.insert(key.into(), said.into());
            }
        }
        self.home.datapoints.insert(address.to_owned(), about.into());
    }

    /// Writes a route. Its tests are left out now and then, as owners do.
    pub(crate) fn route(&mut self, words: &str, keys: &Value) {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
        let stem: String = words.chars().map(plain).collect();
        let stem = stem.replace('_', self.joint);
        let taken = |id: &str| self.home.routes.iter().any(|route| route["id"] == id);
        let numbered = (2..).map(|n| format!("{stem}{}{n}", self.joint));
        let id = [stem.clone()].into_iter().chain(numbered).find(|id| !taken(id)).unwrap_or_default();
        let mut route = Map::new();
        route.insert("id".into(), id.into());
        if self.random.once_in(4) {
            route.insert("description".into(), format!("About {}.", words.replace('_', " ")).into());
        }
        for (key, value) in keys.as_object().into_iter().flatten() {
            if key != "tests" || !self.random.once_in(3) {
                route.insert(key.clone(), value.clone());
            }
        }
        self.home.routes.push(route.into());
    }
}

fn connections(at: &Names, random: &mut Random) -> Vec<Value> {
    let mut connections = vec![
        json!({ "id": at.plc, "name": "PLC", "driver": "virtual" }),
        json!({ "id": at.other_plc, "driver": "virtual" }),
        json!({ "id": at.broker, "name": "Broker of the house", "driver": "broker", "config": { "listen": "127.0.0.1:1883" } }),
        json!({ "id": at.battery, "driver": "virtual" }),
        json!({ "id": at.inverter, "driver": "virtual", "enabled": !random.once_in(4) }),
        json!({ "id": at.meter, "driver": "virtual" }),
    ];
    let mut cloud = json!({ "host": "192.168.2.50", "port": 1883 });
    if random.once_in(2) {
        cloud["protocol"] = "5".into();
        cloud["topics"] =
            json!([{ "filter": "zigbee/#", "json": true }, { "filter": "shelly/+/relay", "payload_true": "on" }]);
    }
    if random.once_in(2) {
        cloud["user"] = "house".into();
        cloud["password"] = json!({ "secret": "broker" });
    }
    connections.push(json!({ "id": at.cloud, "name": "Solar", "driver": "mqtt", "config": cloud }));
    let mut webhook = json!({ "url": "https://alerts.example/house" });
    if random.once_in(2) {
        webhook["headers"] = json!({ "Authorization": "Bearer x" });
        webhook["retries"] = random.below(10).into();
    }
    connections.push(json!({ "id": at.webhook, "driver": "webhook", "config": webhook }));
    for extra in ["garden", "wallbox_1", "heatpump"] {
        if random.once_in(3) {
            connections.push(json!({ "id": extra, "driver": "virtual", "health": { "auto_restart": false } }));
        }
    }
    random.shuffle(&mut connections);
    connections
}
