//! A small HTTP receiver with scripted answers, on threads.
#![allow(dead_code, unreachable_pub)] // each test program uses its own part

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// One request as it came.
#[derive(Debug)]
pub struct Request {
    pub line: String,
    headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Answers each connection with the next line of its script, the last one for ever.
pub struct Receiver {
    port: u16,
    requests: Mutex<mpsc::Receiver<Request>>,
    most_at_once: Arc<AtomicUsize>,
}

struct Script {
    answers: Vec<String>,
    delay: Duration,
    tls: Option<Arc<rustls::ServerConfig>>,
}

impl Receiver {
    /// Status lines, with further headers behind a line break, or one of `silent`, `endless body`, `endless head`.
    pub fn answering(answers: &[&str]) -> Self {
        Self::on(0, answers)
    }

    pub fn on(port: u16, answers: &[&str]) -> Self {
        let answers = answers.iter().map(|&answer| answer.into()).collect();
        Self::start(port, Script { answers, delay: Duration::ZERO, tls: None })
    }

    /// Takes its time before each `200 OK`.
    pub fn slow(delay: Duration) -> Self {
        Self::start(0, Script { answers: vec!["200 OK".into()], delay, tls: None })
    }

    /// Speaks TLS with this certificate and key.
    pub fn with_tls((certificate, key): &(PathBuf, PathBuf)) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let certificates = CertificateDer::pem_file_iter(certificate).unwrap().collect::<Result<_, _>>().unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates, PrivateKeyDer::from_pem_file(key).unwrap())
            .unwrap();
        let tls = Some(Arc::new(config));
        Self::start(0, Script { answers: vec!["200 OK".into()], delay: Duration::ZERO, tls })
    }

    fn start(port: u16, script: Script) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = mpsc::channel();
        let most_at_once = Arc::new(AtomicUsize::new(0));
        let (most, now) = (Arc::clone(&most_at_once), Arc::new(AtomicUsize::new(0)));
        let script = Arc::new(script);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (script, sender) = (Arc::clone(&script), sender.clone());
                let (most, now) = (Arc::clone(&most), Arc::clone(&now));
                thread::spawn(move || {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    serve(stream.unwrap(), &script, number, &sender);
                    now.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, requests: Mutex::new(requests), most_at_once }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.authority())
    }

    /// The next request; it must come within seconds.
    #[track_caller]
    pub fn next(&self) -> Request {
        self.requests.lock().unwrap().recv_timeout(Duration::from_secs(5)).expect("a request comes")
    }

    /// Nothing came, and nothing comes for a while.
    #[track_caller]
    pub fn assert_silent(&self) {
        let more = self.requests.lock().unwrap().recv_timeout(Duration::from_millis(150));
        assert_eq!(more.map(|request| request.line), Err(RecvTimeoutError::Timeout));
    }

    /// How many connections were open at the same time.
    pub fn most_at_once(&self) -> usize {
        self.most_at_once.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, script: &Script, number: usize, sender: &Sender<Request>) {
    if let Some(config) = &script.tls {
        let connection = rustls::ServerConnection::new(Arc::clone(config)).unwrap();
        answer(&mut rustls::StreamOwned::new(connection, stream), script, number, sender);
    } else {
        answer(&mut stream, script, number, sender);
    }
}

fn answer(stream: &mut (impl Read + Write), script: &Script, number: usize, sender: &Sender<Request>) {
    let Some(request) = read(stream) else { return };
    let _ = sender.send(request);
    thread::sleep(script.delay);
    let answer = &script.answers[number.min(script.answers.len() - 1)];
    let _ = match answer.as_str() {
        "silent" => stream.read(&mut [0]).map(|_| ()),
        "endless body" => endless(stream, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "x"),
        "endless head" => endless(stream, "HTTP/1.1 200 OK\r\nX-Long: ", "x"),
        status => write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").and_then(|()| stream.flush()),
    };
}

fn endless(stream: &mut impl Write, head: &str, filling: &str) -> std::io::Result<()> {
    stream.write_all(head.as_bytes())?;
    loop {
        stream.write_all(filling.repeat(8192).as_bytes())?;
    }
}

fn read(stream: &mut impl Read) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut chunk) {
            Ok(count @ 1..) => bytes.extend_from_slice(&chunk[..count]),
            _ => return None,
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let headers: BTreeMap<String, String> =
        lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())).collect();
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length {
        match stream.read(&mut chunk) {
            Ok(count @ 1..) => body.extend_from_slice(&chunk[..count]),
            _ => return None,
        }
    }
    Some(Request { line, headers, body })
}
