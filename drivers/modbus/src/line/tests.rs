//! A line against a peer that says what the test wants, byte by byte, over loopback.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::codec::pdu::{Exception, Table};

const PATIENCE: Duration = Duration::from_millis(60);

async fn connect(framing: Framing) -> (Line, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = Place::Tcp { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() };
    let manner = Manner { framing, silence: Duration::from_millis(2), pause: Duration::ZERO };
    let line = Line::open(&place, manner, PATIENCE).await.unwrap();
    (line, listener.accept().await.unwrap().0)
}

fn read(start: u16, count: u16) -> Request {
    Request::Read { table: Table::Holding, start, count }
}

async fn ask(line: &mut Line, request: Request) -> Result<Answer, Trouble> {
    line.ask(1, &request, PATIENCE).await
}

fn registers(values: &[u16]) -> Response {
    Response::Registers { table: Table::Holding, values: values.to_vec() }
}

fn framed(framing: Framing, transaction: u16, unit: u8, response: &Response) -> Vec<u8> {
    let (mut pdu, mut bytes) = (Vec::new(), Vec::new());
    response.encode(&mut pdu);
    match framing {
        Framing::Tcp => mbap::encode(transaction, unit, &pdu, &mut bytes),
        Framing::Rtu => rtu::encode(unit, &pdu, &mut bytes),
        Framing::Ascii => ascii::encode(unit, &pdu, &mut bytes),
    }
    bytes
}

/// Takes one question off the wire: its transaction, its unit, and what it asks.
async fn hear(peer: &mut TcpStream, framing: Framing) -> (u16, u8, Request) {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 300];
        // A question that does not come is a failure, not a wait.
        let heard = tokio::time::timeout(Duration::from_secs(10), peer.read(&mut piece)).await;
        let count = heard.expect("the line asks").unwrap();
        assert!(count > 0, "the line was closed");
        bytes.extend_from_slice(&piece[..count]);
        let (transaction, frame) = match framing {
            Framing::Tcp => match mbap::decode(&bytes).unwrap() {
                Some((transaction, frame, _)) => (transaction, Some(frame)),
                None => (0, None),
            },
            Framing::Rtu => (0, rtu::decode(&bytes, rtu::Side::Client, None).frame),
            Framing::Ascii => (0, ascii::decode(&bytes).frame),
        };
        if let Some(frame) = frame {
            return (transaction, frame.unit, Request::decode(&frame.pdu).unwrap());
        }
    }
}

/// Answers each question with what the test says: a list of frames (transaction relative to the question's, unit, response)
/// for each question in turn.
async fn play(
    mut peer: TcpStream,
    framing: Framing,
    script: Vec<Vec<(i32, u8, Response)>>,
) -> (TcpStream, Vec<Request>) {
    let mut asked = Vec::new();
    for answers in script {
        let (transaction, _, request) = hear(&mut peer, framing).await;
        asked.push(request);
        for (shift, unit, response) in answers {
            let transaction = u16::try_from(i32::from(transaction) + shift).unwrap();
            peer.write_all(&framed(framing, transaction, unit, &response)).await.unwrap();
        }
    }
    (peer, asked)
}

const ALL: [Framing; 3] = [Framing::Tcp, Framing::Rtu, Framing::Ascii];

#[tokio::test]
async fn a_question_has_its_answer() {
    for framing in ALL {
        let (mut line, peer) = connect(framing).await;
        let script = vec![vec![(0, 1, registers(&[7, 8]))]];
        let (answer, _) = tokio::join!(ask(&mut line, read(5, 2)), play(peer, framing, script));
        assert_eq!(answer.unwrap().response, registers(&[7, 8]));
        assert_eq!(line.counts(), Counts { asked: 1, answered: 1, ..Counts::default() });
    }
}

#[tokio::test]
async fn what_cannot_be_the_answer_is_dropped_and_the_answer_behind_it_is_taken() {
    let input = Response::Registers { table: Table::Input, values: vec![9, 9] };
    for framing in ALL {
        for foreign in [(0, 2, registers(&[9, 9])), (0, 1, registers(&[9, 9, 9])), (0, 1, input.clone())] {
            let (mut line, peer) = connect(framing).await;
            let script = vec![vec![foreign, (0, 1, registers(&[7, 8]))]];
            let (answer, _) = tokio::join!(ask(&mut line, read(5, 2)), play(peer, framing, script));
            assert_eq!(answer.unwrap().response, registers(&[7, 8]), "{framing:?}");
            assert_eq!(line.counts().foreign, 1);
        }
    }
}

#[tokio::test]
async fn on_tcp_another_transaction_is_late_whatever_it_says() {
    let (mut line, peer) = connect(Framing::Tcp).await;
    let script = vec![vec![], vec![(-1, 1, registers(&[2])), (0, 1, registers(&[3]))]];
    let ask = async {
        assert!(matches!(line.ask(1, &read(2, 1), PATIENCE).await, Err(Trouble::Silent(_))));
        line.ask(1, &read(3, 1), PATIENCE).await.unwrap().response
    };
    let (response, _) = tokio::join!(ask, play(peer, Framing::Tcp, script));
    assert_eq!(response, registers(&[3]));
    assert_eq!(line.counts().late, 1);
}

