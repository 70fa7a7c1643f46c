//! Connections to the simulated device: frames in, answers and notifications out.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, interval};

use super::SharedPlc;
use super::faults::Wrong;
use super::plc::Plc;
use super::requests::Subscriber;
use crate::codec::ams::{ANSWER, AmsAddress, Decoder, Frame, REQUEST};
use crate::codec::command::{Mode, NOTIFICATION, Request, Wish, encode_refusal};
use crate::codec::notify::{self, Sample, Stamp};
use crate::codec::sums::Part;

/// How often notifications are looked at.
const TICK: Duration = Duration::from_millis(5);

/// When a notification first comes: as in a real device not before its next cycle, which clients rely on.
const FIRST: Duration = Duration::from_millis(20);

/// Takes connections for ever.
pub(super) async fn accept(listener: TcpListener, plc: SharedPlc, cutting: watch::Receiver<u64>) {
    while let Ok((stream, _)) = listener.accept().await {
        if !admit(&mut plc.lock(), &stream) {
            continue;
        }
        let mut cutting = cutting.clone();
        cutting.mark_unchanged();
        tokio::spawn(converse(stream, plc.clone(), cutting));
    }
}

/// Whether the device takes a connection now.
fn admit(plc: &mut Plc, stream: &TcpStream) -> bool {
    plc.counts.connections += 1;
    if plc.faults.abrupt {
        let _ = stream.set_zero_linger();
    }
    let rests = plc.closed.is_some_and(|closed| closed.elapsed() < plc.faults.rest);
    if rests {
        plc.closed = Some(std::time::Instant::now());
        plc.counts.early += 1;
    }
    !rests
}

/// One value that is sent by itself.
struct Notification {
    wish: Wish,
    client: AmsAddress,
    server: AmsAddress,
    last: Option<Vec<u8>>,
    due: Instant,
}

/// What one connection holds.
struct Connection {
    notifications: BTreeMap<u32, Notification>,
    next_handle: u32,
    /// Answers that wait for their time.
    late: VecDeque<(Instant, Vec<u8>)>,
    ends: (AmsAddress, AmsAddress),
    is_first: bool,
}

impl Subscriber for Connection {
    fn add(&mut self, wish: Wish) -> u32 {
        self.next_handle += 1;
        let (client, server) = self.ends;
        let due = Instant::now() + FIRST;
        let notification = Notification { wish, client, server, last: None, due };
        self.notifications.insert(self.next_handle, notification);
        self.next_handle
    }

    fn remove(&mut self, handle: u32) -> bool {
        self.notifications.remove(&handle).is_some()
    }
}

/// Gives notifications back when a connection ends, however it ends.
struct Leave<'a>(&'a SharedPlc, Connection);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut plc = self.0.lock();
        plc.notifications = plc.notifications.saturating_sub(self.1.notifications.len());
        plc.connections = plc.connections.saturating_sub(1);
        plc.closed = Some(std::time::Instant::now());
    }
}

async fn converse(stream: TcpStream, plc: SharedPlc, mut cutting: watch::Receiver<u64>) {
    let _ = stream.set_nodelay(true);
    let (mut input, mut output) = stream.into_split();
    let mut decoder = Decoder::default();
    let mut tick = interval(TICK);
    let ends = (AmsAddress::default(), AmsAddress::default());
    let next_handle = 16 + u32::try_from(plc.lock().counts.connections % 1000).unwrap_or(0) * 1000;
    let connection =
        Connection { notifications: BTreeMap::new(), next_handle, late: VecDeque::new(), ends, is_first: true };
    plc.lock().connections += 1;
    let mut leave = Leave(&plc, connection);
    loop {
        let connection = &mut leave.1;
        let mut out = Vec::new();
        tokio::select! {
            _ = cutting.changed() => return,
            read = input.read_buf(decoder.buffer()) => {
                if !matches!(read, Ok(1..)) {
                    return;
                }
                while let Ok(Some(frame)) = decoder.next_frame() {
                    if !take(&frame, &mut plc.lock(), connection, &mut out) {
                        let _ = send(&mut output, &out, None).await;
                        return;
                    }
                }
            }
            _ = tick.tick() => {
                let now = Instant::now();
                while connection.late.front().is_some_and(|(due, _)| *due <= now) {
                    out.extend(connection.late.pop_front().into_iter().flat_map(|(_, bytes)| bytes));
                }
                notify(&mut plc.lock(), connection, now, &mut out);
            }
        }
        let split = plc.lock().faults.split;
        if send(&mut output, &out, split).await.is_err() {
            return;
        }
    }
}

