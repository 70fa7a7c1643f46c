//! What is known of a device on one link, and the questions that are put together: many reads, many writes, handles.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;

use crate::client::{Client, Urgency};
use crate::codec::command::{DeviceState, Reply, Request, Wish};
use crate::codec::groups;
use crate::codec::sums::{self, Exchange, MAX_PARTS, Part};
use crate::codec::text::CodePage;
use crate::codes::AdsCode;
use crate::error::Error;

/// The most bytes of one sum answer: a small PLC has little memory for it.
const MOST_ANSWER: usize = 128 * 1024;

/// How long the answer to a sum command may take beyond the usual, since a small PLC works it off in one go.
const SUM: Duration = Duration::from_secs(1);

/// So many times as long as one answer may take there may be none; then the link is made anew.
const MOST_MISSED: u32 = 2;

/// Where the version of the program stands.
const VERSION: Part = Part { group: groups::SYMBOL_VERSION, offset: 0, length: 1 };

/// Whether a device can do something; not known until it was tried.
type Ability = Cell<Option<bool>>;

/// One device on one link.
pub(crate) struct Device {
    pub(crate) client: Client,
    timeout: Duration,
    /// The version of the program whose symbols are known; none if the device tells none.
    pub(crate) version: Cell<Option<u8>>,
    /// How it writes 8-bit text, names among it.
    pub(crate) page: Cell<CodePage>,
    /// Whether it gave no symbol table, so that each name is asked for.
    pub(crate) by_name: Cell<bool>,
    sum_read: Ability,
    sum_write: Ability,
    sum_read_write: Ability,
    sum_add: Ability,
    sum_delete: Ability,
    /// Handles for writing, by name.
    handles: RefCell<HashMap<String, u32>>,
}

/// The end of one part.
pub(crate) type End<T> = Result<T, Error>;

/// A read of parts, with the version of the program, that is asked for again and again: it is encoded once.
pub(crate) struct SumRead {
    /// The version before them, if the device tells one.
    all: Vec<Part>,
    version: Option<u8>,
    request: Request,
}

impl SumRead {
    /// A read of these parts, for the program with this version.
    pub(crate) fn new(parts: &[Part], version: Option<u8>) -> Self {
        let mut all = Vec::with_capacity(parts.len() + 1);
        all.extend(version.map(|_| VERSION));
        all.extend(parts);
        Self { request: sums::read(&all), all, version }
    }

    fn parts(&self) -> &[Part] {
        &self.all[usize::from(self.version.is_some())..]
    }
}

/// What came of a [`SumRead`].
pub(crate) enum Answer {
    /// The errors of the parts, four bytes each, and the data of all of them in a row.
    Whole {
        /// Errors.
        errors: Bytes,
        /// Data.
        data: Bytes,
    },
    /// Part by part, of a device that takes no sums.
    Parts(Vec<End<Bytes>>),
}

impl Answer {
    /// A piece of a part, which begins so far within the part, and so far within the data of all.
    pub(crate) fn piece(&self, part: usize, (within, begin): (usize, usize), size: usize) -> End<Bytes> {
        let cut = |bytes: &Bytes, at: usize| {
            let end = at.checked_add(size).filter(|&end| end <= bytes.len()).ok_or(Error::Unexpected)?;
            Ok(bytes.slice(at..end))
        };
        match self {
            Self::Whole { errors, data } => match error_of(errors, part) {
                Some(0) => cut(data, begin),
                Some(code) => Err(AdsCode(code).into()),
                None => Err(Error::Unexpected),
            },
            Self::Parts(parts) => match parts.get(part) {
                Some(Ok(bytes)) => cut(bytes, within),
                Some(Err(error)) => Err(error.clone()),
                None => Err(Error::Unexpected),
            },
        }
    }
}

/// The error of a part in the errors of a sum.
pub(crate) fn error_of(errors: &[u8], part: usize) -> Option<u32> {
    let code = errors.get(part * 4..part * 4 + 4)?;
    code.try_into().ok().map(u32::from_le_bytes)
}

fn ends<T>(outcomes: Vec<sums::Outcome<T>>) -> Vec<End<T>> {
    outcomes.into_iter().map(|outcome| outcome.map_err(|code| AdsCode(code).into())).collect()
}

/// Whether a sum command is to be tried; a refusal of the whole command is remembered only if it never worked.
fn worth(ability: &Ability) -> bool {
    ability.get() != Some(false)
}

