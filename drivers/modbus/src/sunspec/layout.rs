//! Where the points of a model lie in this device: groups are there as often as the device says.

use super::model::{Count, Factor, Model, Point, Type};
use crate::codec::pdu::Table;
use crate::map::{Entry, WriteWith};
use crate::value::{Form, Kind, Scale};

/// The most points of one model.
const MAX_POINTS: usize = 4000;

/// What a layout is made of, while it is made.
struct Plan<'a> {
    /// The address of the model's first register, its number.
    base: u16,
    image: &'a [u16],
    entries: Vec<Entry>,
}

/// The scale factors and counts that are in sight, by name, with their place in the image. Inner groups come last.
type Scope<'a> = Vec<(&'a str, usize)>;

/// The points of a model. `image` are its registers from the number on, `base` is the address of the first, `prefix` begins
/// each name.
pub fn layout(model: &Model, image: &[u16], base: u16, prefix: &str) -> Vec<Entry> {
    let mut plan = Plan { base, image, entries: Vec::new() };
    plan.group(model, 0, prefix, &mut Vec::new());
    plan.entries
}

impl<'a> Plan<'a> {
    /// Lays out a group that begins at `at`. Returns where it ends.
    fn group(&mut self, group: &'a Model, mut at: usize, prefix: &str, scope: &mut Scope<'a>) -> usize {
        let outside = scope.len();
        let mut place = at;
        for point in &group.points {
            scope.push((&point.name, place));
            place += usize::from(point.registers());
        }
        for point in &group.points {
            self.point(point, at, prefix, scope);
            at += usize::from(point.registers());
        }
        for inner in &group.groups {
            let times = self.times(inner, at, scope);
            for index in 0..times {
                let begin = at;
                let is_one = matches!(inner.count, None | Some(Count::Fixed(1)));
                let name = if is_one {
                    format!("{prefix}.{}", inner.name)
                } else {
                    format!("{prefix}.{}.{}", inner.name, index + 1)
                };
                at = self.group(inner, at, &name, scope);
                if at == begin || self.entries.len() >= MAX_POINTS {
                    break;
                }
            }
        }
        scope.truncate(outside);
        at
    }

    /// How often a group is there.
    fn times(&self, group: &Model, at: usize, scope: &Scope<'a>) -> usize {
        let room = self.image.len().saturating_sub(at);
        let wanted = match &group.count {
            None => return 1,
            Some(Count::Fixed(0)) => room,
            Some(Count::Fixed(times)) => usize::from(*times),
            // A device that does not say how many has none.
            Some(Count::Point(name)) => self.word(name, scope).filter(|&count| count != 0xffff).map_or(0, usize::from),
        };
        // Where the inner groups are not counted yet, one of each is the least.
        wanted.min(room / smallest(group).max(1))
    }

    fn word(&self, name: &str, scope: &Scope<'a>) -> Option<u16> {
        let (_, at) = scope.iter().rev().find(|(known, _)| *known == name)?;
        self.image.get(*at).copied()
    }

    fn point(&mut self, point: &'a Point, at: usize, prefix: &str, scope: &Scope<'a>) {
        let is_plumbing = matches!(point.r#type, Type::Pad | Type::Sunssf) || at < 2;
        // A device may have an older, shorter form of a model.
        let is_there = at + usize::from(point.registers()) <= self.image.len();
        let Some(address) = self.address(at).filter(|_| is_there && !is_plumbing && self.entries.len() < MAX_POINTS)
        else {
            return;
        };
        let power_at = match &point.sf {
            Some(Factor::Point(name)) => {
                scope.iter().rev().find(|(known, _)| known == name).and_then(|&(_, at)| self.address(at))
            }
            _ => None,
        };
        self.entries.push(Entry {
            name: format!("{prefix}.{}", point.name),
            table: Table::Holding,
            address,
            form: form(point),
            power_at,
            unit: point.unit.clone().filter(|_| is_measure(point)),
            comment: (!point.label.is_empty()).then(|| point.label.clone()),
            write: point.rw.then_some(WriteWith::Multiple),
            read_back: false,
            poll: None,
        });
    }

    fn address(&self, at: usize) -> Option<u16> {
        u16::try_from(at).ok().and_then(|at| self.base.checked_add(at))
    }
}

/// The fewest registers that a group takes.
fn smallest(group: &Model) -> usize {
    let own: usize = group.points.iter().map(|point| usize::from(point.registers())).sum();
    let inner = group.groups.iter().filter(|group| group.count.is_none()).map(smallest).sum::<usize>();
    own + inner
}

fn is_measure(point: &Point) -> bool {
    point.r#type != Type::String
}

fn form(point: &Point) -> Form {
    use Type::{
        Acc16, Acc32, Acc64, Bitfield16, Bitfield32, Count, Enum16, Enum32, Eui48, Float32, Int16, Int32, Int64,
        Ipaddr, Ipv6addr, Pad, Sunssf, Uint16, Uint32, Uint64,
    };
    let kind = match point.r#type {
        Int16 | Sunssf => Kind::Int16,
        Uint16 | Count | Acc16 | Enum16 | Bitfield16 | Pad => Kind::Uint16,
        Int32 => Kind::Int32,
        Uint32 | Acc32 | Enum32 | Bitfield32 | Ipaddr => Kind::Uint32,
        Int64 => Kind::Int64,
        Uint64 | Acc64 => Kind::Uint64,
        Float32 => Kind::Float32,
        Eui48 | Ipv6addr => Kind::Bytes,
        Type::String => Kind::String,
    };
    // A counter that was never fed, and an address that was never given, are 0 (section 4.2).
    let is_zero_none = matches!(point.r#type, Acc16 | Acc32 | Acc64 | Ipaddr);
    let not_available = if is_zero_none { Some(0) } else { kind.usual_not_available() };
    let factor = match point.sf {
        Some(Factor::Fixed(power)) => 10_f64.powi(i32::from(power)),
        _ => 1.0,
    };
    Form {
        registers: point.registers(),
        scale: Scale { factor, offset: 0.0 },
        not_available: not_available.into_iter().collect(),
        ..Form::plain(kind)
    }
}
