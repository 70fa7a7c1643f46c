//! Random and spoilt frames of batteries by the million, without an engine: `make fuzz-batteries`. Of those that are spoilt a quarter
//! has its sum put right, so that what lies behind it is reached. Prints how many were tried, put right and taken, by protocol. A
//! decoder that takes bytes in which no frame has a right sum ends it.
#![allow(clippy::print_stdout, clippy::unwrap_used)] // it is asked by a person, and a panic is how it tells of a finding

use std::time::Instant;

use fieldrail_driver_bms::battery::Battery;
use fieldrail_fuzz::frames::{Exchange, exchanges, has_right_sum, variants};
use fieldrail_fuzz::repair::repair;
use fieldrail_fuzz::targets::batteries;

/// Frames after which a decoder is made anew.
const ROUND: u64 = 512;

/// Marsaglia's xorshift, 64 bits.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.throw() % end as u64).unwrap_or(0)
    }
}

/// Breaks a frame in one of eight ways.
fn mutate(dice: &mut Dice, frame: &[u8], other: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(frame);
    let at = dice.below(out.len().max(1));
    match dice.throw() % 8 {
        0..=2 if !out.is_empty() => {
            for _ in 0..=dice.below(3) {
                let at = dice.below(out.len());
                out[at] ^= 1 << dice.below(8);
            }
        }
        3 if !out.is_empty() => out[at] = dice.throw().to_le_bytes()[0],
        4 => out.truncate(at),
        5 => drop(out.drain(..at)),
        6 => out.splice(at..at, other.iter().copied().take(1 + dice.below(40))).for_each(drop),
        _ => {
            let length = dice.below(160);
            out.splice(.., (0..length).map(|_| dice.throw().to_le_bytes()[3])).for_each(drop);
            // Without a start nothing of it would be looked at.
            let start = frame.len().min(dice.below(6));
            out.splice(0..start.min(out.len()), frame[..start].iter().copied()).for_each(drop);
        }
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|text| text.parse::<u64>().ok());
    let wanted = arguments.next().unwrap_or(1_000_000);
    let seed = arguments.next().unwrap_or(11).max(1);
    // Neighbours among the seeds begin far from each other.
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let variants = variants();
    let exchanges: Vec<Exchange> = exchanges();
    let mut tried = vec![(0_u64, 0_u64, 0_u64); variants.len()];
    let begun = Instant::now();
    let (mut count, mut bytes) = (0, Vec::new());
    while count < wanted {
        let exchange = &exchanges[dice.below(exchanges.len())];
        let (family, variant) = variants[exchange.variant];
        let (mut battery, _) = batteries::decoder(variant);
        let frame = exchange.came.concat();
        for _ in 0..ROUND.min(wanted - count) {
            let other = &exchanges[dice.below(exchanges.len())].came[0];
            mutate(&mut dice, &frame, other, &mut bytes);
            let repaired = dice.throw().is_multiple_of(4) && repair(family.device, variant.name, &mut bytes);
            let taken = feed(&mut *battery, &exchange.question, &bytes);
            tried[exchange.variant].0 += 1;
            tried[exchange.variant].1 += u64::from(repaired);
            tried[exchange.variant].2 += u64::from(taken);
            let is_wrong = taken && has_right_sum(family.device, variant.name, &bytes) == Some(false);
            assert!(!is_wrong, "{} takes a wrong sum: {bytes:02x?}", variant.name);
            count += 1;
        }
    }
    for ((family, variant), (tried, repaired, taken)) in variants.iter().zip(&tried) {
        let who = format!("{:>14} {:<22}", family.device, variant.name);
        println!("{who} {tried:>10} tried, {repaired:>9} of them put right, {taken:>9} taken");
    }
    let seconds = begun.elapsed().as_secs();
    println!("{count} frames of {} protocols in {seconds} s, seed {seed}, no finding", variants.len());
}

/// Feeds a frame as the answer to its question; whether anything was told of it.
fn feed(battery: &mut dyn Battery, question: &[u8], bytes: &[u8]) -> bool {
    if !question.is_empty() {
        battery.asked(question);
    }
    let mut is_taken = false;
    for found in battery.feed(bytes).into_iter().chain(battery.quiet()).flatten() {
        is_taken |= !found.reading.is_empty();
        batteries::check(&found.reading);
    }
    is_taken
}
