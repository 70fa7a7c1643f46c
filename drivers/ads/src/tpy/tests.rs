use proptest::prelude::*;

use super::*;
use crate::catalog::Catalog;

const HOUSE: &str = r#"<?xml version="1.0" encoding="iso-8859-1"?>
<PlcProjectInfo xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <ProjectInfo><Path>C:\house.pro</Path></ProjectInfo>
  <RoutingInfo><AdsInfo><NetId>5.28.91.140.1.1</NetId><Port>801</Port><TargetName><![CDATA[CX_8090]]></TargetName></AdsInfo></RoutingInfo>
  <DataTypes>
    <DataType><Name Decoration="00000001">ARRAY [1..4] OF REAL</Name><Type>REAL</Type><BitSize>128</BitSize>
      <ArrayInfo><LBound>1</LBound><Elements>4</Elements></ArrayInfo></DataType>
    <DataType><Name>E_MODE</Name><BitSize>16</BitSize>
      <EnumInfo><Text>Aus</Text><Enum>0</Enum></EnumInfo><EnumInfo><Text>Ein</Text><Enum>7</Enum></EnumInfo></DataType>
    <DataType><Name>ST_ROOM</Name><BitSize>160</BitSize>
      <SubItem><Name>rTemp</Name><Type>REAL</Type><BitSize>32</BitSize><BitOffs>0</BitOffs></SubItem>
      <SubItem><Name>arLevel</Name><Type>ARRAY [1..2] OF INT</Type><BitSize>32</BitSize><BitOffs>32</BitOffs></SubItem>
      <SubItem><Name>eMode</Name><Type>E_MODE</Type><BitSize>16</BitSize><BitOffs>64</BitOffs></SubItem>
      <SubItem><Name>pNext</Name><Type Pointer="true">ST_ROOM</Type><BitSize>32</BitSize><BitOffs>96</BitOffs></SubItem></DataType>
  </DataTypes>
  <Symbols>
    <Symbol><Name>MAIN.VbAusgang6</Name><Type>BOOL</Type><Comment><![CDATA[ Licht K~che & Flur ]]></Comment>
      <IGroup>16416</IGroup><IOffset>6</IOffset><BitSize>8</BitSize></Symbol>
    <Symbol><Name>.bEingang1</Name><Type>BOOL</Type><IGroup>61473</IGroup><IOffset>803</IOffset><BitSize>1</BitSize></Symbol>
    <Symbol><Name>MAIN.stRoom</Name><Type Decoration="0000000A">ST_ROOM</Type><Comment>a &lt;b&gt; &#65;</Comment>
      <IGroup>16448</IGroup><IOffset>100</IOffset><BitSize>160</BitSize></Symbol>
    <Symbol><Name>MAIN.arTemp</Name><Type>ARRAY [1..4] OF REAL</Type><IGroup>16448</IGroup><IOffset>200</IOffset><BitSize>128</BitSize></Symbol>
  </Symbols>
</PlcProjectInfo>"#;

#[test]
fn a_file_of_twincat_2_gives_connection_symbols_and_types() {
    // As TwinCAT 2 writes it: one byte a character.
    let bytes: Vec<u8> = HOUSE.bytes().map(|byte| if byte == b'~' { 0xfc } else { byte }).collect();
    let tpy = parse(&bytes).unwrap();
    assert_eq!(
        (tpy.net_id.as_deref(), tpy.port, tpy.target.as_deref()),
        (Some("5.28.91.140.1.1"), Some(801), Some("CX_8090"))
    );
    assert_eq!(tpy.program.symbols[0].comment, "Licht Küche & Flur");
    assert_eq!(tpy.program.symbols[2].comment, "a <b> A");
    let catalog = Catalog::new(None, Some(&tpy.program), CodePage::Windows1252);
    for (tag, want) in [
        ("main.vbausgang6", (0x4020, 6, 1, "Elementary(Bool)")),
        (".beingang1", (0xF021, 803, 1, "Elementary(Bool)")),
        ("MAIN.stRoom.rTemp", (0x4040, 100, 4, "Elementary(Real)")),
        ("MAIN.stRoom.arLevel[2]", (0x4040, 106, 2, "Elementary(Int)")),
        ("MAIN.stRoom.eMode", (0x4040, 108, 2, "Enumeration")),
        ("MAIN.stRoom.pNext", (0x4040, 112, 4, "Pointer(4)")),
        ("MAIN.arTemp[4]", (0x4040, 212, 4, "Elementary(Real)")),
    ] {
        let place = catalog.resolve(tag).unwrap();
        assert_eq!((place.group, place.offset, place.size), (want.0, want.1, want.2), "{tag}");
        assert!(format!("{:?}", place.layout).starts_with(want.3), "{tag}: {:?}", place.layout);
    }
}

#[test]
fn what_is_no_tpy_file_is_refused_with_a_reason() {
    for (text, want) in [
        ("", "it is empty"),
        ("<html></html>", "its root is `html`, that of a `.tpy` file is `PlcProjectInfo`"),
        ("<PlcProjectInfo>", "it is cut off"),
        (
            "<!DOCTYPE x [<!ENTITY a 'aaaa'>]><PlcProjectInfo>&a;</PlcProjectInfo>",
            "it declares a document type, which no `.tpy` file does",
        ),
        ("<PlcProjectInfo>&a;</PlcProjectInfo>", "it uses the entity `a`"),
    ] {
        assert_eq!(parse(text.as_bytes()).unwrap_err(), want, "{text}");
    }
    let deep = format!("<PlcProjectInfo>{}", "<a>".repeat(40));
    assert_eq!(parse(deep.as_bytes()).unwrap_err(), "its elements nest deeper than 32");
    assert!(load(Path::new("/nowhere.tpy")).is_err());
}

proptest! {
    #[test]
    fn no_damage_to_a_file_makes_it_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = HOUSE.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = parse(&bytes);
        let _ = parse(&bytes[..cut.index(bytes.len())]);
    }
}
