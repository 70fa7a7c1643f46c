//! What owners do wrong: twenty classes of mistakes, each with several ways to make it.
//!
//! A way to make a mistake gets a house and changes it at a random place where the mistake can be made; where there is none, it
//! gets another house. Read in this order: [`names`] mistakes in addresses; [`pairs`], [`shadow`] between routes; [`units`],
//! [`types`], [`reach`], [`tests`] in what the values are; [`texts`] in how conditions and transforms are written; [`keys`],
//! [`priority`], [`both`] in the keys of one route; [`file`] in the file as a whole.

mod both;
mod file;
mod keys;
mod names;
mod pairs;
mod priority;
mod reach;
mod shadow;
mod tests;
mod texts;
mod types;
mod units;

use std::collections::HashSet;

use fieldrail_tests::Random;
use serde_json::{Value, json};

use crate::home::Home;

/// A mistake that was made in a house.
pub(crate) struct Mistake {
    /// The routes that it is about: what is said has to name one of them. None if it is about the file as a whole.
    pub(crate) routes: Vec<String>,
    /// What was done, for people.
    pub(crate) what: String,
    /// `routing.json`, if it cannot be written as JSON any more.
    pub(crate) text: Option<String>,
}

impl Mistake {
    fn new(routes: impl IntoIterator<Item = String>, what: impl Into<String>) -> Self {
        Self { routes: routes.into_iter().collect(), what: what.into(), text: None }
    }
}

/// Makes a mistake, if the house has a place for it.
type Way = fn(&mut Home, &mut Random) -> Option<Mistake>;

/// Makes a mistake in one of several ways, which are counted from 0.
type Make = fn(usize, &mut Home, &mut Random) -> Option<Mistake>;

/// Mistakes of one kind.
pub(crate) struct Class {
    pub(crate) name: &'static str,
    /// The keys of a route at which it may be found; a test that fails because of it counts too.
    pub(crate) keys: &'static [&'static str],
    /// How many ways there are to make it.
    pub(crate) ways: usize,
    pub(crate) make: Make,
}