fn learn<T>(ability: &Ability, end: &Result<T, Error>) -> bool {
    match end {
        Ok(_) => ability.set(Some(true)),
        Err(Error::Refused(code)) if code.is_unsupported() && ability.get().is_none() => ability.set(Some(false)),
        Err(_) => {}
    }
    worth(ability)
}

impl Device {
    pub(crate) fn new(client: Client, timeout: Duration) -> Self {
        Self {
            client,
            timeout,
            version: Cell::new(None),
            page: Cell::default(),
            by_name: Cell::new(false),
            sum_read: Cell::default(),
            sum_write: Cell::default(),
            sum_read_write: Cell::default(),
            sum_add: Cell::default(),
            sum_delete: Cell::default(),
            handles: RefCell::default(),
        }
    }

    /// How long an answer is waited for.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How long a small question waits that is asked again if its answer does not come.
    pub(crate) fn patience(&self) -> Duration {
        self.client.usual(self.timeout)
    }

    /// Whether it has been silent for so long that the link is made anew.
    pub(crate) fn is_silent(&self) -> bool {
        self.client.unanswered() >= self.timeout * MOST_MISSED
    }

    /// How it stands. Asked often while it is silent: what waits longer is asked again as soon as the device is heard.
    pub(crate) async fn state(&self) -> Result<DeviceState, Error> {
        let target = self.client.target();
        match self.client.ask_at(target, Urgency::Normal, &Request::State, self.patience()).await? {
            Reply::State(state) => Ok(state),
            _ => Err(Error::Unexpected),
        }
    }

