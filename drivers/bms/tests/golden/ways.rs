//! The same cases over the ways themselves: a serial port, a TCP serial server, and a capture that is played.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use fieldrail_driver_bms::battery::{Battery, Question, Reading, Transport, family};
use fieldrail_driver_bms::decode::Line;
use fieldrail_driver_bms::exchange::{Heard, ask, listen};
use fieldrail_driver_bms::setup::Choice;
use fieldrail_driver_bms::transport::{Place, Promise, Wire, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::cases::{Case, File, files, variant};

/// How long a whole answer is waited for. A machine that tests on all cores may be slow.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it is waited for what will not come: the rest of what is broken.
const BROKEN: Duration = Duration::from_millis(150);

/// What was asked, if anything was, and what then came.
type Turn = (Option<Vec<u8>>, Vec<Vec<u8>>);

fn turns(case: &Case) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for line in case.lines() {
        match (line, turns.last_mut()) {
            (Line::Asked(bytes), _) => turns.push((Some(bytes), Vec::new())),
            (Line::Came(bytes), Some((_, came))) => came.push(bytes),
            (Line::Came(bytes), None) => turns.push((None, vec![bytes])),
        }
    }
    turns
}

/// A way that counts what came over it.
struct Counted {
    way: Box<dyn Wire>,
    count: usize,
}

impl Wire for Counted {
    fn read(&mut self) -> Promise<'_, Vec<u8>> {
        Box::pin(async {
            let bytes = self.way.read().await?;
            self.count += bytes.len();
            Ok(bytes)
        })
    }

    fn write<'a>(&'a mut self, question: &'a Question) -> Promise<'a, ()> {
        self.way.write(question)
    }

    fn settle(&mut self) -> Promise<'_, usize> {
        Box::pin(async {
            let thrown = self.way.settle().await?;
            self.count += thrown;
            Ok(thrown)
        })
    }
}

/// Asks all that was asked, and hears all that came.
async fn hear(
    way: Box<dyn Wire>,
    battery: &mut dyn Battery,
    turns: &[Turn],
    go: &Sender<()>,
    is_broken: bool,
) -> Heard {
    let mut way = Counted { way, count: 0 };
    let patience = if is_broken { BROKEN } else { PATIENCE };
    let mut all = Heard::default();
    let mut expected = 0;
    for (asked, came) in turns {
        expected += came.iter().map(Vec::len).sum::<usize>();
        let mut heard = match asked {
            Some(bytes) if came.is_empty() => {
                let silent = Question { is_answered: false, ..Question::new("write", bytes.clone()) };
                ask(&mut way, battery, &silent, patience).await.unwrap()
            }
            Some(bytes) => ask(&mut way, battery, &Question::new("asked", bytes.clone()), patience).await.unwrap(),
            None => {
                let _ = go.send(());
                listen(&mut way, battery, patience).await.unwrap()
            }
        };
        // What came behind the answer belongs to the case.
        while way.count < expected && !is_broken {
            let rest = listen(&mut way, battery, PATIENCE).await.unwrap();
            heard.reading.merge(rest.reading);
            heard.faults.extend(rest.faults);
        }
        all.reading.merge(heard.reading);
        all.faults.extend(heard.faults);
        all.kinds.extend(heard.kinds);
    }
    for found in battery.quiet().into_iter().flatten() {
        all.reading.merge(found.reading);
    }
    all
}

/// Answers what is asked in the case, in its order; what came unasked it says when it is told to.
fn play(mut line: impl Read + Write, turns: Vec<Turn>, go: &Receiver<()>) {
    for (asked, came) in turns {
        if let Some(asked) = asked {
            let mut heard = vec![0; asked.len()];
            if line.read_exact(&mut heard).is_err() || heard != asked {
                return;
            }
        } else if go.recv().is_err() {
            return;
        }
        for piece in came {
            if line.write_all(&piece).is_err() {
                return;
            }
        }
    }
    // The line stays until the other side has heard it all.
    let _ = go.recv();
}

fn port() -> (std::fs::File, PathBuf) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let mut termios = rustix::termios::tcgetattr(&master).unwrap();
    termios.make_raw();
    rustix::termios::tcsetattr(&master, rustix::termios::OptionalActions::Now, &termios).unwrap();
    (std::fs::File::from(master), name.into())
}

/// Runs a case over a way to this place.
fn run(file: &File, case: &Case, transport: Transport, place: &Place, go: &Sender<()>) -> Heard {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    // A capture comes from no other program, so that nobody has to wait for its pauses.
    let is_alone = matches!(place, Place::File(_));
    let runtime = builder.enable_all().start_paused(is_alone).build().unwrap();
    runtime.block_on(async {
        let choice = Choice { family: family(&file.device).unwrap(), variant: variant(file) };
        let way = open(place, choice, 115_200, PATIENCE).await.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let mut battery = (choice.variant.make)(&case.setup(file, transport)).unwrap();
        hear(way, &mut *battery, &turns(case), go, case.error.is_some()).await
    })
}

/// What was heard is what the case says, or nothing if it is broken.
fn check(case: &Case, heard: Heard, how: &str) {
    if case.error.is_some() {
        assert!(heard.reading.is_empty() || !heard.faults.is_empty(), "{}, {how}: {:?}", case.name, heard.reading);
        return;
    }
    let mut reading: Reading = heard.reading;
    reading.complete();
    if case.has_values() {
        case.check(&reading.to_json(), how);
    }
}

/// The transport of serial lines that a variant is spoken over.
fn wired(file: &File) -> Option<Transport> {
    let over = variant(file).transports.iter().map(|(transport, _)| *transport);
    over.into_iter().find(|transport| transport.may_echo())
}

#[test]
fn every_case_comes_over_a_serial_port() {
    let mut cases = 0;
    for file in files() {
        let Some(transport) = wired(&file) else { continue };
        for case in &file.cases {
            let (line, path) = port();
            let (go, going) = channel();
            let turns = turns(case);
            let peer = thread::spawn(move || play(line, turns, &going));
            let heard = run(&file, case, transport, &Place::Device(path), &go);
            drop(go);
            check(case, heard, "over a port");
            let _ = peer.join();
            cases += 1;
        }
    }
    assert!(cases > 20, "{cases}");
}

#[test]
fn every_case_comes_over_a_serial_server() {
    let mut cases = 0;
    for file in files() {
        let Some(transport) = wired(&file) else { continue };
        for case in &file.cases {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let (go, going) = channel();
            let turns = turns(case);
            let peer = thread::spawn(move || play(listener.accept().unwrap().0, turns, &going));
            let place = Place::Tcp { host: "127.0.0.1".into(), port };
            let heard = run(&file, case, transport, &place, &go);
            drop(go);
            check(case, heard, "over a serial server");
            let _ = peer.join();
            cases += 1;
        }
    }
    assert!(cases > 20, "{cases}");
}

#[test]
fn every_case_is_played_from_a_capture_whatever_it_travelled_over() {
    for file in files() {
        for case in &file.cases {
            let capture = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(capture.path(), case.lines.join("\n")).unwrap();
            let transport: Transport = case.transport.parse().unwrap();
            let (go, _going) = channel();
            // What is broken in the case may end before anything comes.
            if turns(case).iter().all(|(_, came)| came.is_empty()) {
                continue;
            }
            let heard = run(&file, case, transport, &Place::File(capture.path().to_owned()), &go);
            check(case, heard, "from a capture");
        }
    }
}
