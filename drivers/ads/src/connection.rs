//! The task that holds the link: makes it, loads the symbols, lets poller, notifications and writer run, and starts anew.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fieldrail_driver::{Backoff, Failure, State, clock, waits_for};
use fieldrail_model::{Quality, Value};
use tokio::time::{Instant, sleep, timeout};

use crate::codec::command::{DeviceInfo, DeviceState};
use crate::codes::{TARGET_MACHINE, TARGET_PORT, state_name};
use crate::config::EndPoint;
use crate::device::Device;
use crate::error::Error;
use crate::link::{self, Link};
use crate::load;
use crate::notifications;
use crate::own::Own;
use crate::poll;
use crate::proof;
use crate::session::{Away, Session};
use crate::writing;

/// The first wait after a failed try, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// The longest wait for a device that was there before, between two tries and for one: one question a second costs nobody
/// anything, and the system itself would ask again only after 1, 3 and 7 s.
const KNOWN: Duration = Duration::from_secs(1);

/// How often a device without a runtime is asked whether it has one again, on the same link.
const RUNTIME: Duration = Duration::from_millis(500);

/// How often the state of the device is asked for.
const WATCH: Duration = Duration::from_secs(1);

/// Loads of symbols in a row that may fail on a link, and the time between two.
const LOADS: (u32, Duration) = (3, Duration::from_millis(100));

/// ADS state RUN.
const RUN: u16 = 5;

/// How long the last words may take.
const FAREWELL: Duration = Duration::from_millis(800);

/// Between two tries of the first end point while the second is in use.
const SEEK: Duration = Duration::from_secs(10);

/// How a link ended.
enum End {
    /// The driver leaves.
    Leave,
    /// It broke, or the PLC wants another one.
    Over(Error),
    /// The first end point answers again, over this link.
    Home(Link),
}

/// Holds the link until the driver leaves.
pub(crate) async fn hold(session: Rc<RefCell<Session>>, points: Vec<EndPoint>, own_port: u16) {
    let bells = Rc::clone(&session.borrow().bells);
    let mut waits = Backoff::new(WAITS.0, WAITS.1);
    let mut turn = 0;
    let mut since: Option<SystemTime> = None;
    let config = session.borrow().config.clone();
    let mut home: Option<Link> = None;
    let mut is_known = false;
    if session.borrow().journal.was_killed {
        // The link of the former run was closed a moment ago.
        tokio::select! {
            () = sleep(config.pause()) => {}
            () = bells.leave.notified() => return,
        }
    }
    loop {
        let at = turn % points.len().max(1);
        let (Some(point), Some(first)) = (points.get(at), points.first()) else { return };
        let patience = if is_known { KNOWN } else { link::CONNECT };
        let opened = match home.take() {
            Some(link) => Ok(link),
            None => link::open(&config, point, own_port, patience).await,
        };
        let (error, was_open) = match opened {
            Ok(link) => {
                is_known = true;
                waits.reset();
                if since.take().is_some() {
                    tracing::info!(host = point.host, "The link is back.");
                }
                let first = (at > 0).then_some((first, own_port));
                match serve(&session, link, point, first).await {
                    End::Over(error) => (error, true),
                    End::Leave => return,
                    End::Home(link) => {
                        (home, turn) = (Some(link), 0);
                        continue;
                    }
                }
            }
            Err(error) => (error, false),
        };
        // The other way is tried at once, the same one after a pause: a small PLC wants silence after a close.
        let is_other = points.len() > 1;
        turn += 1;
        let wait = match (was_open || closes(&error), is_other && !turn.is_multiple_of(points.len())) {
            (_, true) => WAITS.0,
            (true, false) => config.pause().max(WAITS.0),
            (false, false) => waits.next(getrandom::u32().unwrap_or(0)).min(if is_known { KNOWN } else { WAITS.1 }),
        };
        let next = points.get(turn % points.len()).filter(|_| points.len() > 1);
        if at == 0 && next.is_some() {
            let why = error.to_string();
            let since = session.borrow().away.as_ref().map_or_else(SystemTime::now, |away| away.since);
            session.borrow_mut().away = Some(Away { since, from: point.place(), why });
        }
        tell(&session, point, &error, wait, next, &mut since);
        tokio::select! {
            () = sleep(wait) => {}
            () = bells.retry.notified() => sleep(Duration::from_millis(100)).await,
            () = bells.leave.notified() => return,
        }
    }
}

