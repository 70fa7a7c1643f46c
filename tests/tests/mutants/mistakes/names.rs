//! Addresses that name what is not there.

use fieldrail_tests::Random;

use super::texts::PLACEHOLDERS;
use super::{Mistake, choose, is_plain, slip};
use crate::home::Home;

/// The instance that an address begins with.
fn instance_of<'a>(home: &Home, address: &'a str) -> Option<&'a str> {
    let ids = home.connections.iter().filter_map(|connection| connection["id"].as_str());
    let begins = |id: &&str| address.strip_prefix(id).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    ids.filter(begins).map(|id| &address[..id.len()]).next()
}

/// The address with another instance, which there is not.
fn misspelt(home: &Home, address: &str, random: &mut Random) -> Option<String> {
    let instance = instance_of(home, address)?;
    let wrong = match random.below(4) {
        // The namespace is forgotten.
        0 => instance.split_once('.').map_or_else(|| slip(instance, random), |(_, rest)| rest.to_owned()),
        _ => slip(instance, random),
    };
    let address = format!("{wrong}{}", &address[instance.len()..]);
    instance_of(home, &address).is_none().then_some(address)
}

/// Ways of [`instance`].
pub(super) const INSTANCES: usize = 5;

/// A wrong instance.
pub(super) fn instance(way: usize, home: &mut Home, random: &mut Random) -> Option<Mistake> {
    if way == 4 {
        return renamed_instance(home, random);
    }
    if way == 3 {
        return looked_up(home, random, "dp('", misspelt);
    }
    let (key, wants_plain) = [("from", true), ("to", true), ("from", false)][way];
    let nth_fitting = |home: &Home, route: usize| {
        let fits = |address: &&str| is_plain(address) == wants_plain && instance_of(home, address).is_some();
        home.addresses(route, key).iter().position(fits)
    };
    let route = choose(home, random, |route| nth_fitting(home, route).is_some())?;
    let nth = nth_fitting(home, route)?;
    let right = home.addresses(route, key)[nth].to_owned();
    let wrong = misspelt(home, &right, random)?;
    home.put_address(route, key, nth, &wrong);
    Some(Mistake::new([home.id(route)], format!("{key}: `{right}` became `{wrong}`")))
}

/// Somebody renames an instance and forgets the routes.
fn renamed_instance(home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let at = random.below(home.connections.len());
    let old = home.connections[at]["id"].as_str()?.to_owned();
    let uses = |route: &usize| {
        let from = home.addresses(*route, "from");
        from.into_iter().chain(home.addresses(*route, "to")).any(|a| instance_of(home, a) == Some(&old))
    };
    let users: Vec<String> = (0..home.routes.len()).filter(uses).map(|route| home.id(route)).collect();
    if users.is_empty() {
        return None;
    }
    let new = format!("{old}_{}", random.pick(&["new", "2", "old"]));
    home.connections[at]["id"] = new.as_str().into();
    Some(Mistake::new(users, format!("the instance `{old}` became `{new}`")))
}

/// Changes the address of a `dp('…')` that begins in this way.
fn looked_up(
    home: &mut Home,
    random: &mut Random,
    opening: &str,
    change: impl Fn(&Home, &str, &mut Random) -> Option<String>,
) -> Option<Mistake> {
    let key = random.pick(&["condition", "transform"]);
    let route = choose(home, random, |route| home.text(route, key).contains(opening))?;
    let text = home.text(route, key).to_owned();
    let start = text.find(opening)? + "dp('".len();
    let end = start + text[start..].find('\'')?;
    let wrong = change(home, &text[start..end], random)?;
    let what = format!("{key}: dp('{}') became dp('{wrong}')", &text[start..end]);
    home.routes[route][key] = format!("{}{wrong}{}", &text[..start], &text[end..]).into();
    Some(Mistake::new([home.id(route)], what))
}

/// Ways of [`own_target`].
pub(super) const TARGETS: usize = 6;

