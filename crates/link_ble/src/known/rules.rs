//! The rules, in the order in which they are tried: what is seldom and certain comes first.

use super::{Class, Known};
use crate::Uuid;

/// What a device must say to be taken for something. An empty list asks for nothing.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub(super) known: Known,
    /// Patterns of names; see `matches`.
    pub(super) names: &'static [&'static str],
    /// Short numbers of services.
    pub(super) services: &'static [u16],
    /// Numbers of manufacturers.
    pub(super) companies: &'static [u16],
    /// Beginnings of addresses.
    pub(super) addresses: &'static [&'static [u8]],
    /// A service with a long name.
    pub(super) uuid: Option<Uuid>,
    /// A manufacturer, and how what it says begins.
    pub(super) said: Option<(u16, &'static [u8])>,
}

/// A rule that asks for nothing yet.
const fn rule(class: Class, kind: &'static str, variant: Option<&'static str>, title: &'static str) -> Rule {
    Rule {
        known: Known { class, kind, variant, title, sure: true },
        names: &[],
        services: &[],
        companies: &[],
        addresses: &[],
        uuid: None,
        said: None,
    }
}

const fn battery(kind: &'static str, variant: &'static str, title: &'static str) -> Rule {
    rule(Class::Battery, kind, Some(variant), title)
}

const fn sensor(kind: &'static str, title: &'static str) -> Rule {
    rule(Class::Sensor, kind, None, title)
}

const fn names(rule: Rule, names: &'static [&'static str]) -> Rule {
    Rule { names, ..rule }
}

const fn services(rule: Rule, services: &'static [u16]) -> Rule {
    Rule { services, ..rule }
}

const fn companies(rule: Rule, companies: &'static [u16]) -> Rule {
    Rule { companies, ..rule }
}

const fn addresses(rule: Rule, addresses: &'static [&'static [u8]]) -> Rule {
    Rule { addresses, ..rule }
}

/// Others look like that too.
const fn perhaps(rule: Rule) -> Rule {
    Rule { known: Known { sure: false, ..rule.known }, ..rule }
}

const VICTRON: Rule = rule(Class::Advertising, "victron", None, "Victron (Instant Readout)");
/// Its boards speak one of two dialects over the same characteristics.
const DALY: Rule = rule(Class::Battery, "daly", None, "Daly");
const JBD: Rule = battery("jbd", "dd", "JBD / Xiaoxiang");
const ANT_NEW: Rule = battery("ant", "new_7ea1", "ANT");
const ANT_OLD: Rule = battery("ant", "old_dbdb", "ANT (old)");
const JK: Rule = battery("jk", "jk02_ble", "JK (Jikong)");
const SEPLOS_2: Rule = battery("seplos", "v2_ble", "Seplos V2");
const SEPLOS_3: Rule = battery("seplos", "v3_ble_modbus", "Seplos V3");
const PACE: Rule = battery("pace", "pace_ble", "Pace");
const PYLONTECH: Rule = battery("pylontech", "rt_ble_modbus", "Pylontech RT");
const TDT: Rule = battery("tdt", "tdt_7e", "TDT");
const RENOGY: Rule = battery("renogy", "renogy_modbus_ble", "Renogy");
const RENOGY_PRO: Rule = battery("renogy", "renogy_pro_modbus_ble", "Renogy Pro");
const ECOWORTHY: Rule = battery("ecoworthy", "ecoworthy_ble", "Eco-Worthy");
const REDODO: Rule = battery("redodo_litime", "redodo_ble", "Redodo / LiTime");
const ROYPOW: Rule = battery("roypow", "roypow_ble", "RoyPow");
const EPOCH: Rule = battery("epoch_pro", "epoch_pro_ble", "Epoch Pro");
const OGT: Rule = battery("ogt", "ogt_ble", "Offgridtec");
const SOK: Rule = battery("sok_abc", "abc_ble", "SOK");
const TOPBAND: Rule = battery("topband", "topband_ble", "Topband");
const HUMSIENK: Rule = battery("humsienk", "humsienk_ble", "Humsienk");
const LITHIONICS: Rule = battery("lithionics", "lithionics_ble", "Lithionics");
const NEEY: Rule = battery("neey", "neey_ble", "Neey");
const EJ: Rule = battery("ej", "ej_ble", "E&J");
const CBT: Rule = battery("cbt_power", "cbtpwr_ble", "CBT Power");
const DAREN: Rule = battery("daren", "daren_ble", "Daren");
const GOBEL: Rule = battery("gobel", "gobel_ble", "Gobel Power");
const DPWRCORE: Rule = battery("dpwrcore", "dpwrcore_ble", "DPwrcore");
const TIANPOWER: Rule = battery("tianpower", "tianpwr_ble", "Tianpower");
const FELICITY: Rule = battery("felicity", "felicity_ble", "Felicity Solar");

/// Modules that JBD builds in have addresses that begin so.
const OF_JBD: &[&[u8]] = &[
    &[0xa5, 0xc2, 0x37],
    &[0xa5, 0xc2, 0x39],
    &[0xa5, 0xc2, 0x3a],
    &[0xa4, 0xc1, 0x37],
    &[0xa4, 0xc1, 0x38],
    &[0xaa, 0xc2, 0x37],
    &[0xa2, 0xc2, 0x37],
    &[0x10, 0xa5, 0x62],
    &[0x70, 0x3e, 0x97],
];

