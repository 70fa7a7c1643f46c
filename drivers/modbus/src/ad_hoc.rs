//! Tags for registers that no map names: `UNIT/TABLE/ADDRESS`, then `:TYPE` if it is not `uint16`, then `:low_first` if the
//! low register comes first. `1/holding/100:float32:low_first`. They can only be read.

use crate::codec::pdu::Table;
use crate::map::{Entry, Manner, Register};
use crate::value::{Kind, Order};

/// The unit and the register that a tag names. None if it is no such tag.
pub fn parse(tag: &str) -> Option<(u8, Entry)> {
    let mut parts = tag.splitn(3, '/');
    let (unit, table, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let unit = number(unit)?;
    let table = [Table::Coil, Table::Discrete, Table::Holding, Table::Input].into_iter().find(|t| t.name() == table)?;
    let mut parts = rest.split(':');
    let address: u16 = parts.next().and_then(number)?;
    let kind: Option<Kind> = match parts.next() {
        Some(kind) => Some(serde_json::from_value(kind.into()).ok()?),
        None => None,
    };
    let word_order = match parts.next() {
        Some("low_first") => Order::LowFirst,
        Some(_) => return None,
        None => Order::HighFirst,
    };
    if parts.next().is_some() {
        return None;
    }
    let register: Register = serde_json::from_value(serde_json::json!({
        "name": "register", "table": table.name(), "address": address
    }))
    .ok()?;
    let register = Register { r#type: kind, word_order: Some(word_order), ..register };
    let entry = register.entry(Manner::default()).ok()?;
    Some((unit, Entry { name: tag.to_owned(), ..entry }))
}

/// A number in its usual spelling: one tag has one spelling.
fn number<N: std::str::FromStr + ToString>(text: &str) -> Option<N> {
    text.parse().ok().filter(|number: &N| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_register_is_named_by_its_place() {
        let (unit, entry) = parse("3/input/30775:int32:low_first").unwrap();
        assert_eq!((unit, entry.table, entry.address, entry.form.kind), (3, Table::Input, 30_775, Kind::Int32));
        assert_eq!((entry.form.word_order, entry.name.as_str()), (Order::LowFirst, "3/input/30775:int32:low_first"));
        assert_eq!(parse("1/coil/0").unwrap().1.form.kind, Kind::Bool);
        for no in [
            "",
            "1/holding",
            "1/holding/x",
            "256/holding/1",
            "1/holding/01",
            "1/register/1",
            "1/holding/1:int33",
            "1/holding/1:string",
            "1/coil/1:int16",
            "1/holding/65535:int32",
            "1/holding/1:int16:high",
            "1/holding/1:int16:low_first:x",
        ] {
            assert!(parse(no).is_none(), "{no}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(tag in "[0-9a-z/:_]{0,30}") {
            if let Some((_, entry)) = parse(&tag) {
                prop_assert_eq!(entry.name, tag);
            }
        }
    }
}