/// Whether a connection had been there, so that the device wants its pause.
fn closes(error: &Error) -> bool {
    !matches!(error, Error::Unreachable { .. } | Error::Config { .. })
}

/// Says that there is no link, why, and when it is tried again.
fn tell(
    session: &RefCell<Session>,
    point: &EndPoint,
    error: &Error,
    wait: Duration,
    next: Option<&EndPoint>,
    since: &mut Option<SystemTime>,
) {
    let failure = Failure::from(error.clone());
    let since = *since.get_or_insert_with(|| {
        tracing::warn!(host = point.host, error = failure.message, "No link.");
        SystemTime::now()
    });
    let at = next.map(|next| format!(" at {}", next.place())).unwrap_or_default();
    let text = waits_for(&point.place(), &failure.message, since, wait) + &at;
    let why: Arc<str> = failure.message.as_str().into();
    let mut session = session.borrow_mut();
    session.stand(State::Degraded, Failure { message: text, ..failure });
    session.lose(Quality::NotConnected, &why);
    if let Error::ConfigMode { state, .. } = error {
        session.fact(Own::State, Value::text(*state));
    }
}

/// Waits until the first end point answers again, and returns the link to it.
async fn seek(session: &RefCell<Session>, first: Option<(&EndPoint, u16)>) -> Link {
    let Some((first, own_port)) = first else { return std::future::pending().await };
    let config = session.borrow().config.clone();
    loop {
        sleep(SEEK).await;
        if let Ok(link) = link::open(&config, first, own_port, link::CONNECT).await {
            return link;
        }
    }
}

/// Runs on one link until it ends; on the second end point also until the `first` answers again.
async fn serve(session: &Rc<RefCell<Session>>, link: Link, point: &EndPoint, first: Option<(&EndPoint, u16)>) -> End {
    let Link { client, info, state } = link;
    let patience = session.borrow().config.timeout();
    let device = Rc::new(Device::new(client.clone(), patience));
    let listener = Rc::downgrade(session);
    client.listen(move |_, stamps| {
        let Some(session) = listener.upgrade() else { return };
        let mut session = session.borrow_mut();
        for sample in stamps.iter().flat_map(|stamp| &stamp.samples) {
            session.notified(sample.handle, &sample.data);
        }
    });
    session.borrow_mut().connected(Rc::clone(&device));
    session.borrow_mut().note_held(true);
    let bells = Rc::clone(&session.borrow().bells);
    let end = tokio::select! {
        error = runtimes(session, &device, &info, state, point) => End::Over(error),
        error = client.ended() => End::Over(error),
        link = seek(session, first) => End::Home(link),
        () = bells.leave.notified() => End::Leave,
    };
    if let (End::Home(_), Some((first, _))) = (&end, first) {
        tracing::info!(host = first.host, "The first end point answers again.");
        let mut session = session.borrow_mut();
        let why = format!("goes back to {}, which answers again", first.place());
        session.stand(State::Degraded, Failure::new(why.clone()));
        session.lose(Quality::NotConnected, &why.into());
    }
    if !matches!(end, End::Over(_)) || client.broken().is_none() {
        // In order: nothing of ours stays at the device.
        let _ = timeout(FAREWELL, leave(session, &device)).await;
    }
    let mut all = session.borrow_mut();
    all.left.extend(device.take_handles());
    if !matches!(end, End::Over(_)) && all.left.is_empty() {
        all.journal.nothing();
    } else {
        all.note_held(false);
    }
    all.device = None;
    all.reconnects += 1;
    drop(all);
    client.close();
    end
}

async fn leave(session: &RefCell<Session>, device: &Device) {
    let _ = notifications::end(session, device).await;
    device.release_all().await;
}

