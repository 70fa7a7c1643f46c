//! `decode`: prints what a capture means, for people who look at one or send one in.
//!
//! A line of the input is a frame in hexadecimal: `>` before what was asked, `<` before what came. Blank lines, blanks, `#` and
//! `:` within, and what stands behind `;` do not matter. What comes out is one flat JSON object, or an error and exit status 1.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use clap::Parser;
use fieldrail_driver::Hint as _;

use crate::battery::{self, Battery, FAMILIES, Family, Found, Kind, Reading, Setup, Transport, Variant};
use crate::fault::Fault;

/// The most bytes of a capture that are read.
const MOST_INPUT: u64 = 16 * 1024 * 1024;

/// What can be said on the command line.
#[derive(Debug, Parser)]
#[command(name = "fieldrail-driver-bms decode", about = "Prints what a capture of a battery means", long_about = None)]
struct Arguments {
    /// The battery: daly, jbd, victron, ant, jk, …; without it each is tried.
    #[arg(long)]
    device: Option<String>,
    /// How it travelled: uart, rs485, ble, advert, can.
    #[arg(long)]
    transport: Option<Transport>,
    /// The protocol; without it the one that fits is taken.
    #[arg(long)]
    variant: Option<String>,
    /// The key of its advertisements, in hexadecimal.
    #[arg(long)]
    key: Option<String>,
    /// Its address on a bus; without it any is taken.
    #[arg(long)]
    address: Option<u8>,
    /// How many cells it has, where the capture does not say.
    #[arg(long)]
    cells: Option<u8>,
    /// Turn the sign of the current.
    #[arg(long)]
    reverse_current: bool,
}

/// Something of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// It was asked.
    Asked(Vec<u8>),
    /// It came.
    Came(Vec<u8>),
}

/// What a capture means.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The values.
    pub reading: Reading,
    /// What came beside values.
    pub kinds: Vec<Kind>,
}

/// The command, with the arguments of the program.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse_from(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let mut input = String::new();
    if let Err(error) = std::io::stdin().take(MOST_INPUT).read_to_string(&mut input) {
        return complain(&format!("the capture cannot be read: {error}"));
    }
    let told = parse(&input).and_then(|lines| run(&arguments, &lines));
    match told {
        Ok(text) => match writeln!(std::io::stdout(), "{text}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(message) => complain(&message),
    }
}

/// An error for a person.
fn complain(message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "ERROR {message}");
    ExitCode::FAILURE
}

fn run(arguments: &Arguments, lines: &[Line]) -> Result<String, String> {
    let families: Vec<&Family> = match &arguments.device {
        Some(device) => vec![battery::family(device).ok_or_else(|| no_device(device))?],
        None => FAMILIES.to_vec(),
    };
    let key = arguments.key.as_deref().map(|text| bytes(text).map_err(|why| format!("the key: {why}"))).transpose()?;
    let setup = Setup {
        transport: arguments.transport.unwrap_or_default(),
        variant: arguments.variant.clone().unwrap_or_default(),
        address: arguments.address,
        cells: arguments.cells,
        key,
        is_reversed: arguments.reverse_current,
        ..Setup::default()
    };
    let decoded = find(&families, arguments.transport, &setup, lines).map_err(|why| said(&why))?;
    print(&decoded).map_err(|error| error.to_string())
}

fn no_device(device: &str) -> String {
    let known: Vec<&str> = FAMILIES.iter().map(|family| family.device).collect();
    format!("there is no device `{device}`; known are {}", known.join(", "))
}

/// A fault with its hint.
fn said(fault: &Fault) -> String {
    let mut text = fault.to_string();
    if let Some(hint) = fault.hint() {
        let _ = write!(text, "\n      {hint}");
    }
    text
}

/// A capture, line by line.
///
/// # Errors
/// A line is no hexadecimal.
pub fn parse(input: &str) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    for (index, line) in input.lines().enumerate() {
        let line = line.split(';').next().unwrap_or_default().trim();
        let at = |why: String| format!("line {}: {why}", index + 1);
        if let Some(text) = line.strip_prefix('>') {
            lines.push(Line::Asked(bytes(text).map_err(at)?));
        } else if !line.is_empty() {
            lines.push(Line::Came(bytes(line.strip_prefix('<').unwrap_or(line)).map_err(at)?));
        }
    }
    Ok(lines)
}

/// Bytes in hexadecimal.
fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '#' | ':')).collect();
    let digit = |c: &char| {
        let value = c.to_digit(16).and_then(|value| u8::try_from(value).ok());
        value.ok_or_else(|| format!("{c:?} is no hexadecimal digit"))
    };
    if !digits.len().is_multiple_of(2) {
        return Err(format!("{} digits are no whole bytes", digits.len()));
    }
    digits.chunks_exact(2).map(|pair| Ok(digit(&pair[0])? << 4 | digit(&pair[1])?)).collect()
}

