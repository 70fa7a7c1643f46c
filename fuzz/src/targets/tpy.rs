//! A `.tpy` file of a stranger.
//!
//! Promises that are looked at: read twice it is the same; nothing is expanded, so that what is kept is not longer than what
//! was read; every part lies within its symbol, and what is read there can be written back.

use fieldrail_driver_ads::catalog::Catalog;
use fieldrail_driver_ads::codec::symbols::Symbol;
use fieldrail_driver_ads::codec::text::CodePage;
use fieldrail_driver_ads::codec::types::DataType;
use fieldrail_driver_ads::tpy::{self, Tpy};

use super::places;
use crate::Target;

/// The table's line.
pub const TARGET: Target = Target { name: "tpy", run, most_bytes: 4096, seeds, words };

/// Bytes that a byte of the file may become: Windows-1252 as UTF-8.
const MOST_GROWTH: usize = 3;

const HOUSE: &str = r#"<?xml version="1.0" encoding="iso-8859-1"?><PlcProjectInfo><RoutingInfo><AdsInfo><NetId>5.28.91.140.1.1</NetId>
<Port>801</Port><TargetName><![CDATA[CX_8090]]></TargetName></AdsInfo></RoutingInfo><DataTypes>
<DataType><Name Decoration="00000001">ARRAY [1..4] OF REAL</Name><Type>REAL</Type><BitSize>128</BitSize><ArrayInfo><LBound>1</LBound><Elements>4</Elements></ArrayInfo></DataType>
<DataType><Name>E_MODE</Name><BitSize>16</BitSize><EnumInfo><Text>Aus</Text><Enum>0</Enum></EnumInfo><EnumInfo><Text>Ein</Text><Enum>7</Enum></EnumInfo></DataType>
<DataType><Name>ST_ROOM</Name><BitSize>160</BitSize><SubItem><Name>rTemp</Name><Type>REAL</Type><BitSize>32</BitSize><BitOffs>0</BitOffs></SubItem>
<SubItem><Name>arLevel</Name><Type>ARRAY [1..2] OF INT</Type><BitSize>32</BitSize><BitOffs>32</BitOffs></SubItem>
<SubItem><Name>eMode</Name><Type>E_MODE</Type><BitSize>16</BitSize><BitOffs>64</BitOffs></SubItem>
<SubItem><Name>bit</Name><Type>BIT</Type><BitSize>1</BitSize><BitOffs>81</BitOffs></SubItem>
<SubItem><Name>pNext</Name><Type Pointer="true">ST_ROOM</Type><BitSize>32</BitSize><BitOffs>96</BitOffs></SubItem></DataType></DataTypes><Symbols>
<Symbol><Name>.bEingang1</Name><Type>BOOL</Type><IGroup>61473</IGroup><IOffset>803</IOffset><BitSize>1</BitSize></Symbol>
<Symbol><Name>MAIN.stRoom</Name><Type>ST_ROOM</Type><Comment>a ~ &lt;b&gt; &#65;<![CDATA[ & ]]></Comment><IGroup>16448</IGroup><IOffset>100</IOffset><BitSize>160</BitSize></Symbol>
<Symbol><Name>MAIN.arTemp</Name><Type>ARRAY [1..4] OF REAL</Type><IGroup>16448</IGroup><IOffset>200</IOffset><BitSize>128</BitSize></Symbol></Symbols></PlcProjectInfo>"#;

fn seeds() -> Vec<Vec<u8>> {
    let latin: Vec<u8> = HOUSE.bytes().map(|byte| if byte == b'~' { 0xfc } else { byte }).collect();
    let small = "<PlcProjectInfo><Symbols><Symbol><Name>MAIN.x</Name><Type>INT</Type><IGroup>16416</IGroup>\
                 <IOffset>6</IOffset><BitSize>16</BitSize></Symbol></Symbols></PlcProjectInfo>";
    let entity = "<!DOCTYPE x [<!ENTITY a 'aaaa'>]><PlcProjectInfo>&a;</PlcProjectInfo>";
    vec![HOUSE.into(), latin, small.into(), entity.into(), "<a>".repeat(40).into()]
}

fn words() -> Vec<String> {
    const NAMES: &str = "PlcProjectInfo AdsInfo NetId Port TargetName DataTypes DataType Name Type BitSize BitOffs ArrayInfo \
                         LBound Elements EnumInfo Text Enum SubItem Symbols Symbol IGroup IOffset Comment";
    const MORE: &str = "<![CDATA[ ]]> &lt; &amp; &#65; &#x20AC; &a; <!DOCTYPE <!-- --> <?xml BOOL INT REAL STRING(80) \
                        16448 61473 61489 4294967295 536870912 Pointer=\"true\"";
    let around = |name: &str| [format!("<{name}>"), format!("</{name}>")];
    let more = MORE.split_whitespace().chain(["ARRAY [1..4] OF ", "POINTER TO "]).map(Into::into);
    NAMES.split_whitespace().flat_map(around).chain(more).collect()
}

fn run(data: &[u8]) {
    let read = tpy::parse(data);
    assert_eq!(format!("{read:?}"), format!("{:?}", tpy::parse(data)), "read again it is another one");
    let Ok(tpy) = read else { return };
    assert!(kept(&tpy) <= MOST_GROWTH * data.len(), "{} bytes of text from {}", kept(&tpy), data.len());
    for symbol in &tpy.program.symbols {
        assert!(!symbol.name.is_empty() && symbol.size <= u32::MAX / 8 + 1);
    }
    let catalog = Catalog::new(None, Some(&tpy.program), CodePage::Windows1252);
    places::check(&tpy.program.symbols, &catalog, data);
}

/// Bytes of all texts.
fn kept(tpy: &Tpy) -> usize {
    let of_symbol = |symbol: &Symbol| symbol.name.len() + symbol.type_name.len() + symbol.comment.len();
    let head = [&tpy.net_id, &tpy.target].into_iter().flatten().map(String::len).sum::<usize>();
    let symbols = tpy.program.symbols.iter().map(of_symbol).sum::<usize>();
    head + symbols + tpy.program.types.iter().map(of_type).sum::<usize>()
}

fn of_type(t: &DataType) -> usize {
    let values = t.values.iter().map(|(name, _)| name.len()).sum::<usize>();
    t.name.len() + t.type_name.len() + t.comment.len() + values + t.items.iter().map(of_type).sum::<usize>()
}
