//! One connection, against a peer that the test writes byte by byte.
#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use fieldrail_driver_ads::client::{Client, Figures, Manner, Urgency};
use fieldrail_driver_ads::codec::ams::{ANSWER, AmsAddress, Decoder, Frame, NetId};
use fieldrail_driver_ads::codec::command::{Reply, Request};
use fieldrail_driver_ads::error::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

const OWN: AmsAddress = AmsAddress { net_id: NetId([127, 0, 0, 1, 1, 1]), port: 40_000 };
const TARGET: AmsAddress = AmsAddress { net_id: NetId([1, 2, 3, 4, 1, 1]), port: 851 };

/// The other end.
struct Peer {
    stream: TcpStream,
    decoder: Decoder,
}

impl Peer {
    /// The next question.
    async fn next(&mut self) -> Frame {
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return frame;
            }
            assert!(self.stream.read_buf(self.decoder.buffer()).await.unwrap() > 0, "the client has closed");
        }
    }

    /// Answers a question with two bytes, after `change`.
    async fn answer(&mut self, question: &Frame, says: u16, change: impl FnOnce(&mut Frame)) {
        let mut data = Vec::new();
        Reply::Data(Bytes::from(says.to_le_bytes().to_vec())).encode(&mut data);
        let (target, source) = (question.source, question.target);
        let mut frame = Frame { target, source, flags: ANSWER, data: data.into(), ..question.clone() };
        change(&mut frame);
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        self.stream.write_all(&bytes).await.unwrap();
    }
}

fn check<F: Future<Output = ()>>(window: usize, timeout_ms: u64, talk: impl FnOnce(Client, Peer) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (other, _) = listener.accept().await.unwrap();
        let timeout = Duration::from_millis(timeout_ms);
        let client = Client::new(stream, Manner { own: OWN, target: TARGET, window, timeout });
        talk(client, Peer { stream: other, decoder: Decoder::default() }).await;
    });
}

fn read(offset: u32) -> Request {
    Request::Read { group: 0x4040, offset, length: 2 }
}

/// Which offset a question asks for.
fn offset(question: &Frame) -> u32 {
    match Request::decode(question.command, &question.data) {
        Ok(Request::Read { offset, .. }) => offset,
        other => panic!("{other:?}"),
    }
}

/// Asks, in a task of its own.
fn ask(client: &Client, urgency: Urgency, at: u32) -> tokio::task::JoinHandle<Result<Reply, Error>> {
    let client = client.clone();
    spawn_local(async move { client.ask(urgency, &read(at)).await })
}

fn two_bytes(n: u16) -> Reply {
    Reply::Data(Bytes::from(n.to_le_bytes().to_vec()))
}

#[test]
fn urgent_questions_overtake_those_that_wait_and_no_more_than_the_window_is_under_way() {
    check(2, 5000, |client, mut peer| async move {
        let mut asked: Vec<_> = (0..6).map(|at| ask(&client, Urgency::Normal, at)).collect();
        let first = peer.next().await;
        let second = peer.next().await;
        asked.push(ask(&client, Urgency::Urgent, 100));
        tokio::task::yield_now().await;
        let nothing = tokio::time::timeout(Duration::from_millis(30), peer.next()).await;
        assert!(nothing.is_err(), "the window is two");
        let mut order = vec![offset(&first), offset(&second)];
        let mut open = std::collections::VecDeque::from([first, second]);
        while order.len() < 7 {
            let question = open.pop_front().unwrap();
            peer.answer(&question, 1, |_| {}).await;
            let next = peer.next().await;
            order.push(offset(&next));
            open.push_back(next);
        }
        assert_eq!(order, [0, 1, 100, 2, 3, 4, 5]);
    });
}

#[test]
fn answers_in_any_order_reach_their_questions() {
    check(8, 5000, |client, mut peer| async move {
        let asked: Vec<_> = (0..5).map(|at| ask(&client, Urgency::Normal, at)).collect();
        let mut questions = Vec::new();
        for _ in 0..5 {
            questions.push(peer.next().await);
        }
        for question in questions.iter().rev() {
            let says = u16::try_from(offset(question)).unwrap();
            peer.answer(question, says, |_| {}).await;
        }
        for (n, end) in (0..).zip(asked) {
            assert_eq!(end.await.unwrap().unwrap(), two_bytes(n));
        }
    });
}

#[test]
fn an_answer_that_is_late_or_of_another_is_dropped_counted_and_harms_nothing() {
    check(1, 150, |client, mut peer| async move {
        let late = ask(&client, Urgency::Normal, 1);
        let question = peer.next().await;
        assert!(matches!(late.await.unwrap(), Err(Error::Silent { .. })));
        // Its place in the window is free again.
        let second = ask(&client, Urgency::Normal, 2);
        let other = peer.next().await;
        peer.answer(&question, 1, |_| {}).await;
        peer.answer(&other, 9, |frame| frame.invoke = frame.invoke.wrapping_add(500)).await;
        peer.answer(&other, 9, |frame| frame.command = 9).await;
        peer.answer(&other, 9, |frame| frame.source.port = 852).await;
        peer.answer(&other, 9, |frame| frame.target.port = 1).await;
        peer.answer(&other, 2, |_| {}).await;
        assert_eq!(second.await.unwrap().unwrap(), two_bytes(2));
        let Figures { silent, stray, .. } = client.figures();
        assert_eq!((silent, stray), (1, 5));
        assert!(client.broken().is_none());
    });
}

#[test]
fn a_question_that_is_given_up_frees_its_place_and_one_that_waits_is_never_sent() {
    check(1, 5000, |client, mut peer| async move {
        let first = ask(&client, Urgency::Normal, 1);
        let second = ask(&client, Urgency::Normal, 2);
        peer.next().await;
        second.abort();
        first.abort();
        let third = ask(&client, Urgency::Normal, 3);
        let question = peer.next().await;
        assert_eq!(offset(&question), 3);
        peer.answer(&question, 3, |_| {}).await;
        assert_eq!(third.await.unwrap().unwrap(), two_bytes(3));
    });
}

#[test]
fn a_broken_stream_ends_all_questions_with_its_reason() {
    check(1, 5000, |client, mut peer| async move {
        let asked: Vec<_> = (0..3).map(|at| ask(&client, Urgency::Normal, at)).collect();
        peer.next().await;
        peer.stream.write_all(&[0, 0, 0xff, 0xff, 0xff, 0xff]).await.unwrap();
        for end in asked {
            assert!(matches!(end.await.unwrap(), Err(Error::Malformed(_))));
        }
        assert!(client.ask(Urgency::Urgent, &read(9)).await.is_err());
    });
}

#[test]
fn an_error_of_the_router_reaches_its_question() {
    check(1, 5000, |client, mut peer| async move {
        let asked = ask(&client, Urgency::Normal, 1);
        let question = peer.next().await;
        peer.answer(&question, 0, |frame| frame.error = 7).await;
        let Err(Error::Refused(code)) = asked.await.unwrap() else { panic!("it should be refused") };
        assert_eq!(code.name(), "target machine not found");
    });
}