/// Decodes by the variant that was named, or by the one that fits best.
///
/// # Errors
/// None fits, or what came is broken.
pub fn find(
    families: &[&Family],
    transport: Option<Transport>,
    setup: &Setup,
    lines: &[Line],
) -> Result<Decoded, Fault> {
    let variants = || families.iter().flat_map(|family| family.variants);
    let is_over = |variant: &&Variant| {
        transport.is_none_or(|transport| variant.transports.iter().any(|(over, _)| *over == transport))
    };
    let mut candidates: Vec<&Variant> = if setup.variant.is_empty() {
        variants().filter(is_over).collect()
    } else {
        variants().filter(|variant| variant.is_called(&setup.variant)).collect()
    };
    if candidates.is_empty() && setup.variant.is_empty() {
        candidates = variants().collect();
    } else if candidates.is_empty() {
        let known: Vec<&str> = variants().map(|variant| variant.name).collect();
        let text = format!("there is no variant `{}`; known are {}", setup.variant, known.join(", "));
        return Err(Fault::Unwritable(text));
    }
    let mut best: Option<Decoded> = None;
    let mut worst: Option<Fault> = None;
    for variant in candidates {
        let setup = Setup {
            transport: transport
                .unwrap_or_else(|| variant.transports.first().map_or(Transport::Uart, |(over, _)| *over)),
            ..setup.clone()
        };
        match (variant.make)(&setup).and_then(|battery| decode(battery, lines)) {
            Ok(decoded) if best.as_ref().is_none_or(|best| best.reading.len() < decoded.reading.len()) => {
                best = Some(decoded);
            }
            // What is broken says more than what is foreign.
            Err(fault) if worst.as_ref().is_none_or(|worst| worst.is_foreign() && !fault.is_foreign()) => {
                worst = Some(fault);
            }
            Ok(_) | Err(_) => {}
        }
    }
    best.ok_or_else(|| worst.unwrap_or(Fault::Nothing(came(lines))))
}

/// How many bytes came.
fn came(lines: &[Line]) -> usize {
    lines.iter().map(|line| if let Line::Came(bytes) = line { bytes.len() } else { 0 }).sum()
}

/// Decodes by one decoder. Whatever is broken in a capture, nothing of it is told.
///
/// # Errors
/// Something is broken, or there was nothing.
pub fn decode(mut battery: Box<dyn Battery>, lines: &[Line]) -> Result<Decoded, Fault> {
    let mut decoded = Decoded { reading: Reading::default(), kinds: Vec::new() };
    let mut has_come = false;
    let mut asked = None;
    for line in lines {
        match line {
            Line::Asked(bytes) => {
                // Whoever asks anew has got all that came for the last question.
                if has_come {
                    decoded.take(battery.quiet())?;
                }
                has_come = false;
                asked = battery.meaning(bytes).or(asked);
                battery.asked(bytes);
            }
            Line::Came(bytes) => {
                has_come = true;
                decoded.take(battery.feed(bytes))?;
                while battery.reply().is_some() {}
            }
        }
    }
    decoded.take(battery.quiet())?;
    if came(lines) == 0 {
        decoded.kinds.extend(asked.map(Kind::Asked));
    }
    if decoded.reading.is_empty() && decoded.kinds.is_empty() {
        return Err(Fault::Nothing(came(lines)));
    }
    decoded.reading.complete();
    Ok(decoded)
}

impl Decoded {
    fn take(&mut self, found: Vec<Result<Found, Fault>>) -> Result<(), Fault> {
        for found in found {
            let Found { kind, reading, .. } = found?;
            self.reading.merge(reading);
            if kind != Kind::Values {
                self.kinds.push(kind);
            }
        }
        Ok(())
    }
}

/// One flat JSON object. Of what holds no values it says what it is.
fn print(decoded: &Decoded) -> Result<String, serde_json::Error> {
    let mut object = decoded.reading.to_json();
    if object.is_empty() {
        let (kind, meaning) = match decoded.kinds.last() {
            Some(Kind::Written(meaning)) => ("written", *meaning),
            Some(Kind::Asked(meaning)) => ("asked", *meaning),
            Some(Kind::Login(step)) => ("login", *step),
            Some(Kind::Other(what)) => ("other", *what),
            Some(Kind::Values) | None => return serde_json::to_string(&object),
        };
        object.insert("kind".into(), kind.into());
        object.insert("meaning".into(), meaning.into());
    }
    serde_json::to_string(&object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_may_have_blanks_and_blank_lines() {
        let lines = parse("> DD A5 03\n\n< dd:03\n18904002#0102 ; a remark\n").unwrap();
        let want = [
            Line::Asked(vec![0xdd, 0xa5, 0x03]),
            Line::Came(vec![0xdd, 0x03]),
            Line::Came(vec![0x18, 0x90, 0x40, 0x02, 1, 2]),
        ];
        assert_eq!(lines, want);
        assert_eq!(parse("< 0").unwrap_err(), "line 1: 1 digits are no whole bytes");
        assert_eq!(parse("\n> 0g").unwrap_err(), "line 2: 'g' is no hexadecimal digit");
    }
}
