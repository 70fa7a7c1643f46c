//! What the device sends by itself: as many variables as it can bear; the rest is polled.
//!
//! Notifications of a device may stop while its TCP connection stays. So one of them, the version of the program, comes
//! cyclically and proves that all others would come; when it fails, everything is polled.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::codec::command::{Mode, Wish};
use crate::codec::groups;
use crate::device::Device;
use crate::error::Error;
use crate::session::{Key, Session, Wanted, Way};

/// How often the beat comes.
const BEAT: Duration = Duration::from_millis(250);

/// Silence after which notifications are taken for dead.
const DEAD: Duration = Duration::from_millis(2500);

/// How long until notifications are tried again.
const AGAIN: Duration = Duration::from_mins(1);

/// Notifications that are added in one request.
const TOGETHER: usize = 100;

/// A duration in units of 100 ns.
fn units(time: Duration) -> u32 {
    u32::try_from(time.as_nanos() / 100).unwrap_or(u32::MAX)
}

/// Keeps the device's notifications in step with the demand, until the link breaks.
pub(crate) async fn follow(session: &RefCell<Session>, device: &Device) -> Error {
    let bells = Rc::clone(&session.borrow().bells);
    loop {
        if session.borrow().config.max_notifications > 0 && device.version.get().is_some() {
            match begin(session, device).await {
                Ok(true) => {
                    if let Err(error) = keep(session, device).await {
                        return error;
                    }
                    tracing::warn!("The device has stopped sending by itself; everything is polled.");
                }
                Ok(false) => tracing::info!("The device sends nothing by itself; everything is polled."),
                Err(error) => return error,
            }
        }
        session.borrow_mut().ask(true);
        let ended = end(session, device).await;
        session.borrow_mut().ask(false);
        if let Err(error) = ended {
            return error;
        }
        // A device that stands still may send nothing; when it runs again it does.
        let _ = timeout(AGAIN, bells.again.notified()).await;
    }
}

/// Asks for the beat, and waits for the first one. False if the device sends none.
async fn begin(session: &RefCell<Session>, device: &Device) -> Result<bool, Error> {
    let group = groups::SYMBOL_VERSION;
    let wish = Wish { group, offset: 0, length: 1, mode: Mode::Cyclic, max_delay: 0, cycle: units(BEAT) };
    session.borrow_mut().forget_early();
    session.borrow_mut().ask(true);
    let added = device.client.add_notification(wish).await;
    let asked = Instant::now();
    if let Ok(handle) = added {
        session.borrow_mut().beat = Some((handle, asked));
    }
    session.borrow_mut().ask(false);
    let handle = match added {
        Ok(handle) => handle,
        Err(Error::Refused(_)) => return Ok(false),
        Err(error) => return Err(error),
    };
    let beats = async {
        loop {
            sleep(BEAT / 5).await;
            let is_early = session.borrow_mut().take_early(handle);
            if is_early || session.borrow().beat.is_some_and(|(_, time)| time > asked) {
                return;
            }
        }
    };
    Ok(timeout(DEAD, beats).await.is_ok())
}

/// Adds and deletes as the demand changes, until the beat fails.
async fn keep(session: &RefCell<Session>, device: &Device) -> Result<(), Error> {
    let bells = Rc::clone(&session.borrow().bells);
    let mut most = usize::from(session.borrow().config.max_notifications).saturating_sub(1);
    let mut last = None;
    loop {
        let changed = bells.notify.notified();
        session.borrow_mut().ask(true);
        session.borrow_mut().make_room(most);
        let spare = std::mem::take(&mut session.borrow_mut().spare);
        device.delete_notifications(&spare).await;
        loop {
            let wishes = next_wishes(&session.borrow(), most);
            let Some(wishes) = wishes else { break };
            let count = session.borrow().handles.len();
            if !add(session, device, &wishes).await? {
                // It holds no more than it has now.
                most = session.borrow().handles.len();
                tracing::info!(most, "The device sends no more variables by itself; the rest is polled.");
            }
            if session.borrow().handles.len() == count {
                break;
            }
        }
        session.borrow_mut().ask(false);
        let _ = timeout(BEAT, changed).await;
        let beat = session.borrow().beat.map(|(_, time)| time);
        if beat != last {
            last = beat;
            session.borrow_mut().renew_notified();
        }
        if beat.is_none_or(|time| time.elapsed() > DEAD) {
            return Ok(());
        }
    }
}