    /// The version of the program that runs now; none if the device tells none.
    pub(crate) async fn program_version(&self) -> Result<Option<u8>, Error> {
        let Part { group, offset, length } = VERSION;
        let question = Request::Read { group, offset, length };
        match self.client.data(Urgency::Normal, &question, self.patience()).await {
            Ok(bytes) => Ok(bytes.first().copied()),
            Err(Error::Refused(code)) if code.is_unsupported() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads all parts, with the version of the program in the same request: values of another program than the one whose
    /// symbols are known are never given.
    ///
    /// # Errors
    /// The link broke, a device did not answer, or the program has changed ([`Error::Changed`]).
    pub(crate) async fn read_all(&self, parts: &[Part]) -> Result<Vec<End<Bytes>>, Error> {
        let mut read = Vec::with_capacity(parts.len());
        let mut rest = parts;
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(chunk_of(rest));
            read.extend(self.read_chunk(chunk).await?);
            rest = after;
        }
        Ok(read)
    }

    async fn read_chunk(&self, parts: &[Part]) -> Result<Vec<End<Bytes>>, Error> {
        if worth(&self.sum_read) {
            let end = self.read_sum(parts).await;
            if learn(&self.sum_read, &end) {
                return end;
            }
        }
        self.check_version().await?;
        self.read_singly(parts).await
    }

    async fn read_sum(&self, parts: &[Part]) -> Result<Vec<End<Bytes>>, Error> {
        let read = SumRead::new(parts, self.version.get());
        let answer = self.ask_prepared(&read).await?;
        let mut begin = 0;
        let piece = |(at, part): (usize, &Part)| {
            let size = part.length as usize;
            begin += size;
            answer.piece(at, (0, begin - size), size)
        };
        Ok(parts.iter().enumerate().map(piece).collect())
    }

    /// Reads what was prepared, as [`Device::read_all`] does.
    ///
    /// # Errors
    /// As [`Device::read_all`].
    pub(crate) async fn read_prepared(&self, read: &SumRead) -> Result<Answer, Error> {
        if worth(&self.sum_read) {
            let end = self.ask_prepared(read).await;
            if learn(&self.sum_read, &end) {
                return end;
            }
        }
        self.check_version().await?;
        self.read_singly(read.parts()).await.map(Answer::Parts)
    }

    async fn ask_prepared(&self, read: &SumRead) -> Result<Answer, Error> {
        let answer = self.client.data_lightly(&read.request, self.timeout + SUM).await?;
        let (mut errors, mut data) = sums::halves(&read.all, &answer)?;
        if let Some(version) = read.version {
            let (error, found) = (error_of(&errors.split_to(4), 0), data.split_to(1));
            if error == Some(0) && found.first() != Some(&version) {
                return Err(Error::Changed);
            }
        }
        Ok(Answer::Whole { errors, data })
    }

    async fn check_version(&self) -> Result<(), Error> {
        match self.version.get() {
            Some(version) if self.program_version().await? != Some(version) => Err(Error::Changed),
            _ => Ok(()),
        }
    }

    async fn read_singly(&self, parts: &[Part]) -> Result<Vec<End<Bytes>>, Error> {
        let mut reads = JoinSet::new();
        for (at, &part) in parts.iter().enumerate() {
            let client = self.client.clone();
            reads.spawn_local(async move { (at, client.read(Urgency::Normal, part).await) });
        }
        let mut ends: Vec<End<Bytes>> = parts.iter().map(|_| Err(Error::Unexpected)).collect();
        while let Some(Ok((at, end))) = reads.join_next().await {
            if let Err(error) = &end
                && (error.ends_link() || matches!(error, Error::Silent { .. }))
            {
                return Err(error.clone());
            }
            if let Some(place) = ends.get_mut(at) {
                *place = end;
            }
        }
        Ok(ends)
    }

    /// Writes all parts, in one request where the device can.
    ///
    /// # Errors
    /// The link broke, or the device did not answer.
    pub(crate) async fn write_all(&self, parts: &[(Part, Bytes)]) -> Result<Vec<End<()>>, Error> {
        if parts.len() > 1 && parts.len() <= MAX_PARTS && worth(&self.sum_write) {
            let end = self.write_sum(parts).await;
            if learn(&self.sum_write, &end) {
                return end;
            }
        }
        let mut written = Vec::with_capacity(parts.len());
        for (part, data) in parts {
            let end = self.client.write(Urgency::Urgent, part.group, part.offset, data.clone()).await;
            match end {
                Err(error) if error.ends_link() || matches!(error, Error::Silent { .. }) => return Err(error),
                end => written.push(end),
            }
        }
        Ok(written)
    }

    async fn write_sum(&self, parts: &[(Part, Bytes)]) -> Result<Vec<End<()>>, Error> {
        let answer = self.client.data(Urgency::Urgent, &sums::write(parts), self.timeout + SUM).await?;
        Ok(ends(sums::codes(parts.len(), &answer)?))
    }

    /// Writes parts by address, after a look whether the program is still the one whose addresses are known.
    ///
    /// # Errors
    /// As [`Device::write_all`], or the program has changed.
    pub(crate) async fn write_addresses(&self, parts: &[(Part, Bytes)]) -> Result<Vec<End<()>>, Error> {
        self.check_version().await?;
        self.write_all(parts).await
    }

    /// Handles for names, those that are known and new ones.
    ///
    /// # Errors
    /// The link broke, or the device did not answer.
    pub(crate) async fn handles(&self, names: &[String]) -> Result<Vec<End<u32>>, Error> {
        let known = |name: &String| self.handles.borrow().get(name).copied();
        let missing: Vec<String> = names.iter().filter(|name| known(name).is_none()).cloned().collect();
        let mut refused: HashMap<String, Error> = HashMap::new();
        for (name, end) in missing.iter().zip(self.new_handles(&missing).await?) {
            match end {
                Ok(handle) => drop(self.handles.borrow_mut().insert(name.clone(), handle)),
                Err(error) => drop(refused.insert(name.clone(), error)),
            }
        }
        let end = |name| known(name).ok_or_else(|| refused.get(name).cloned().unwrap_or(Error::Unexpected));
        Ok(names.iter().map(end).collect())
    }

    async fn new_handles(&self, names: &[String]) -> Result<Vec<End<u32>>, Error> {
        let part = Part { group: groups::HANDLE_BY_NAME, offset: 0, length: 4 };
        let page = self.page.get();
        let exchange = |name: &String| {
            let mut data = page.encode(name).unwrap_or_else(|| name.as_bytes().to_vec());
            data.push(0);
            Exchange { part, data: data.into() }
        };
        let handle = |bytes: &Bytes| match bytes.get(..4) {
            Some(&[a, b, c, d]) => Ok(u32::from_le_bytes([a, b, c, d])),
            _ => Err(Error::Unexpected),
        };
        let exchanges: Vec<Exchange> = names.iter().map(exchange).collect();
        if exchanges.len() > 1 && exchanges.len() <= MAX_PARTS && worth(&self.sum_read_write) {
            let answer = self.client.data(Urgency::Urgent, &sums::read_write(&exchanges), self.timeout + SUM).await;
            if learn(&self.sum_read_write, &answer) {
                let outcomes = ends(sums::sized_answer(names.len(), &answer?)?);
                return Ok(outcomes.into_iter().map(|end| end.and_then(|bytes| handle(&bytes))).collect());
            }
        }
        let mut handles = Vec::with_capacity(names.len());
        for Exchange { part, data } in exchanges {
            let crate::codec::sums::Part { group, offset, length } = part;
            let request = Request::ReadWrite { group, offset, length, data };
            match self.client.data(Urgency::Urgent, &request, self.timeout).await {
                Err(error) if error.ends_link() || matches!(error, Error::Silent { .. }) => return Err(error),
                end => handles.push(end.and_then(|bytes| handle(&bytes))),
            }
        }
        Ok(handles)
    }

    /// Forgets a handle that the device does not take any more, and gives it back.
    pub(crate) async fn drop_handle(&self, name: &str) {
        let handle = self.handles.borrow_mut().remove(name);
        if let Some(handle) = handle {
            self.release(&[handle]).await;
        }
    }

    /// The handles that are out.
    pub(crate) fn held(&self) -> Vec<u32> {
        self.handles.borrow().values().copied().collect()
    }

    /// Takes the handles out: what is left of them after the link broke.
    pub(crate) fn take_handles(&self) -> Vec<u32> {
        self.handles.borrow_mut().drain().map(|(_, handle)| handle).collect()
    }

    /// Gives all handles back. Until that is done they count as held, since nobody may wait for its end.
    pub(crate) async fn release_all(&self) {
        if self.release(&self.held()).await {
            self.handles.borrow_mut().clear();
        }
    }

    /// Gives handles back; what the device says to it changes nothing. False if it did not say anything.
    pub(crate) async fn release(&self, handles: &[u32]) -> bool {
        let release = |&handle: &u32| {
            let part = Part { group: groups::RELEASE_HANDLE, offset: 0, length: 4 };
            (part, Bytes::from(handle.to_le_bytes().to_vec()))
        };
        for chunk in handles.chunks(MAX_PARTS) {
            if self.write_all(&chunk.iter().map(release).collect::<Vec<_>>()).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Adds notifications, in one request where the device can.
    ///
    /// # Errors
    /// The link broke, or the device did not answer.
    pub(crate) async fn add_notifications(&self, wishes: &[Wish]) -> Result<Vec<End<u32>>, Error> {
        if wishes.len() > 1 && worth(&self.sum_add) {
            let answer = self.client.data_lightly(&sums::add_notifications(wishes), self.timeout + SUM).await;
            if learn(&self.sum_add, &answer) {
                return Ok(ends(sums::handles(wishes.len(), &answer?)?));
            }
        }
        let mut handles = Vec::with_capacity(wishes.len());
        for &wish in wishes {
            match self.client.add_notification(wish).await {
                Err(error) if error.ends_link() || matches!(error, Error::Silent { .. }) => return Err(error),
                end => handles.push(end),
            }
        }
        Ok(handles)
    }

    /// Deletes notifications; what the device says to it changes nothing.
    pub(crate) async fn delete_notifications(&self, handles: &[u32]) {
        for chunk in handles.chunks(MAX_PARTS) {
            if chunk.len() > 1 && worth(&self.sum_delete) {
                let question = sums::delete_notifications(chunk);
                let answer = self.client.data_lightly(&question, self.timeout + SUM).await;
                if learn(&self.sum_delete, &answer) {
                    continue;
                }
            }
            for &handle in chunk {
                if self.client.delete_notification(handle).await.is_err_and(|error| error.ends_link()) {
                    return;
                }
            }
        }
    }
}

/// How many of these parts fit one request, the version beside them.
pub(crate) fn chunk_of(parts: &[Part]) -> usize {
    let mut bytes = 0;
    let fits = parts.iter().take(MAX_PARTS - 1).take_while(|part| {
        bytes += part.length as usize + 4;
        bytes <= MOST_ANSWER
    });
    fits.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sum_has_more_than_500_parts_or_a_large_answer() {
        let part = |length| Part { group: 1, offset: 0, length };
        assert_eq!(chunk_of(&vec![part(2); 2000]), MAX_PARTS - 1);
        assert_eq!(chunk_of(&[part(100_000), part(100_000)]), 1);
        assert_eq!(chunk_of(&[part(1_000_000), part(1)]), 1);
    }
}
