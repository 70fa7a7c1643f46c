//! The daemon's end of the plugin protocol, for one driver: spawns it, shakes hands, and waits with a deadline.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fieldrail_model::{Quality, Value};
use fieldrail_wire::daemon::{
    Accepted, Browse, Call, Read, Search, Stop, Subscribe, Subscription, Unsubscribe, Welcome, Write,
};
use fieldrail_wire::plugin::{Failure, Hello, Node, Reading, State, Status, SubscribedItem};
use fieldrail_wire::sample::WireOrigin;
use fieldrail_wire::{
    DEFAULT_CREDIT, Decoder, Encoding, FromPlugin, MAX_BATCH, SampleItem, TagRef, ToPlugin, WriteItem, encode, frame,
};

/// How long any wait may take unless the test says otherwise.
const PATIENCE: Duration = Duration::from_secs(8);

/// A driver in a process of its own. It is killed when this value is dropped.
pub struct Plugin {
    child: Child,
    input: Arc<Mutex<Option<ChildStdin>>>,
    /// Set while batches are not accepted: the last one that was not.
    withheld: Arc<Mutex<Option<u64>>>,
    heard: Receiver<FromPlugin>,
    /// Heard, and not yet asked for.
    messages: VecDeque<FromPlugin>,
    samples: VecDeque<Received>,
    names: Vec<Arc<str>>,
    log: Arc<Mutex<String>>,
    patience: Duration,
    next_number: u64,
    /// What it said first.
    pub hello: Hello,
}

/// One sample with its tag's name.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The tag.
    pub tag: Arc<str>,
    /// What it says.
    pub value: Value,
    /// How far to believe it.
    pub quality: Quality,
    /// Why the quality is not good.
    pub note: Option<Arc<str>>,
    /// The origin of the write that this echoes.
    pub origin: Option<WireOrigin>,
}

/// How a write ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Confirmed,
    /// Refused, and why.
    Rejected(Failure),
    /// Not sent in time.
    Expired,
}

impl Plugin {
    /// Starts the program as an instance with this configuration, and shakes hands.
    pub fn start(program: impl AsRef<Path>, instance: &str, config: serde_json::Value) -> Self {
        Self::start_with(program, &[], instance, config)
    }

    /// The same with arguments, for example `--sim`.
    pub fn start_with(
        program: impl AsRef<Path>,
        arguments: &[&str],
        instance: &str,
        config: serde_json::Value,
    ) -> Self {
        Self::start_in(program, arguments, instance, config, None)
    }

    /// The same with a folder of the instance's own.
    pub fn start_in(
        program: impl AsRef<Path>,
        arguments: &[&str],
        instance: &str,
        config: serde_json::Value,
        state_dir: Option<&Path>,
    ) -> Self {
        let mut command = Command::new(program.as_ref());
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the driver's program can be started");
        let input = Arc::new(Mutex::new(child.stdin.take()));
        let (log, withheld) = (Arc::default(), Arc::default());
        keep_log(&mut child, &log);
        let heard = listen(&mut child, &input, &withheld);
        let mut plugin = Self {
            child,
            input,
            withheld,
            heard,
            messages: VecDeque::new(),
            samples: VecDeque::new(),
            names: Vec::new(),
            log,
            patience: PATIENCE,
            next_number: 0,
            hello: Hello {
                protocol: (0, 0),
                name: String::new(),
                version: String::new(),
                capabilities: fieldrail_wire::Capabilities::default(),
            },
        };
        plugin.hello = plugin.wait("hello", |message| match message {
            FromPlugin::Hello(hello) => Some(hello.clone()),
            _ => None,
        });
        plugin.send(&ToPlugin::Welcome(Welcome {
            protocol: plugin.hello.protocol.1,
            instance: instance.parse().expect("the test names a valid instance"),
            config,
            credit: DEFAULT_CREDIT,
            max_batch: u32::try_from(MAX_BATCH).expect("a batch is small"),
            max_frame_bytes: u32::try_from(frame::MAX_FRAME_BYTES).expect("a frame is small"),
            progress_ms: 500,
            state_dir: state_dir.map(|folder| folder.display().to_string()),
        }));
        plugin
    }

    /// From now on each wait may take so long.
    pub fn patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// The driver's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Accepts no batch any more, as a daemon whose disk is slow.
    pub fn withhold(&self) {
        self.withheld.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(0);
    }