/// A misspelt target that is Fieldrail's own.
pub(super) fn own_target(way: usize, home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let is_read = |home: &Home, address: &str| {
        (0..home.routes.len()).any(|route| home.addresses(route, "from").contains(&address))
    };
    let nth_fitting = |home: &Home, route: usize| {
        home.addresses(route, "to").iter().position(|to| match way {
            0 | 1 => to.starts_with("calc.") && is_plain(to) && is_read(home, to),
            2 => to.starts_with("calc.") && is_plain(to),
            3 => to.starts_with("calc."),
            _ => *to == "log.system",
        })
    };
    let route = choose(home, random, |route| home.is_on(route) && nth_fitting(home, route).is_some())?;
    let nth = nth_fitting(home, route)?;
    let right = home.addresses(route, "to")[nth].to_owned();
    let name = right.strip_prefix("calc.").unwrap_or(&right);
    let wrong = match way {
        0..=2 => format!("calc.{}", slip(name, random)),
        3 => format!("{}.{name}", random.pick(&["clac", "cal", "calcs", "kalk", "Calc", "computed", "system"])),
        4 => format!("log.{}", slip("system", random)),
        _ => random.pick(&["log", "logs.system", "log.file", "history", "syslog", "Log.System"]).to_owned(),
    };
    home.put_address(route, "to", nth, &wrong);
    Some(Mistake::new([home.id(route)], format!("to: `{right}` became `{wrong}`")))
}

/// Ways of [`own_source`].
pub(super) const SOURCES: usize = 3;

/// A misspelt computed datapoint that a route takes its values from.
pub(super) fn own_source(way: usize, home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let change = |address: &str, random: &mut Random| {
        let name = address.strip_prefix("calc.")?;
        Some(match way {
            // The number in the middle is forgotten, or another one.
            2 => format!("calc.{}", name.replacen(|c: char| c.is_ascii_digit(), "0", 1)),
            _ => format!("calc.{}", slip(name, random)),
        })
    };
    if way == 1 {
        return looked_up(home, random, "dp('calc.", |_, address, random| change(address, random));
    }
    let route = choose(home, random, |route| {
        home.is_on(route) && home.addresses(route, "from").iter().any(|from| from.starts_with("calc."))
    })?;
    let right = home.addresses(route, "from")[0].to_owned();
    let wrong = change(&right, random).filter(|wrong| *wrong != right)?;
    home.put_address(route, "from", 0, &wrong);
    Some(Mistake::new([home.id(route)], format!("from: `{right}` became `{wrong}`")))
}

/// Ways of [`pattern`].
pub(super) const PATTERNS: usize = PLACEHOLDERS.len() + 7;

/// A pattern or a placeholder that is none.
pub(super) fn pattern(way: usize, home: &mut Home, random: &mut Random) -> Option<Mistake> {
    if let Some((right, wrong)) = PLACEHOLDERS.get(way) {
        let route = choose(home, random, |route| home.text(route, "to").contains(right))?;
        let to = home.text(route, "to").replacen(right, wrong, 1);
        let what = format!("to: `{}` became `{to}`", home.text(route, "to"));
        home.put_address(route, "to", 0, &to);
        return Some(Mistake::new([home.id(route)], what));
    }
    let way = way - PLACEHOLDERS.len();
    let (key, wants_plain) =
        if way < 4 { ("from", false) } else { ([("to", true), ("from", true), ("to", true)])[way - 4] };
    let nth_fitting = |home: &Home, route: usize| {
        let fits = |a: &&str| is_plain(a) == wants_plain && a.contains(['.', '/']) && instance_of(home, a) != Some(*a);
        home.addresses(route, key).iter().position(fits)
    };
    let route = choose(home, random, |route| nth_fitting(home, route).is_some())?;
    let nth = nth_fitting(home, route)?;
    let right = home.addresses(route, key)[nth].to_owned();
    let last = right.rfind(['.', '/'])? + 1;
    let wrong = match way {
        // Stars that do not stand for whole segments.
        0 => right.replacen('*', "***", 1).replace("****", "***"),
        1 => format!("{}a**", &right[..right.find('*')?]),
        // As MQTT writes it.
        2 => format!("{}#", &right[..right.find('*')?]),
        3 => right.replacen("**", "+", 1).replacen('*', "+", 1),
        4 => format!("{}*", &right[..last]),
        5 => format!("{}{{tag}}", &right[..last]),
        // A blank that nobody sees.
        _ => format!("{right} "),
    };
    home.put_address(route, key, nth, &wrong);
    Some(Mistake::new([home.id(route)], format!("{key}: `{right}` became `{wrong}`")))
}
