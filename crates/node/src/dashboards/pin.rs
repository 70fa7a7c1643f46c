//! The PIN of the house, for widgets that ask for it.
//!
//! What is kept of it is a hash in `secrets.json`. Invariant: after five wrong tries of somebody each further one has to wait
//! longer, up to five minutes; a right one ends that.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fieldrail_store::Secret;

use crate::node::lock;
use crate::people::{Role, Who, hash_password, verify_password};
use crate::{Error, Node, Result};

/// The name of its hash in `secrets.json`.
const NAME: &str = "dashboards.pin";
/// Digits.
const SHORTEST: usize = 4;
const LONGEST: usize = 12;
/// Wrong tries that cost nothing, then the first wait, which doubles, and the longest.
const FREE: u32 = 5;
const WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// People whose wrong tries are remembered.
const MOST_PEOPLE: usize = 1_000;

/// Wrong tries by person.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    wrong: Mutex<HashMap<String, (u32, Instant)>>,
    /// One is looked at at a time: a hash takes memory and time on purpose.
    one: tokio::sync::Mutex<()>,
}

impl Tries {
    fn may_try(&self, name: &str, now: Instant) -> Result<()> {
        match lock(&self.wrong).get(name) {
            Some((_, until)) if *until > now => Err(Error::TooMany { retry_after_s: (*until - now).as_secs() + 1 }),
            _ => Ok(()),
        }
    }

    fn note(&self, name: &str, is_right: bool, now: Instant) {
        let mut wrong = lock(&self.wrong);
        if is_right {
            wrong.remove(name);
            return;
        }
        if wrong.len() >= MOST_PEOPLE {
            wrong.retain(|_, (_, until)| *until + LONGEST_WAIT > now);
        }
        let (count, until) = wrong.entry(name.to_owned()).or_insert((0, now));
        *count += 1;
        let doublings = count.saturating_sub(FREE).min(16);
        if doublings > 0 {
            *until = now + (WAIT * (1 << (doublings - 1))).min(LONGEST_WAIT);
        }
    }
}

impl Node {
    /// Gives the house another PIN.
    pub async fn set_pin(&self, who: &Who, pin: String) -> Result<()> {
        who.must_be(Role::Admin)?;
        if !(SHORTEST..=LONGEST).contains(&pin.len()) || !pin.bytes().all(|b| b.is_ascii_digit()) {
            let message = format!("a PIN has {SHORTEST} to {LONGEST} digits");
            return Err(Error::invalid_at("pin", message, None));
        }
        let hash = tokio::task::spawn_blocking(move || hash_password(&pin)).await;
        let hash = hash.map_err(|error| Error::Internal(error.to_string()))??;
        self.keep_pin(who, Some(&hash))
    }

    /// Takes the PIN away. Widgets that ask for it work for nobody until there is another.
    pub fn remove_pin(&self, who: &Who) -> Result<()> {
        who.must_be(Role::Admin)?;
        self.keep_pin(who, None)
    }

    fn keep_pin(&self, who: &Who, hash: Option<&str>) -> Result<()> {
        let edited = self.files.secrets.edit(&who.name, None, |file| {
            match hash {
                Some(hash) => file.secrets.insert(NAME.into(), Secret::new(hash)),
                None => file.secrets.remove(NAME),
            };
            Ok::<_, Error>(())
        });
        edited.map(drop).map_err(|error| Error::from_edit(self.files.secrets.name(), error))
    }

    pub(super) fn pin_hash(&self) -> Option<String> {
        let file = self.files.secrets.snapshot()?;
        file.value.secrets.get(NAME).map(|hash| hash.reveal().to_owned())
    }

    /// Fails unless somebody knows the PIN.
    pub(super) async fn must_know_pin(&self, who: &Who, shown: Option<String>) -> Result<()> {
        let Some(hash) = self.pin_hash() else {
            let hint = Some("an administrator sets one on the page of the dashboards".into());
            return Err(Error::invalid_at("pin", "this widget asks for a PIN, and the house has none", hint));
        };
        let Some(shown) = shown.filter(|shown| shown.len() <= LONGEST) else {
            return Err(Error::invalid_at("pin", "this widget asks for the PIN", Some("send it as `pin`".into())));
        };
        let _one = self.pin_tries.one.lock().await;
        self.pin_tries.may_try(&who.name, Instant::now())?;
        let right = tokio::task::spawn_blocking(move || verify_password(&hash, &shown)).await;
        let right = right.map_err(|error| Error::Internal(error.to_string()))?;
        self.pin_tries.note(&who.name, right, Instant::now());
        if right {
            return Ok(());
        }
        Err(Error::invalid_at("pin", "this is not the PIN", Some("after five wrong ones each try has to wait".into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_five_wrong_tries_somebody_waits_longer_each_time_and_a_right_one_ends_it() {
        let tries = Tries::default();
        let mut now = Instant::now();
        for _ in 0..5 {
            tries.may_try("anna", now).unwrap();
            tries.note("anna", false, now);
        }
        for wait in [5, 10, 20, 40, 80, 160, 300, 300] {
            tries.may_try("anna", now).unwrap();
            tries.note("anna", false, now);
            tries.may_try("ben", now).unwrap();
            let refused = tries.may_try("anna", now + Duration::from_millis(wait * 1000 - 500));
            assert!(matches!(refused, Err(Error::TooMany { retry_after_s: 1 })), "{wait}");
            now += Duration::from_secs(wait);
        }
        tries.note("anna", true, now);
        for _ in 0..5 {
            tries.note("anna", false, now);
        }
        tries.may_try("anna", now).unwrap();
    }
}