    /// Accepts what was withheld, and from now on each batch at once.
    pub fn release(&self) {
        if let Some(batch) = self.withheld.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.send(&ToPlugin::Accepted(Accepted { batch }));
        }
    }

    /// What the driver wrote to stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the log has this text: it comes by another pipe than the messages, and perhaps later.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) {
        let deadline = Instant::now() + self.patience;
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "the log does not say `{text}`: {}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Says something to the driver.
    pub fn send(&self, message: &ToPlugin) {
        say(&self.input, message);
    }

    /// The first message not yet taken for which `pick` gives something; waits for it. Samples have a wait of their own.
    #[track_caller]
    pub fn wait<T>(&mut self, what: &str, mut pick: impl FnMut(&FromPlugin) -> Option<T>) -> T {
        let deadline = Instant::now() + self.patience;
        let mut looked_at = 0;
        loop {
            while let Some(message) = self.messages.get(looked_at) {
                if let Some(found) = pick(message) {
                    self.messages.remove(looked_at);
                    return found;
                }
                looked_at += 1;
            }
            if !self.hear(deadline) {
                self.fail(what);
            }
        }
    }

    /// The next sample for which `pick` holds; those before it stay.
    #[track_caller]
    pub fn wait_sample(&mut self, what: &str, mut pick: impl FnMut(&Received) -> bool) -> Received {
        let deadline = Instant::now() + self.patience;
        let mut looked_at = 0;
        loop {
            while let Some(sample) = self.samples.get(looked_at) {
                if pick(sample) {
                    return self.samples.remove(looked_at).expect("it was just looked at");
                }
                looked_at += 1;
            }
            if !self.hear(deadline) {
                self.fail(what);
            }
        }
    }

    /// The next sample of this tag.
    #[track_caller]
    pub fn sample(&mut self, tag: &str) -> Received {
        self.wait_sample(&format!("a sample of `{tag}`"), |sample| &*sample.tag == tag)
    }

    /// All samples that come within this time, those that wait included.
    pub fn samples_for(&mut self, time: Duration) -> Vec<Received> {
        let deadline = Instant::now() + time;
        while self.hear(deadline) {}
        self.samples.drain(..).collect()
    }

    /// Waits for this state, forgetting those before it.
    #[track_caller]
    pub fn state(&mut self, status: Status) -> State {
        self.wait(&format!("the state {status:?}"), |message| match message {
            FromPlugin::State(state) if state.status == status => Some(state.clone()),
            _ => None,
        })
    }

    /// Subscribes tags, and waits for the answer.
    #[track_caller]
    pub fn subscribe(&mut self, tags: &[&str]) -> Vec<SubscribedItem> {
        self.subscribe_as(tags, false)
    }

    /// Subscribes patterns, and waits for the answer.
    #[track_caller]
    pub fn subscribe_patterns(&mut self, patterns: &[&str]) -> Vec<SubscribedItem> {
        self.subscribe_as(patterns, true)
    }

    #[track_caller]
    fn subscribe_as(&mut self, tags: &[&str], pattern: bool) -> Vec<SubscribedItem> {
        let number = self.number();
        let item = |tag: &&str| Subscription { tag: (*tag).into(), pattern, interval_ms: None };
        self.send(&ToPlugin::Subscribe(Subscribe { request: number, items: tags.iter().map(item).collect() }));
        self.wait("the answer to subscribe", |message| match message {
            FromPlugin::Subscribed(answer) if answer.request == number => Some(answer.items.clone()),
            _ => None,
        })
    }

    /// Takes subscriptions back.
    pub fn unsubscribe(&mut self, tags: &[&str]) {
        self.send(&ToPlugin::Unsubscribe(Unsubscribe { tags: tags.iter().map(|&tag| tag.into()).collect() }));
    }

    /// Writes, and waits for the end of it.
    #[track_caller]
    pub fn write(&mut self, tag: &str, value: impl Into<Value>) -> Outcome {
        let id = self.write_item(tag, value, |_| {});
        self.outcome(id)
    }

    /// Sends a write after `change` has set its time to live, pulse or origin. Returns the command's number.
    pub fn write_item(&mut self, tag: &str, value: impl Into<Value>, change: impl FnOnce(&mut WriteItem)) -> u64 {
        let id = self.number();
        let tag = TagRef::Name(tag.into());
        let mut item = WriteItem { id, tag, value: value.into(), ttl_ms: None, pulse_ms: None, origin: None };
        change(&mut item);
        self.send(&ToPlugin::Write(Write { tags: Vec::new(), items: vec![item] }));
        id
    }

    /// Waits for the end of the command with this number.
    #[track_caller]
    pub fn outcome(&mut self, id: u64) -> Outcome {
        let deadline = Instant::now() + self.patience;
        let mut looked_at = 0;
        loop {
            // A message may end many commands: it stays for the others.
            while let Some(message) = self.messages.get(looked_at) {
                if let Some(outcome) = outcome_in(message, id) {
                    return outcome;
                }
                looked_at += 1;
            }
            if !self.hear(deadline) {
                self.fail(&format!("the end of command {id}"));
            }
        }
    }

    /// Reads once.
    #[track_caller]
    pub fn read(&mut self, tags: &[&str]) -> Vec<Reading> {
        let number = self.number();
        self.send(&ToPlugin::Read(Read { request: number, tags: tags.iter().map(|&tag| tag.into()).collect() }));
        self.wait("the answer to read", |message| match message {
            FromPlugin::Values(answer) if answer.request == number => Some(answer.items.clone()),
            _ => None,
        })
    }

    /// One page of at most 100 children of a path.
    #[track_caller]
    pub fn browse(&mut self, path: &str) -> Vec<Node> {
        let request = self.number();
        let browse = Browse { request, path: path.into(), filter: None, after: None, limit: 100 };
        self.send(&ToPlugin::Browse(browse));
        self.nodes(request)
    }

    /// One page of at most 100 nodes that match a text.
    #[track_caller]
    pub fn search(&mut self, text: &str) -> Vec<Node> {
        let request = self.number();
        self.send(&ToPlugin::Search(Search { request, text: text.into(), after: None, limit: 100 }));
        self.nodes(request)
    }

    #[track_caller]
    fn nodes(&mut self, request: u64) -> Vec<Node> {
        self.wait("a page of nodes", |message| match message {
            FromPlugin::Nodes(answer) if answer.request == request => Some(answer.nodes.clone()),
            _ => None,
        })
    }

    /// Does a named action.
    #[track_caller]
    pub fn call(&mut self, action: &str, arguments: serde_json::Value) -> Result<serde_json::Value, Failure> {
        let number = self.number();
        self.send(&ToPlugin::Call(Call { request: number, action: action.into(), arguments }));
        self.wait("the answer to call", |message| match message {
            FromPlugin::Returned(answer) if answer.request == number => {
                Some(answer.failure.clone().map_or_else(|| Ok(answer.result.clone()), Err))
            }
            _ => None,
        })
    }

    /// Asks it to stop, and waits until it has.
    #[track_caller]
    pub fn stop(mut self) -> ExitStatus {
        self.send(&ToPlugin::Stop(Stop { deadline_ms: 2000 }));
        self.exit()
    }

    /// Waits until the program ends by itself.
    #[track_caller]
    pub fn exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            if Instant::now() > deadline {
                self.fail("the end of the program");
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// A number for the next question or command.
    pub fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Takes one message off the pipe. False at the deadline and at the end of the stream.
    fn hear(&mut self, deadline: Instant) -> bool {
        let Ok(message) = self.heard.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
            return false;
        };
        match message {
            FromPlugin::Samples(batch) => {
                for (number, name) in batch.tags {
                    assert_eq!(number as usize, self.names.len(), "tags are numbered in a row");
                    self.names.push(name);
                }
                for item in batch.items {
                    let sample = self.named(item);
                    self.samples.push_back(sample);
                }
            }
            other => self.messages.push_back(other),
        }
        true
    }

    fn named(&self, item: SampleItem) -> Received {
        let tag = match item.tag {
            TagRef::Number(number) => Arc::clone(&self.names[number as usize]),
            TagRef::Name(name) => name,
        };
        Received { tag, value: item.value, quality: item.quality, note: item.note, origin: item.origin }
    }

    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        let samples: Vec<&Received> = self.samples.iter().take(20).collect();
        let messages: Vec<&FromPlugin> = self.messages.iter().take(20).collect();
        panic!("{what} did not come. Heard were {messages:#?}, the samples {samples:#?}, and the log\n{}", self.log());
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn outcome_in(message: &FromPlugin, id: u64) -> Option<Outcome> {
    let FromPlugin::Written(written) = message else { return None };
    if written.confirmed.iter().any(|&(first, last)| (first..=last).contains(&id)) {
        return Some(Outcome::Confirmed);
    }
    if written.expired.contains(&id) {
        return Some(Outcome::Expired);
    }
    let rejected = written.rejected.iter().find(|rejected| rejected.id == id);
    rejected.map(|rejected| Outcome::Rejected(rejected.failure.clone()))
}

