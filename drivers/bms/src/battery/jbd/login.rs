//! The log-in of JBD units over Bluetooth that want a password: `FF AA COMMAND LENGTH DATA SUM8`, the sum from the command on.
//!
//! Three steps: the app's key (15), a random byte of the battery (17), the password mixed with that byte and the
//! Bluetooth address (18).

use super::super::stream::Look;
use super::super::sums::sum8;
use super::super::{Found, Kind, Question, Setup};
use crate::fault::Fault;

const APP_KEY: u8 = 0x15;
const RANDOM: u8 = 0x17;
const PASSWORD: u8 = 0x18;

/// The key that the maker's app sends unless it was changed.
const DEFAULT_KEY: &[u8] = b"000000";

/// The most data of a frame.
const MOST_DATA: usize = 32;

/// Where a log-in stands.
pub(super) struct Login {
    /// Six characters and the battery's address; none if no log-in is wanted.
    secret: Option<([u8; 6], [u8; 6])>,
    next: Option<Question>,
}

impl Login {
    pub(super) fn new(setup: &Setup) -> Self {
        let password = setup.password.as_deref().and_then(|text| <[u8; 6]>::try_from(text.as_bytes()).ok());
        Self { secret: password.zip(setup.mac), next: None }
    }

    /// The first step.
    pub(super) fn first(&self) -> Option<Question> {
        self.secret.map(|_| Question::new("log-in", framed(APP_KEY, DEFAULT_KEY)))
    }

    /// What to say next.
    pub(super) fn reply(&mut self) -> Option<Question> {
        self.next.take()
    }

    /// What a whole frame says.
    pub(super) fn take(&mut self, frame: &[u8]) -> Result<Found, Fault> {
        let [_, _, command, _, data @ .., _] = frame else { return Err(Fault::Nothing(frame.len())) };
        match (*command, data) {
            (RANDOM, [random]) => {
                self.next = self.secret.map(|(password, mac)| {
                    let mixed: Vec<u8> =
                        mac.iter().zip(password).map(|(mac, letter)| (mac ^ letter).wrapping_add(*random)).collect();
                    Question::new("password", framed(PASSWORD, &mixed))
                });
                Ok(Found::other(Kind::Login("random")))
            }
            (APP_KEY, [0]) => {
                self.next = self.secret.map(|_| Question::new("random", framed(RANDOM, &[])));
                Ok(Found::other(Kind::Login("key")))
            }
            (PASSWORD, [0]) => Ok(Found::other(Kind::Login("password"))),
            (_, [0]) => Ok(Found::other(Kind::Login("accepted"))),
            (command, data) => Err(Fault::Refused(format!("the log-in, step {command:02X}, with {data:02X?}"))),
        }
    }
}

/// A frame of the log-in.
fn framed(command: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xaa, command, u8::try_from(data.len()).unwrap_or(u8::MAX)];
    bytes.extend_from_slice(data);
    bytes.push(sum8(&bytes[2..]));
    bytes
}

/// What the bytes look like, if they begin with FF.
pub(super) fn look(bytes: &[u8]) -> Look {
    match bytes {
        [0xff] | [0xff, 0xaa] | [0xff, 0xaa, _] => Look::More(None),
        [0xff, 0xaa, _, length, rest @ ..] if usize::from(*length) <= MOST_DATA => {
            let length = usize::from(*length);
            let Some(found) = rest.get(length) else { return Look::More(Some(length + 5)) };
            let expected = sum8(&bytes[2..length + 4]);
            if expected == *found {
                Look::Good(length + 5)
            } else {
                Look::Bad(length + 5, Fault::Checksum { expected: expected.into(), found: (*found).into() })
            }
        }
        _ => Look::Not,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_has_the_bytes_of_the_capture() {
        let mac = Some([0xa4, 0xc1, 0x37, 0x04, 0x2d, 0xbe]);
        let mut login = Login::new(&Setup { password: Some("123123".into()), mac, ..Setup::default() });
        let first = login.first().unwrap().bytes;
        assert_eq!(first, [0xff, 0xaa, 0x15, 6, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x3b]);
        login.take(&[0xff, 0xaa, 0x15, 1, 0, 0x16]).unwrap();
        assert_eq!(login.reply().unwrap().bytes, [0xff, 0xaa, 0x17, 0, 0x17]);
        login.take(&[0xff, 0xaa, 0x17, 1, 0x37, 0x4f]).unwrap();
        let password = [0xff, 0xaa, 0x18, 6, 0xcc, 0x2a, 0x3b, 0x6c, 0x56, 0xc4, 0xd5];
        assert_eq!(login.reply().unwrap().bytes, password);
        assert!(login.take(&[0xff, 0xaa, 0x18, 1, 1, 0x1a]).is_err(), "a wrong password is said");
        assert_eq!(login.reply(), None);
    }
}
