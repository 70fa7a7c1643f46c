//! Proving what the device has sent by itself: a notification looks at an address, and after an online change something
//! else may lie there.
//!
//! Invariant: a sample is believed only when the version of the program, asked for after the sample had come, is still the
//! one whose symbols are known. So it was no other when the sample was made.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;

use crate::device::Device;
use crate::error::Error;
use crate::session::{Session, Way};

/// Samples that wait for their proof; variables of more are polled.
const MOST_UNPROVED: usize = 4096;

/// Proves samples until the link breaks or the program changes. There is one question under way at most, for all that came
/// before it.
pub(crate) async fn prove(session: &RefCell<Session>, device: &Device) -> Error {
    let bells = Rc::clone(&session.borrow().bells);
    loop {
        let rung = bells.proof.notified();
        let unproved = std::mem::take(&mut session.borrow_mut().unproved);
        if unproved.is_empty() {
            rung.await;
            continue;
        }
        match device.program_version().await {
            Ok(Some(found)) if device.version.get() == Some(found) => session.borrow_mut().proved(unproved),
            Ok(Some(_)) => return Error::Changed,
            Err(error) if error.ends_link() => return error,
            // The device did not say: what it sent is worth nothing, and is read instead.
            Ok(None) | Err(_) => session.borrow_mut().unprovable(&unproved),
        }
    }
}

impl Session {
    /// A sample of a known notification came.
    pub(crate) fn unproved(&mut self, handle: u32, data: &Bytes) {
        if self.unproved.len() >= MOST_UNPROVED {
            return self.unprovable(&[(handle, data.clone())]);
        }
        self.unproved.push((handle, data.clone()));
        self.bells.proof.notify_one();
    }

    fn proved(&mut self, samples: Vec<(u32, Bytes)>) {
        for (handle, data) in samples {
            let Some(key) = self.handles.get(&handle).cloned() else { continue };
            if let Some(wanted) = self.wanted.get_mut(&key)
                && let Way::Notified { heard, .. } = &mut wanted.way
                && !std::mem::replace(heard, true)
            {
                self.replan();
            }
            self.arrive(&key, Ok(&data[..]));
        }
    }

    fn unprovable(&mut self, samples: &[(u32, Bytes)]) {
        for (handle, _) in samples {
            let Some(key) = self.handles.get(handle).cloned() else { continue };
            if let Some(wanted) = self.wanted.get_mut(&key)
                && let Way::Notified { heard, .. } = &mut wanted.way
            {
                *heard = false;
                self.replan();
            }
            self.poll_again(&key);
        }
    }
}