fn say(input: &Mutex<Option<ChildStdin>>, message: &ToPlugin) {
    let mut bytes = Vec::new();
    encode(Encoding::MessagePack, message, &mut bytes).expect("a test sends what can be encoded");
    if let Some(input) = input.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        // A driver that has ended is noticed by the wait that follows.
        let _ = input.write_all(&bytes);
    }
}

/// Decodes what the driver says, and accepts each batch at once unless they are withheld.
fn listen(
    child: &mut Child,
    input: &Arc<Mutex<Option<ChildStdin>>>,
    withheld: &Arc<Mutex<Option<u64>>>,
) -> Receiver<FromPlugin> {
    let (heard, messages): (Sender<FromPlugin>, _) = channel();
    let mut output = child.stdout.take().expect("stdout is a pipe");
    let (input, withheld) = (Arc::clone(input), Arc::clone(withheld));
    thread::spawn(move || {
        let mut decoder = Decoder::default();
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = output.read(&mut bytes) {
            decoder.buffer().extend_from_slice(&bytes[..count]);
            while let Some(message) = decoder.next().expect("a driver speaks the protocol") {
                if let FromPlugin::Samples(batch) = &message {
                    match &mut *withheld.lock().unwrap_or_else(PoisonError::into_inner) {
                        Some(last) => *last = batch.batch,
                        None => say(&input, &ToPlugin::Accepted(Accepted { batch: batch.batch })),
                    }
                }
                if heard.send(message).is_err() {
                    return;
                }
            }
        }
    });
    messages
}

fn keep_log(child: &mut Child, log: &Arc<Mutex<String>>) {
    let stderr = child.stderr.take().expect("stderr is a pipe");
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push_str(&line);
            log.push('\n');
        }
    });
}
