//! Frames out of bytes that come in any pieces, with noise before and between them.
//!
//! A decoder only says what the bytes at one place look like ([`Look`]); searching, resynchronising and telling noise from a
//! broken frame is done here, once. A candidate with a wrong sum is a fault only if no good frame begins within it: otherwise it
//! was noise that looked like a start.

use crate::fault::Fault;

/// The most bytes that wait for the rest of their frame; beyond it the oldest are dropped as noise.
pub const MOST_WAITING: usize = 4096;

/// What the bytes from one place on look like.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    /// No frame begins here.
    Not,
    /// A frame may begin here; it is not whole yet. How long it will be, if that is known.
    More(Option<usize>),
    /// A frame of this length, whole and well.
    Good(usize),
    /// Something of this length that looked like a frame, and why it is none.
    Bad(usize, Fault),
}

/// The bytes that wait.
#[derive(Debug, Default)]
pub struct Stream {
    waiting: Vec<u8>,
    /// Where the search stands.
    at: usize,
    /// A candidate that failed: where it ends, and why.
    suspect: Option<(usize, Fault)>,
    /// A question of ours that the line may send back.
    echo: Vec<u8>,
    /// Bytes that belonged to no frame.
    noise: u64,
}

impl Stream {
    /// Bytes that came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        let over = self.waiting.len().saturating_sub(MOST_WAITING);
        self.at = self.at.max(over);
    }

    /// A question goes out over a line that may echo: if its bytes come back first, they are dropped.
    pub fn may_echo(&mut self, question: &[u8]) {
        self.echo = question.to_vec();
    }

    /// Bytes that belonged to no frame so far.
    pub fn noise(&self) -> u64 {
        self.noise
    }

    /// Whether bytes wait for the rest of their frame.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Forgets all that waits, for a new link.
    pub fn clear(&mut self) {
        let noise = self.noise;
        *self = Self { noise, ..Self::default() };
    }

    /// The next frame or fault; none if it takes more bytes.
    pub fn next(&mut self, look: impl Fn(&[u8]) -> Look) -> Option<Result<Vec<u8>, Fault>> {
        if self.may_still_echo() {
            return None;
        }
        loop {
            if self.suspect.as_ref().is_some_and(|(end, _)| *end <= self.at) {
                return self.suspect.take().map(|(_, fault)| Err(fault));
            }
            let rest = &self.waiting[self.at..];
            if rest.is_empty() {
                self.compact();
                return None;
            }
            match look(rest) {
                Look::Not => self.skip(),
                Look::More(_) => {
                    self.compact();
                    return None;
                }
                Look::Good(length) => {
                    let end = self.at.saturating_add(length.max(1)).min(self.waiting.len());
                    let frame = self.waiting[self.at..end].to_vec();
                    self.at = end;
                    self.suspect = None;
                    self.compact();
                    return Some(Ok(frame));
                }
                Look::Bad(length, fault) => {
                    let end = self.at.saturating_add(length.max(1));
                    self.suspect.get_or_insert((end, fault));
                    self.skip();
                }
            }
        }
    }

    /// Nothing more comes for now: what was cut off is a fault, and what stands behind a false start is found. Called until
    /// there is none.
    pub fn end(&mut self, look: impl Fn(&[u8]) -> Look + Copy) -> Option<Result<Vec<u8>, Fault>> {
        if self.may_still_echo() {
            self.echo.clear();
        }
        loop {
            if let Some(found) = self.next(look) {
                return Some(found);
            }
            if self.waiting.is_empty() {
                return self.suspect.take().map(|(_, fault)| Err(fault));
            }
            let have = self.waiting.len();
            let want = if let Look::More(want) = look(&self.waiting) { want } else { None };
            self.suspect.get_or_insert((have, Fault::Truncated { have, want }));
            self.skip();
        }
    }

    /// One byte belongs to no frame.
    fn skip(&mut self) {
        self.at += 1;
        self.noise += 1;
    }

    /// Forgets what has been looked at.
    fn compact(&mut self) {
        self.waiting.drain(..self.at);
        if let Some((end, _)) = &mut self.suspect {
            *end -= self.at;
        }
        self.at = 0;
    }

    /// Drops our own question if it came back first; says whether what waits may yet become it.
    fn may_still_echo(&mut self) -> bool {
        if self.echo.is_empty() || self.waiting.is_empty() {
            return false;
        }
        if self.waiting.len() < self.echo.len() && self.echo.starts_with(&self.waiting) {
            return true;
        }
        if self.waiting.starts_with(&self.echo) {
            self.waiting.drain(..self.echo.len());
        }
        self.echo.clear();
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `A5`, a length, bytes, and their sum.
    fn look(bytes: &[u8]) -> Look {
        match bytes {
            [0xa5] => Look::More(None),
            [0xa5, length, rest @ ..] => {
                let length = usize::from(*length);
                match rest.get(..=length).and_then(|rest| rest.split_last()) {
                    None => Look::More(Some(length + 3)),
                    Some((sum, data)) if *sum == super::super::sums::sum8(data) => Look::Good(length + 3),
                    Some((sum, data)) => {
                        let expected = super::super::sums::sum8(data).into();
                        Look::Bad(length + 3, Fault::Checksum { expected, found: (*sum).into() })
                    }
                }
            }
            _ => Look::Not,
        }
    }

    fn all(pieces: &[&[u8]]) -> Vec<Result<Vec<u8>, Fault>> {
        let mut stream = Stream::default();
        let mut found = Vec::new();
        for piece in pieces {
            stream.push(piece);
            found.extend(std::iter::from_fn(|| stream.next(look)));
        }
        found.extend(std::iter::from_fn(|| stream.end(look)));
        assert!(!stream.is_waiting());
        found
    }

    const FRAME: [u8; 5] = [0xa5, 2, 1, 2, 3];

    #[test]
    fn pieces_and_noise_change_nothing() {
        let noisy = [&[0, 7, 0xa5, 0][..], &[9], &FRAME, &FRAME, &[1, 1]].concat();
        let whole = all(&[&noisy]);
        // `A5 00 09` was a false start with a wrong sum that ends before a frame begins.
        assert_eq!(whole, [Err(Fault::Checksum { expected: 0, found: 9 }), Ok(FRAME.to_vec()), Ok(FRAME.to_vec())]);
        for cut in 1..noisy.len() {
            assert_eq!(all(&[&noisy[..cut], &noisy[cut..]]), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_good_frame_within_a_broken_one_makes_it_noise() {
        assert_eq!(all(&[&[0xa5, 7], &FRAME, &[1, 2, 3]]), [Ok(FRAME.to_vec())]);
    }

    #[test]
    fn what_is_cut_off_is_said_once() {
        assert_eq!(all(&[&FRAME[..4]]), [Err(Fault::Truncated { have: 4, want: Some(5) })]);
        assert_eq!(all(&[&[0xa5]]), [Err(Fault::Truncated { have: 1, want: None })]);
        // A frame behind a false start that waits for too much is found.
        assert_eq!(all(&[&[0xa5, 200], &FRAME]), [Ok(FRAME.to_vec())]);
    }

    #[test]
    fn an_echo_is_dropped_once() {
        let mut stream = Stream::default();
        stream.may_echo(&FRAME);
        stream.push(&FRAME[..2]);
        assert_eq!(stream.next(look), None);
        stream.push(&FRAME[2..]);
        assert_eq!(stream.next(look), None);
        stream.push(&FRAME);
        assert_eq!(stream.next(look), Some(Ok(FRAME.to_vec())));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut stream = Stream::default();
        for _ in 0..100 {
            stream.push(&[0xa5; 100]);
            while stream.next(|_| Look::More(None)).is_some() {}
            assert!(stream.waiting.len() <= MOST_WAITING);
        }
    }
}
