//! Routes that send again what another one sends already, and routes of one name.

use fieldrail_tests::Random;
use serde_json::json;

use super::{Mistake, choose, copy_of, ends, is_plain, is_state};
use crate::home::Home;

/// Ways of [`shadow`].
pub(super) const WAYS: usize = 6;

/// A copy that has no effect of its own. For that it has to go where each value counts, or it would be a second writer.
pub(super) fn shadow(way: usize, home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let to_events = |route| home.is_on(route) && home.addresses(route, "to").iter().all(|to| !is_state(home, to));
    let is_wild = |route| home.addresses(route, "from").iter().any(|from| !is_plain(from));
    let is_single = |route: usize| home.routes[route]["from"].is_string();
    let fits = |route| match way {
        1 => home.text(route, "condition").is_empty(),
        2 => home.addresses(route, "to").len() > 1,
        3 => is_wild(route),
        4 => is_wild(route) && is_single(route),
        5 => !is_wild(route) && is_single(route),
        _ => true,
    };
    let route = choose(home, random, |route| to_events(route) && fits(route))?;
    let (id, from) = (home.id(route), home.addresses(route, "from")[0].to_owned());
    let mut copy = copy_of(home, route, "_again");
    let what = match way {
        0 | 3 => "a copy",
        1 => {
            copy["condition"] = "quality == 'good'".into();
            "a copy with a condition more"
        }
        2 => {
            copy["to"] = home.addresses(route, "to")[random.below(2)].into();
            "a copy to one of the targets"
        }
        4 => {
            copy["from"] = from.replace("**", "upper.flow").replace('*', "attic").into();
            "one of its sources alone"
        }
        _ => {
            copy["from"] = json!([from, format!("{from}_2")]);
            "a copy with a source more"
        }
    };
    copy["tests"] = json!([]);
    let at = random.below(home.routes.len() + 1);
    home.routes.insert(at, copy);
    Some(Mistake::new([format!("{id}_again"), id], what))
}

/// Two routes of one name.
pub(super) fn duplicate_id(way: usize, home: &mut Home, random: &mut Random) -> Option<Mistake> {
    if way == 0 {
        // Copied and changed, but for the name.
        let route = choose(home, random, |route| ends(home, route).is_some())?;
        let (from, to) = ends(home, route)?;
        let target = if is_state(home, to) { format!("{to}_2") } else { to.to_owned() };
        let mut copy = home.routes[route].clone();
        (copy["from"], copy["to"], copy["tests"]) = (format!("{from}_2").into(), target.into(), json!([]));
        home.routes.insert(route + 1, copy);
        return Some(Mistake::new([home.id(route)], "a copy with the same id"));
    }
    let route = random.below(home.routes.len());
    let other = choose(home, random, |other| other != route)?;
    let id = home.id(route);
    home.routes[other]["id"] = id.as_str().into();
    Some(Mistake::new([id], "two routes with one id"))
}