/// The next variables that the device may be asked for.
fn next_wishes(session: &Session, most: usize) -> Option<Vec<(Key, Wish)>> {
    let room = most.saturating_sub(session.handles.len()).min(TOGETHER);
    let usual = Duration::from_millis(session.config.notify_ms.into());
    let wish = |(key, wanted): (&Key, &Wanted)| {
        let place = wanted.place.as_ref()?;
        let cycle = wanted.interval.map_or(usual, |interval| interval.min(usual));
        let (group, offset, length) = (place.group, place.offset, place.size);
        let wish = Wish { group, offset, length, mode: Mode::OnChange, max_delay: 0, cycle: units(cycle) };
        Some((Rc::clone(key), wish))
    };
    let [named, others] = [true, false].map(|exact| {
        session.wanted.iter().filter(move |(_, wanted)| wanted.exact == exact && wanted.may_be_notified())
    });
    let wishes: Vec<_> = named.chain(others).filter_map(wish).take(room).collect();
    (!wishes.is_empty()).then_some(wishes)
}

/// Adds notifications. False if the device takes no more.
async fn add(session: &RefCell<Session>, device: &Device, wishes: &[(Key, Wish)]) -> Result<bool, Error> {
    let only: Vec<Wish> = wishes.iter().map(|(_, wish)| *wish).collect();
    session.borrow_mut().forget_early();
    let ends = device.add_notifications(&only).await?;
    let mut session = session.borrow_mut();
    let mut takes_more = true;
    for ((key, _), end) in wishes.iter().zip(ends) {
        match end {
            Ok(handle) => session.added(key, handle),
            Err(error) => {
                // 0x716: no more handles; anything else concerns this variable alone.
                takes_more &= error.code().is_none_or(|code| code.0 != 0x716);
                if takes_more && let Some(wanted) = session.wanted.get_mut(key) {
                    wanted.polled_only = true;
                }
            }
        }
    }
    Ok(takes_more)
}

/// Deletes all notifications; everything is polled from now on.
pub(crate) async fn end(session: &RefCell<Session>, device: &Device) -> Result<(), Error> {
    let handles = session.borrow_mut().take_notifications();
    device.delete_notifications(&handles).await;
    device.client.broken().map_or(Ok(()), Err)
}

impl Session {
    /// Who was asked for by name comes before who fits a pattern: if there is no room for all of them, some of those are
    /// polled from now on.
    fn make_room(&mut self, most: usize) {
        let waits = |wanted: &&Wanted| wanted.exact && wanted.may_be_notified();
        let room = most.saturating_sub(self.handles.len());
        let missing = self.wanted.values().filter(waits).count().saturating_sub(room);
        if missing == 0 {
            return;
        }
        let by_pattern = |key: &&Key| self.wanted.get(*key).is_some_and(|wanted| !wanted.exact);
        let some: Vec<(u32, Key)> = self
            .handles
            .iter()
            .filter(|(_, key)| by_pattern(key))
            .take(missing)
            .map(|(&n, key)| (n, key.clone()))
            .collect();
        for (handle, key) in some {
            self.handles.remove(&handle);
            self.spare.push(handle);
            self.poll_from_now(&key);
        }
    }

    /// A tag is not sent by itself any more.
    fn poll_from_now(&mut self, key: &Key) {
        if let Some(wanted) = self.wanted.get_mut(key) {
            wanted.way = Way::Polled;
        }
        self.replan();
        self.poll_again(key);
    }

    /// Takes all notifications out; everything is polled from now on.
    pub(crate) fn take_notifications(&mut self) -> Vec<u32> {
        let mut handles: Vec<u32> = self.handles.drain().map(|(handle, _)| handle).collect();
        handles.append(&mut self.spare);
        handles.extend(self.beat.take().map(|(handle, _)| handle));
        let keys: Vec<Key> =
            self.wanted.iter().filter(|(_, w)| w.way != Way::Polled).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.poll_from_now(&key);
        }
        handles
    }
}
