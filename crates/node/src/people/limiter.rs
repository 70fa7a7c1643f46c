//! How often somebody may try: log-ins per account and per address, writes per token. It runs before the work it limits.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::{Error, Result};

/// Tries that an account has at once; then one each twelve seconds.
const PER_ACCOUNT: NonZeroU32 = NonZeroU32::new(5).expect("not zero");

/// Tries that an address has at once; then one each three seconds.
const PER_ADDRESS: NonZeroU32 = NonZeroU32::new(20).expect("not zero");

/// Keys that are remembered before the idle ones are forgotten.
const KEYS: usize = 10_000;

pub(super) struct Limiter {
    accounts: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<String>,
    writes: Mutex<HashMap<String, (u32, DefaultDirectRateLimiter)>>,
}

impl Default for Limiter {
    fn default() -> Self {
        let per_minute = |burst: NonZeroU32| RateLimiter::keyed(Quota::per_minute(burst));
        Self { accounts: per_minute(PER_ACCOUNT), addresses: per_minute(PER_ADDRESS), writes: Mutex::default() }
    }
}

impl Limiter {
    /// One try to log in as `account` from `address`.
    pub(super) fn allow(&self, address: &str, account: &str) -> Result<()> {
        if self.accounts.len() + self.addresses.len() > KEYS {
            self.accounts.retain_recent();
            self.addresses.retain_recent();
        }
        let account: String = account.chars().take(64).collect();
        check(&self.addresses, &address.to_owned())?;
        check(&self.accounts, &account)
    }

    /// One write of a token that may write `rate` times a second.
    pub(super) fn allow_write(&self, token: &str, rate: u32) -> Result<()> {
        let Some(quota) = NonZeroU32::new(rate) else { return Err(Error::TooMany { retry_after_s: 3600 }) };
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = writes.entry(token.to_owned());
        let limiter = entry.or_insert_with(|| (rate, RateLimiter::direct(Quota::per_second(quota))));
        if limiter.0 != rate {
            *limiter = (rate, RateLimiter::direct(Quota::per_second(quota)));
        }
        limiter.1.check().map_err(|_| Error::TooMany { retry_after_s: 1 })
    }
}

fn check(limiter: &DefaultKeyedRateLimiter<String>, key: &String) -> Result<()> {
    limiter.check_key(key).map_err(|until| Error::TooMany {
        retry_after_s: until.wait_time_from(DefaultClock::default().now()).as_secs() + 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_try_at_one_account_waits_and_another_account_does_not() {
        let limiter = Limiter::default();
        for _ in 0..5 {
            limiter.allow("10.0.0.1", "admin").unwrap();
        }
        assert!(matches!(limiter.allow("10.0.0.2", "admin"), Err(Error::TooMany { retry_after_s: 1.. })));
        limiter.allow("10.0.0.2", "other").unwrap();
    }

    #[test]
    fn one_address_cannot_try_many_accounts() {
        let limiter = Limiter::default();
        let refused = (0..30).filter(|n| limiter.allow("10.0.0.1", &format!("user{n}")).is_err()).count();
        assert!(refused >= 9, "{refused}");
    }

    #[test]
    fn a_token_without_writes_writes_nothing() {
        assert!(Limiter::default().allow_write("t", 0).is_err());
    }
}