async fn send(output: &mut OwnedWriteHalf, bytes: &[u8], split: Option<usize>) -> std::io::Result<()> {
    for piece in bytes.chunks(split.unwrap_or(usize::MAX).max(1)) {
        output.write_all(piece).await?;
        if split.is_some() {
            output.flush().await?;
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }
    Ok(())
}

/// Answers one request. False if the connection is to be closed.
fn take(frame: &Frame, plc: &mut Plc, connection: &mut Connection, out: &mut Vec<u8>) -> bool {
    if frame.is_answer() {
        return true;
    }
    if plc.routes.as_ref().is_some_and(|routes| !routes.contains(&frame.source.net_id)) {
        return false;
    }
    *plc.counts.commands.entry(frame.command).or_default() += 1;
    if std::mem::take(&mut connection.is_first) {
        plc.counts.first_commands.push(frame.command);
    }
    if plc.faults.silent {
        return true;
    }
    connection.ends = (frame.source, frame.target);
    let mut answer = Frame { target: frame.source, source: frame.target, flags: ANSWER, ..frame.clone() };
    let mut data = Vec::new();
    let handles = plc.handles();
    if let Some(code) = plc.undeliverable(frame.target) {
        answer.error = code.0;
    } else {
        match Request::decode(frame.command, &frame.data) {
            Err(_) => encode_refusal(frame.command, 0x705, &mut data),
            Ok(request) => match plc.reply(frame.target.port, &request, connection) {
                Ok(reply) => reply.encode(&mut data),
                Err(code) => encode_refusal(frame.command, code.0, &mut data),
            },
        }
    }
    answer.data = data.into();
    if plc.faults.wrong.front().is_some_and(|wrong| wrong.spoils()) {
        plc.counts.untold_handles += plc.handles().saturating_sub(handles);
    }
    let faults = &mut plc.faults;
    if faults.wrong_invoke_next > 0 {
        faults.wrong_invoke_next -= 1;
        answer.invoke = answer.invoke.wrapping_add(0x1000);
    }
    let mut bytes = Vec::new();
    if faults.strays {
        Frame { invoke: answer.invoke.wrapping_sub(77), ..answer.clone() }.encode(&mut bytes);
    }
    let wrong = faults.wrong.pop_front();
    encode(answer, wrong, &mut bytes);
    if wrong == Some(Wrong::HalfClosed) {
        out.extend(bytes);
        return false;
    }
    let mut delay = faults.delay;
    if faults.delay_next.0 > 0 {
        faults.delay_next.0 -= 1;
        delay = faults.delay_next.1;
    }
    if faults.glue {
        delay = delay.max(Duration::from_millis(15));
    }
    if delay.is_zero() {
        out.extend(bytes);
    } else {
        let due = Instant::now() + delay;
        let at = connection.late.partition_point(|(other, _)| *other <= due);
        connection.late.insert(at, (due, bytes));
    }
    true
}

/// Puts an answer down, rightly or with what is wrong with it.
fn encode(answer: Frame, wrong: Option<Wrong>, bytes: &mut Vec<u8>) {
    let begin = bytes.len();
    match wrong {
        None | Some(Wrong::Half | Wrong::HalfClosed | Wrong::Huge) => answer.encode(bytes),
        Some(Wrong::Invoke) => Frame { invoke: answer.invoke.wrapping_add(0x1000), ..answer }.encode(bytes),
        Some(Wrong::Command) => Frame { command: answer.command ^ 1, ..answer }.encode(bytes),
        Some(Wrong::Source) => {
            let source = AmsAddress { port: answer.source.port.wrapping_add(1), ..answer.source };
            Frame { source, ..answer }.encode(bytes);
        }
        Some(Wrong::Short) => {
            let length = answer.data.len();
            Frame { data: answer.data.slice(..length - length.min(3)), ..answer }.encode(bytes);
        }
        Some(Wrong::Stray) => {
            Frame { invoke: answer.invoke.wrapping_sub(77), ..answer.clone() }.encode(bytes);
            answer.encode(bytes);
        }
        Some(Wrong::Twice) => {
            answer.encode(bytes);
            answer.encode(bytes);
        }
        Some(Wrong::Refused(code)) => Frame { error: code, data: bytes::Bytes::new(), ..answer }.encode(bytes),
        Some(Wrong::Missing) => {}
    }
    match wrong {
        Some(Wrong::Half | Wrong::HalfClosed) => bytes.truncate(begin + (bytes.len() - begin) / 2),
        Some(Wrong::Huge) => bytes[begin + 2..begin + 6].fill(0xff),
        _ => {}
    }
}

/// Sends what is due: one frame with all samples of this moment for each client.
fn notify(plc: &mut Plc, connection: &mut Connection, now: Instant, out: &mut Vec<u8>) {
    if plc.faults.mute_notifications || plc.faults.silent {
        return;
    }
    let mut samples: Vec<(AmsAddress, AmsAddress, Sample)> = Vec::new();
    for (&handle, notification) in &mut connection.notifications {
        let Notification { wish, client, server, last, due } = notification;
        if *due > now {
            continue;
        }
        *due = now + Duration::from_nanos(u64::from(wish.cycle) * 100).max(TICK);
        // In CONFIG the runtime is gone, and its notifications say nothing.
        if plc.undeliverable(*server).is_some() {
            continue;
        }
        let read = plc.read(Part { group: wish.group, offset: wish.offset, length: wish.length });
        let data = read.unwrap_or_default();
        if wish.mode == Mode::Cyclic || last.as_ref() != Some(&data) {
            *last = Some(data.clone());
            samples.push((*client, *server, Sample { handle, data: data.into() }));
        }
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let filetime = notify::filetime(u64::try_from(since.as_micros()).unwrap_or(0));
    while let Some(&(target, source, _)) = samples.first() {
        let mine = samples.extract_if(.., |(client, server, _)| (*client, *server) == (target, source));
        let stamp = Stamp { filetime, samples: mine.map(|(_, _, sample)| sample).collect() };
        let mut data = notify::encode(&[stamp]);
        if plc.faults.long_notification_length {
            let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
            data[..4].copy_from_slice(&length.to_le_bytes());
        }
        let flags = REQUEST;
        Frame { target, source, command: NOTIFICATION, flags, error: 0, invoke: 0, data: data.into() }.encode(out);
    }
}
