//! The profiles that come with the driver: one file each in `profiles/`.

use super::{MapError, Profile};

/// Name and text of each.
const PROFILES: &[(&str, &str)] = &[];

/// The names, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROFILES.iter().map(|(name, _)| *name)
}

/// The profile of this name. None if there is none.
pub fn find(name: &str) -> Option<Result<Profile, MapError>> {
    let (_, text) = PROFILES.iter().find(|(known, _)| *known == name)?;
    Some(Profile::parse(text, &format!("profiles/{name}.json")))
}