/// One runtime after the other on the same link: a device that goes to CONFIG mode has none for a while, and to close the
/// link for it would only cost the pause after it.
async fn runtimes(
    session: &RefCell<Session>,
    device: &Device,
    info: &DeviceInfo,
    mut state: DeviceState,
    point: &EndPoint,
) -> Error {
    loop {
        let error = generations(session, device, info, state, point).await;
        if !is_without_runtime(&error) {
            return error;
        }
        let handles = session.borrow_mut().take_notifications();
        session.borrow_mut().lose(Quality::NotConnected, &Arc::from(error.to_string()));
        let why = link::missing_port(point, &device.client).await;
        tracing::info!(why = why.to_string(), "The PLC has no runtime at its port now.");
        if let Error::ConfigMode { state, .. } = &why {
            session.borrow_mut().fact(Own::State, Value::text(*state));
        }
        session.borrow_mut().stand(State::Degraded, Failure::from(why));
        state = match runtime_again(device).await {
            Ok(state) => state,
            Err(error) => return error,
        };
        device.delete_notifications(&handles).await;
        device.release_all().await;
    }
}

/// Whether there is nobody at the port, while the device itself answers.
fn is_without_runtime(error: &Error) -> bool {
    matches!(error, Error::Refused(code) if [TARGET_PORT, TARGET_MACHINE].contains(code))
}

/// Asks until there is a runtime.
async fn runtime_again(device: &Device) -> Result<DeviceState, Error> {
    loop {
        sleep(RUNTIME).await;
        match device.state().await {
            Err(error) if is_without_runtime(&error) => {}
            Err(Error::Silent { .. }) if !device.is_silent() => {}
            end => return end,
        }
    }
}

/// One program after the other on the same link.
async fn generations(
    session: &RefCell<Session>,
    device: &Device,
    info: &DeviceInfo,
    state: DeviceState,
    point: &EndPoint,
) -> Error {
    let bells = Rc::clone(&session.borrow().bells);
    let mut known = session.borrow().left_version();
    let mut state = state;
    let mut failed = 0;
    loop {
        match prepare(session, device, info, known, failed < LOADS.0).await {
            Ok(()) => failed = 0,
            Err(Error::Changed) => continue,
            // One wrong or missed answer is no broken link, and to close it would cost more.
            Err(error) if failed < LOADS.0 && !error.ends_link() && !is_without_runtime(&error) => {
                failed += 1;
                sleep(LOADS.1).await;
                continue;
            }
            Err(error) => return error,
        }
        known = device.version.get();
        begin(session, info, state, point);
        let mut writer = pin!(writing::write(session, device));
        let mut follower = pin!(notifications::follow(session, device));
        let error = tokio::select! {
            error = poll::poll(session, device) => error,
            error = &mut follower => {
                session.borrow_mut().asking = false;
                error
            }
            error = proof::prove(session, device) => error,
            error = &mut writer => error,
            error = watch(session, device, &mut state, point) => error,
            () = other_program(session) => Error::Changed,
        };
        // What the device is being asked to send gets its answer: without it nobody could take that back.
        while session.borrow().asking {
            tokio::select! {
                error = &mut follower => if matches!(error, Error::Changed) { break } else { return error },
                () = bells.asked.notified() => {}
            }
        }
        if !matches!(error, Error::Changed) {
            return error;
        }
        // What is with the device gets its answer: handles keep it from the wrong place.
        session.borrow_mut().writes.held = true;
        while session.borrow().writes.under_way > 0 {
            tokio::select! {
                error = &mut writer => if error.ends_link() { return error } else { break },
                () = bells.written.notified() => {}
            }
        }
        tracing::info!("The PLC program has changed; its symbols are read again.");
        let handles = session.borrow_mut().take_notifications();
        session.borrow_mut().lose(Quality::Stale, &Arc::from(Error::Changed.to_string()));
        device.delete_notifications(&handles).await;
        device.release_all().await;
    }
}

/// Waits until the device tells of another program.
async fn other_program(session: &RefCell<Session>) {
    let bells = Rc::clone(&session.borrow().bells);
    while !session.borrow().program_changed {
        bells.program.notified().await;
    }
}