/// What makes the usual client return the value of another register: on a serial line the answer to register 2 comes while
/// register 3 is asked for.
#[tokio::test]
async fn on_a_serial_line_the_late_answer_of_another_register_is_never_taken() {
    for framing in [Framing::Rtu, Framing::Ascii] {
        let (mut line, peer) = connect(framing).await;
        let script = vec![
            vec![],
            // The first question after the loss is another one, and the late answer comes to it.
            vec![(0, 1, registers(&[2])), (0, 1, registers(&[3, 4]))],
            vec![(0, 1, registers(&[3]))],
        ];
        let ask = async {
            assert!(matches!(line.ask(1, &read(2, 1), PATIENCE).await, Err(Trouble::Silent(_))));
            line.ask(1, &read(3, 1), PATIENCE).await.unwrap().response
        };
        let (response, (_, asked)) = tokio::join!(ask, play(peer, framing, script));
        assert_eq!(response, registers(&[3]));
        assert_eq!(asked, [read(2, 1), read(3, 2), read(3, 1)]);
        assert_eq!(line.counts().late, 1);
    }
}

#[tokio::test]
async fn on_a_serial_line_a_late_answer_that_comes_before_the_next_question_is_emptied_out() {
    let (mut line, mut peer) = connect(Framing::Rtu).await;
    assert!(matches!(line.ask(1, &read(2, 1), PATIENCE).await, Err(Trouble::Silent(_))));
    hear(&mut peer, Framing::Rtu).await;
    peer.write_all(&framed(Framing::Rtu, 0, 1, &registers(&[2]))).await.unwrap();
    let script = vec![vec![(0, 1, registers(&[3]))]];
    let (answer, _) = tokio::join!(ask(&mut line, read(3, 1)), play(peer, Framing::Rtu, script));
    assert_eq!(answer.unwrap().response, registers(&[3]));
    assert_eq!((line.counts().late, line.counts().noise), (1, 0));
    assert_eq!(line.take_heard(), [1]);
}

#[tokio::test]
async fn a_damaged_answer_is_told_from_silence() {
    let (mut line, mut peer) = connect(Framing::Rtu).await;
    let mut bytes = framed(Framing::Rtu, 0, 1, &registers(&[2]));
    bytes[3] ^= 1;
    let say = async {
        hear(&mut peer, Framing::Rtu).await;
        peer.write_all(&bytes).await.unwrap();
    };
    let (answer, ()) = tokio::join!(ask(&mut line, read(2, 1)), say);
    assert!(matches!(answer, Err(Trouble::Damaged)), "{answer:?}");
}

#[tokio::test]
async fn a_refusal_is_an_answer() {
    for framing in ALL {
        let (mut line, peer) = connect(framing).await;
        let refused = Response::Refused { function: 3, exception: Exception::ILLEGAL_ADDRESS };
        let script = vec![vec![(0, 1, refused.clone())]];
        let (answer, _) = tokio::join!(ask(&mut line, read(5, 2)), play(peer, framing, script));
        assert_eq!(answer.unwrap().response, refused);
        assert_eq!(line.counts().refused, 1);
    }
}

#[tokio::test]
async fn a_stream_that_is_no_modbus_ends_the_connection() {
    let (mut line, mut peer) = connect(Framing::Tcp).await;
    let say = async {
        hear(&mut peer, Framing::Tcp).await;
        peer.write_all(b"HTTP/1.1 400 Bad Request\r\n").await.unwrap();
    };
    let (answer, ()) = tokio::join!(ask(&mut line, read(2, 1)), say);
    assert!(matches!(answer, Err(Trouble::Lost(_))), "{answer:?}");
}

#[tokio::test]
async fn a_connection_on_which_nothing_comes_any_more_ends() {
    let (mut line, _peer) = connect(Framing::Tcp).await;
    for _ in 1..HALF_OPEN {
        assert!(matches!(line.ask(1, &read(2, 1), PATIENCE).await, Err(Trouble::Silent(_))));
    }
    assert!(matches!(line.ask(1, &read(2, 1), PATIENCE).await, Err(Trouble::Lost(_))));
}

#[tokio::test]
async fn a_pause_is_kept_between_an_answer_and_the_next_question() {
    let (mut line, peer) = connect(Framing::Tcp).await;
    line.manner.pause = Duration::from_millis(30);
    let script = vec![vec![(0, 1, registers(&[7]))], vec![(0, 1, registers(&[8]))]];
    let ask = async {
        line.ask(1, &read(5, 1), PATIENCE).await.unwrap();
        let begun = Instant::now();
        line.ask(1, &read(5, 1), PATIENCE).await.unwrap();
        begun.elapsed()
    };
    let (took, _) = tokio::join!(ask, play(peer, Framing::Tcp, script));
    assert!(took >= Duration::from_millis(30), "{took:?}");
}
