//! The same bytes over every transport, in any pieces, joined, with an echo and with noise.

use fieldrail_driver_bms::battery::Transport;
use fieldrail_driver_bms::decode::Line;

use crate::cases::{Case, File, files, hear, variant};

/// Streams: where the borders of pieces mean nothing.
fn is_stream(transport: Transport) -> bool {
    !matches!(transport, Transport::Advert | Transport::Can)
}

/// What is cut into pieces of `size` bytes.
fn cut(lines: &[Line], size: usize) -> Vec<Line> {
    let pieces = |line: &Line| match line {
        Line::Asked(_) => vec![line.clone()],
        Line::Came(bytes) => bytes.chunks(size).map(|piece| Line::Came(piece.to_vec())).collect(),
    };
    lines.iter().flat_map(pieces).collect()
}

/// What came between two questions, in one piece.
fn joined(lines: &[Line]) -> Vec<Line> {
    let mut whole: Vec<Line> = Vec::new();
    for line in lines {
        match (whole.last_mut(), line) {
            (Some(Line::Came(before)), Line::Came(bytes)) => before.extend_from_slice(bytes),
            _ => whole.push(line.clone()),
        }
    }
    whole
}

/// Each question comes back before its answer.
fn echoed(lines: &[Line]) -> Vec<Line> {
    let mut all = Vec::new();
    for line in lines {
        all.push(line.clone());
        if let Line::Asked(bytes) = line {
            all.push(Line::Came(bytes.clone()));
        }
    }
    all
}

fn check(file: &File, case: &Case, transport: Transport, lines: &[Line], how: &str) {
    let how = format!("over {transport}, {how}");
    let battery = (variant(file).make)(&case.setup(file, transport)).unwrap();
    let (mut reading, _, faults) = hear(battery, lines);
    assert_eq!(faults, [], "{}, {how}", case.name);
    reading.complete();
    case.check(&reading.to_json(), &how);
}

#[test]
fn every_case_tells_the_same_over_each_transport_and_in_any_pieces() {
    for file in files() {
        for case in file.cases.iter().filter(|case| case.has_values()) {
            for (transport, _) in variant(&file).transports {
                let lines = case.lines();
                if !is_stream(*transport) {
                    check(&file, case, *transport, &lines, "as it came");
                    continue;
                }
                for size in [1, 2, 7, 20, 244] {
                    check(&file, case, *transport, &cut(&lines, size), &format!("in pieces of {size}"));
                }
                check(&file, case, *transport, &joined(&lines), "joined");
            }
        }
    }
}

#[test]
fn an_echo_of_the_questions_changes_nothing() {
    for file in files() {
        let over: Vec<Transport> = variant(&file).transports.iter().map(|(transport, _)| *transport).collect();
        for transport in over.into_iter().filter(|transport| transport.may_echo()) {
            for case in file.cases.iter().filter(|case| case.has_values()) {
                let lines = echoed(&case.lines());
                check(&file, case, transport, &lines, "with an echo");
                check(&file, case, transport, &cut(&lines, 3), "with an echo in pieces");
            }
        }
    }
}