const fn class(name: &'static str, keys: &'static [&'static str], ways: usize, make: Make) -> Class {
    Class { name, keys, ways, make }
}

/// All classes.
pub(crate) static CLASSES: [Class; 20] = [
    class("wrong instance", &["from", "to", "condition", "transform"], names::INSTANCES, names::instance),
    class("misspelt calc or log target", &["to", "from", "condition", "transform"], names::TARGETS, names::own_target),
    class("misspelt calc source", &["from", "condition", "transform"], names::SOURCES, names::own_source),
    class("bad pattern or placeholder", &["from", "to"], names::PATTERNS, names::pattern),
    class("circle", &["to", "from"], pairs::CIRCLES.len(), |way, home, random| pairs::CIRCLES[way](home, random)),
    class("two writers", &["to", "from", "priority"], pairs::WRITERS.len(), |way, home, random| {
        pairs::WRITERS[way](home, random)
    }),
    class("shadowed route", &["from", "to"], shadow::WAYS, shadow::shadow),
    class("duplicate id", &["id"], 2, shadow::duplicate_id),
    class("units", &["transform", "to", "from", "condition"], units::WAYS.len(), |way, home, random| {
        units::WAYS[way](home, random)
    }),
    class("types", &["transform", "to", "condition"], types::WAYS.len(), |way, home, random| {
        types::WAYS[way](home, random)
    }),
    class("condition never true", &["condition"], reach::WAYS, reach::never_true),
    class("failing test", &["tests"], tests::WAYS.len(), |way, home, random| tests::WAYS[way](home, random)),
    class("syntax in condition", &["condition"], texts::CONDITIONS.len(), texts::condition),
    class("syntax in transform", &["transform"], texts::TRANSFORMS.len(), texts::transform),
    class("numbers", &["transform", "ttl_ms", "lease_ms", "priority"], keys::NUMBER_WAYS, keys::number),
    class("priority and lease", &["to", "priority", "lease_ms"], priority::WAYS.len(), |way, home, random| {
        priority::WAYS[way](home, random)
    }),
    class(
        "both directions",
        &["to", "from", "transform", "bidirectional", "priority"],
        both::WAYS.len(),
        |way, home, random| both::WAYS[way](home, random),
    ),
    class("unknown key", &[""], keys::UNKNOWN_WAYS, keys::unknown),
    class("wrong kind of JSON value", &[""], keys::KINDS.len(), keys::kind),
    class("broken JSON", &[], file::WAYS, file::broken),
];

/// A house with one mistake.
pub(crate) struct Mutant {
    pub(crate) class: &'static Class,
    pub(crate) home: Home,
    pub(crate) mistake: Mistake,
}

impl Mutant {
    /// `routing.json` with the mistake.
    pub(crate) fn routing_text(&self) -> String {
        self.mistake.text.clone().unwrap_or_else(|| self.home.routing_text())
    }
}

/// Houses that are tried for one mistake, at the most.
const MAX_TRIED: usize = 2_000;

/// So many mutants of each class, no two of them alike. The ways to make a mistake take turns, in a random order.
pub(crate) fn mutants(homes: &[Home], of_each: usize, random: &mut Random) -> Vec<Mutant> {
    let (mut made, mut mutants) = (HashSet::new(), Vec::new());
    for class in &CLASSES {
        let mut ways: Vec<usize> = (0..class.ways).collect();
        random.shuffle(&mut ways);
        for way in ways.into_iter().cycle().take(of_each) {
            let found = (0..MAX_TRIED).find_map(|_| {
                let mut home = homes[random.below(homes.len())].clone();
                let mistake = (class.make)(way, &mut home, random)?;
                let mutant = Mutant { class, home, mistake };
                let files = [mutant.routing_text(), mutant.home.datapoints_text(), mutant.home.connections_text()];
                made.insert(files).then_some(mutant)
            });
            mutants.push(found.unwrap_or_else(|| panic!("{}, way {way}: no house has a place for it", class.name)));
        }
    }
    mutants
}

/// A random one of the routes that fit.
fn choose(home: &Home, random: &mut Random, fits: impl Fn(usize) -> bool) -> Option<usize> {
    let all: Vec<usize> = (0..home.routes.len()).filter(|route| fits(*route)).collect();
    if all.is_empty() { None } else { Some(random.pick(&all)) }
}

/// A slip of the pen: a letter left out, doubled, exchanged, next to the right one, or in the wrong case.
fn slip(word: &str, random: &mut Random) -> String {
    loop {
        let mut letters: Vec<char> = word.chars().collect();
        let at = random.below(letters.len());
        match random.below(5) {
            0 if letters.len() > 2 => drop(letters.remove(at)),
            1 => letters.insert(at, letters[at]),
            2 if at + 1 < letters.len() => letters.swap(at, at + 1),
            3 if letters[at].is_ascii_alphanumeric() => letters[at] = random.pick(&['e', 'a', 'n', '0', '1', 'o']),
            4 if letters[at].is_ascii_lowercase() => letters[at] = letters[at].to_ascii_uppercase(),
            _ => continue,
        }
        let slipped: String = letters.into_iter().collect();
        if slipped != word {
            return slipped;
        }
    }
}

/// A route like another, under a name of its own.
fn copy_of(home: &Home, route: usize, ending: &str) -> Value {
    let mut copy = home.routes[route].clone();
    copy["id"] = format!("{}{ending}", home.id(route)).into();
    copy
}

/// Whether this is one address, without wildcards and placeholders.
fn is_plain(address: &str) -> bool {
    !address.contains(['*', '{'])
}

/// Whether a value there is replaced by the next: not the log, not a webhook.
fn is_state(home: &Home, address: &str) -> bool {
    let events = home.connections.iter().filter(|connection| connection["driver"] == "webhook");
    let is_event = events.filter_map(|webhook| webhook["id"].as_str()).any(|id| address.starts_with(id));
    !is_event && !address.starts_with("log.")
}

/// All routes that name this address as source or target, or in their texts.
fn touching(home: &Home, address: &str) -> Vec<String> {
    let touches = |route: &usize| {
        let named = home.addresses(*route, "from").into_iter().chain(home.addresses(*route, "to"));
        named
            .chain([home.text(*route, "condition"), home.text(*route, "transform")])
            .any(|text| text == address || text.contains(&format!("'{address}'")))
    };
    (0..home.routes.len()).filter(touches).map(|route| home.id(route)).collect()
}

/// The first source and the first target of a route.
fn ends(home: &Home, route: usize) -> Option<(&str, &str)> {
    let (from, to) = (home.addresses(route, "from"), home.addresses(route, "to"));
    Some((*from.first()?, *to.first()?)).filter(|(from, to)| is_plain(from) && is_plain(to))
}

/// The transform without the step that begins like this.
fn without(transform: &str, step: &str) -> String {
    let left: Vec<&str> = transform.split(" | ").filter(|one| !one.starts_with(step)).collect();
    left.join(" | ")
}

/// Writes another transform; none if it is empty.
fn put_transform(home: &mut Home, route: usize, transform: &str) -> Mistake {
    let what = format!("transform: `{}` became `{transform}`", home.text(route, "transform"));
    if transform.is_empty() {
        take(&mut home.routes[route], "transform");
    } else {
        home.routes[route]["transform"] = transform.into();
    }
    Mistake::new([home.id(route)], what)
}

/// Writes another condition.
fn put_condition(home: &mut Home, route: usize, condition: &str) -> Mistake {
    let what = format!("condition: `{}` became `{condition}`", home.text(route, "condition"));
    home.routes[route]["condition"] = condition.into();
    Mistake::new([home.id(route)], what)
}

/// Takes a key out of a route.
fn take(route: &mut Value, key: &str) {
    route.as_object_mut().map(|keys| keys.shift_remove(key));
}

/// Says something else of a datapoint: its `type` or its `unit`.
fn say(home: &mut Home, address: &str, what: &str, said: &str) -> Mistake {
    let before = home.said(address, what).to_owned();
    home.datapoints.entry(address).or_insert_with(|| json!({}))[what] = said.into();
    Mistake::new(touching(home, address), format!("{what} of `{address}`: `{before}` became `{said}`"))
}