/// What those who build JBD's boards into their batteries call them.
const NAMED_BY_OTHERS: &[&str] = &[
    "12???BL*",
    "24???BL*",
    "@KsM:*",
    "LSG-*",
    "N-?????BL*",
    "OGR-*",
    "SBL-*",
    "SJ-???-*",
    "SX1*",
    "SX60*",
    "TITAN-*",
    "TZ-H*",
];

pub(super) const RULES: &[Rule] = &[
    // Victron's number, and 0x10 for Instant Readout (VE.Smart and others say something else under the same number).
    Rule { said: Some((0x02e1, &[0x10])), ..VICTRON },
    // BTHome v2: UUID 0xFCD2 (bthome.io, "Format").
    services(sensor("bthome", "BTHome sensor"), &[0xfcd2]),
    // Xiaomi's own: UUID 0xFE95 (MiBeacon).
    services(sensor("xiaomi", "Xiaomi sensor"), &[0xfe95]),
    // Other firmware on Xiaomi's thermometers: Environmental Sensing, with a name that tells it.
    names(services(sensor("atc", "Thermometer (ATC, pvvx)"), &[0x181a]), &["ATC_*", "LYWSD03MMC*", "ATC-*"]),
    // Ruuvi Innovations' number; 5 is the data format RAWv2.
    Rule { said: Some((0x0499, &[5])), ..sensor("ruuvi", "RuuviTag") },
    names(services(SEPLOS_2, &[0xff00]), &["BP##"]),
    names(services(SEPLOS_3, &[0xfff0]), &["SP##B*", "SP1##B*", "CSY*", "ST00*", "XZHX*"]),
    addresses(services(SEPLOS_3, &[0xfff0]), &[&[0xc0, 0xd6, 0x3c]]),
    names(DALY, &["DL-*", "JHB-*"]),
    names(companies(DALY, &[0x0102, 0x0104, 0x0302, 0x0303]), &["BT*"]),
    names(ANT_NEW, &["ANT?BLE24*", "ANT?BLE3*"]),
    names(ANT_OLD, &["ANT?BLE*"]),
    companies(services(JK, &[0xffe0]), &[0x0b65, 0x4b4a]),
    names(services(JK, &[0xffe0]), &["JK-*", "JK_*"]),
    names(PACE, &["PC-????"]),
    names(services(PYLONTECH, &[0x180f]), &["RT1#*", "RT2#*", "RT3#*", "RT4#*"]),
    Rule { uuid: Some(Uuid(0x0001_0203_0405_0607_0809_0a0b_0c0d_1910)), names: &["RT*"], ..PYLONTECH },
    names(services(TDT, &[0xfff0, 0xffe1]), &["WT*", "HS*"]),
    companies(TDT, &[0xd6c0]),
    names(RENOGY, &["BT-TH-*"]),
    names(RENOGY_PRO, &["RNGRBP*", "RNGC*"]),
    names(services(ECOWORTHY, &[0xfff0]), &["ECO-WORTHY*", "DCHOUSE*"]),
    companies(services(REDODO, &[0xffe0]), &[0x585a]),
    names(services(ROYPOW, &[0xffe0, 0xffe7, 0xfee7]), &[" B12*", " S12*", " B24*", " S24*", " UT*"]),
    names(services(EPOCH, &[0xffe0]), &["GC2*", "Epoch*"]),
    names(services(OGT, &[0xfff0]), &["SmartBat-*"]),
    names(services(SOK, &[0xffe0, 0xfff0]), &["SOK-*", "ABC-*", "NB-*", "Hoover"]),
    names(services(TOPBAND, &[0xffe0]), &["NWJ20*", "ZM20*"]),
    names(services(HUMSIENK, &[0xff00, 0x0001]), &["ECO????", "DCH????"]),
    names(services(HUMSIENK, &[0x0001]), &["HS*"]),
    names(services(LITHIONICS, &[0xffe0]), &["Li#-*"]),
    names(services(NEEY, &[0xffe0, 0xfee7]), &["GW-*", "EK-*"]),
    names(services(DAREN, &[0xff00]), &["DWF*"]),
    names(GOBEL, &["BMS-###????????????*"]),
    names(DPWRCORE, &["TBA-*", "DXB-*"]),
    names(TIANPOWER, &["TP_*"]),
    names(FELICITY, &["F07*", "F10*"]),
    services(CBT, &[0x03c1]),
    names(EJ, &["L-12V*", "L-24V*", "G-12V*", "G-24V*", "V-12V*", "V-24V*", "SV12V*", "LT-24*", "LT-12*"]),
    addresses(services(JBD, &[0xff00]), OF_JBD),
    names(services(JBD, &[0xff00]), NAMED_BY_OTHERS),
    names(JBD, &["xiaoxiang*", "JBD-*", "DP04S*", "SP##S*"]),
    perhaps(services(JBD, &[0xff00])),
    // The number is made of the address, and other makers have it too.
    perhaps(companies(services(DALY, &[0xfff0]), &[0x0102, 0x0104, 0x0302, 0x0303, 0x0402])),
];