/// Loads the symbols (`is_strict`: no less of them than before), after what an earlier link left at the device was given back.
async fn prepare(
    session: &RefCell<Session>,
    device: &Device,
    info: &DeviceInfo,
    known: Option<u8>,
    is_strict: bool,
) -> Result<(), Error> {
    let cache = session.borrow().cache.clone();
    let loaded = load::load(device, info, cache.as_deref()).await?;
    // It told both before; a device does not unlearn that.
    if is_strict && known.is_some() && (loaded.is_none() || device.version.get().is_none()) {
        return Err(Error::Unexpected);
    }
    device.by_name.set(loaded.is_none() && session.borrow().file.is_none());
    let left = session.borrow().left.clone();
    // Of another program they are gone by themselves, and their numbers may be somebody else's.
    let is_same = known.is_some() && known == device.version.get();
    if !is_same || left.is_empty() || device.release(&left).await {
        session.borrow_mut().left.clear();
    }
    session.borrow_mut().take_program(loaded);
    session.borrow_mut().last_version = device.version.get();
    session.borrow_mut().note_held(false);
    device.client.broken().map_or(Ok(()), Err)
}

/// The link and the symbols are there: values can be believed.
fn begin(session: &RefCell<Session>, info: &DeviceInfo, state: DeviceState, point: &EndPoint) {
    let mut session = session.borrow_mut();
    session.trust();
    session.program_changed = false;
    session.writes.held = false;
    session.fact(Own::Device, Value::text(info.name.trim()));
    session.fact(Own::Version, Value::text(format!("{}.{}.{}", info.major, info.minor, info.build)));
    let version = session.device.as_ref().and_then(|device| device.version.get());
    if let Some(version) = version {
        session.fact(Own::SymbolVersion, Value::Int(version.into()));
    }
    take_state(&mut session, state, point);
    session.bells.write.notify_one();
}

/// Says how the device stands.
fn take_state(session: &mut Session, state: DeviceState, point: &EndPoint) {
    let name = state_name(state.ads);
    let symbols = session.catalog.len();
    if state.ads == RUN {
        session.stand_still(None);
        session.bells.again.notify_waiters();
        if let Some(Away { since, from, why }) = session.away.clone().filter(|away| away.from != point.place()) {
            let (place, since) = (point.place(), clock(since));
            let text = format!(
                "on the fallback end point {place} since {since}: {from} does not answer ({why}) and is tried every 10 s"
            );
            session.make_do(Failure::new(text).hint("values come from, and go to, the second end point meanwhile"));
        } else {
            session.away = None;
            let text = format!("connected to {} at {}, {symbols} symbols", point.target, point.host);
            session.stand(State::Connected, Failure::new(text));
        }
    } else {
        session.stand_still(Some(format!("the PLC is in {name}").into()));
        let failure = Failure::new(format!("the PLC is in {name}; values stand still"));
        session.stand(State::Degraded, failure.hint("start the PLC program"));
    }
    session.fact(Own::State, Value::text(name));
}

/// Asks how the device stands, and notices when it does not answer any more.
async fn watch(session: &RefCell<Session>, device: &Device, state: &mut DeviceState, point: &EndPoint) -> Error {
    let mut next = Instant::now() + WATCH;
    loop {
        tokio::time::sleep_until(next).await;
        next = Instant::now() + WATCH;
        match device.state().await {
            Ok(now) => {
                if now.ads != state.ads {
                    *state = now;
                    take_state(&mut session.borrow_mut(), now, point);
                }
                session.borrow_mut().renew_notified();
            }
            // In CONFIG, or after the runtime was stopped, there is nobody at the port.
            Err(Error::Refused(code)) if [TARGET_PORT, TARGET_MACHINE].contains(&code) => return code.into(),
            Err(Error::Refused(_)) => {}
            Err(error @ Error::Silent { .. }) => {
                if device.is_silent() {
                    return error;
                }
                next = Instant::now();
            }
            Err(error) => return error,
        }
    }
}
