//! The fields of each record, the first in the lowest bits.
//!
//! Facts of Victron's extra manufacturer data sheet; the Orion XS record is from captures.

use super::Field::{
    self, AcInput, AlarmLevel, Alarms, Aux, Balancer, Cells, Consumed, Error, OffReason, Plain, Raw, Signed, State,
    Temperature, Warnings,
};

/// The fields of a record type, or nothing for a type that is not known.
pub(super) fn fields(kind: u8) -> Option<&'static [Field]> {
    Some(match kind {
        0x01 => &SOLAR_CHARGER,
        0x02 => &BATTERY_MONITOR,
        0x03 => &INVERTER,
        0x04 => &DC_DC,
        0x05 => &SMART_LITHIUM,
        0x06 => &INVERTER_RS,
        0x08 => &AC_CHARGER,
        0x09 => &BATTERY_PROTECT,
        0x0A => &LYNX,
        0x0B => &MULTI_RS,
        0x0C => &VE_BUS,
        0x0D => &DC_METER,
        0x0F => &ORION_XS,
        _ => return None,
    })
}

/// Type 01.
const SOLAR_CHARGER: [Field; 7] = [
    State,
    Error,
    Signed("voltage", "V", 16, 2),
    Signed("current", "A", 16, 1),
    Plain("yield_today", "kWh", 16, 2),
    Plain("pv_power", "W", 16, 0),
    Plain("load_current", "A", 9, 1),
];

/// Type 02: shunts, BMV, Battery Sense.
const BATTERY_MONITOR: [Field; 7] = [
    Plain("time_to_go", "min", 16, 0),
    Signed("voltage", "V", 16, 2),
    Alarms,
    Aux,
    Signed("current", "A", 22, 3),
    Consumed,
    Plain("soc", "%", 10, 1),
];

/// Type 03.
const INVERTER: [Field; 6] = [
    State,
    Alarms,
    Signed("voltage", "V", 16, 2),
    Plain("ac_apparent_power", "VA", 16, 0),
    Plain("ac_voltage", "V", 15, 2),
    Plain("ac_current", "A", 11, 1),
];

/// Type 04.
const DC_DC: [Field; 5] =
    [State, Error, Plain("input_voltage", "V", 16, 2), Signed("output_voltage", "V", 16, 2), OffReason];

/// Type 05.
const SMART_LITHIUM: [Field; 6] =
    [Raw("bms_flags", 32), Raw("error", 16), Cells, Plain("voltage", "V", 12, 2), Balancer, Temperature];

/// Type 06; no capture of it is known.
const INVERTER_RS: [Field; 7] = [
    State,
    Error,
    Signed("voltage", "V", 16, 2),
    Signed("current", "A", 16, 1),
    Plain("pv_power", "W", 16, 0),
    Plain("yield_today", "kWh", 16, 2),
    Signed("ac_out_power", "W", 16, 0),
];

/// Type 08: three outputs, of which the first is the battery.
const AC_CHARGER: [Field; 10] = [
    State,
    Error,
    Plain("voltage", "V", 13, 2),
    Plain("current", "A", 11, 1),
    Plain("output_2_voltage", "V", 13, 2),
    Plain("output_2_current", "A", 11, 1),
    Plain("output_3_voltage", "V", 13, 2),
    Plain("output_3_current", "A", 11, 1),
    Temperature,
    Plain("ac_current", "A", 9, 1),
];

/// Type 09.
const BATTERY_PROTECT: [Field; 8] = [
    State,
    Raw("output_state", 8),
    Error,
    Alarms,
    Warnings,
    Signed("input_voltage", "V", 16, 2),
    Plain("output_voltage", "V", 16, 2),
    OffReason,
];

/// Type 0A: Lynx Smart BMS and others.
const LYNX: [Field; 9] = [
    Error,
    Plain("time_to_go", "min", 16, 0),
    Signed("voltage", "V", 16, 2),
    Signed("current", "A", 16, 1),
    Raw("io_status", 16),
    Raw("alarm_flags", 18),
    Plain("soc", "%", 10, 1),
    Consumed,
    Temperature,
];

/// Type 0B.
const MULTI_RS: [Field; 9] = [
    State,
    Error,
    Signed("current", "A", 16, 1),
    Plain("voltage", "V", 14, 2),
    AcInput,
    Signed("ac_in_power", "W", 16, 0),
    Signed("ac_out_power", "W", 16, 0),
    Plain("pv_power", "W", 16, 0),
    Plain("yield_today", "kWh", 16, 2),
];

/// Type 0C.
const VE_BUS: [Field; 10] = [
    State,
    Error,
    Signed("current", "A", 16, 1),
    Plain("voltage", "V", 14, 2),
    AcInput,
    Signed("ac_in_power", "W", 19, 0),
    Signed("ac_out_power", "W", 19, 0),
    AlarmLevel,
    Temperature,
    Plain("soc", "%", 7, 0),
];

/// Type 0D.
const DC_METER: [Field; 5] =
    [Signed("meter_type", "", 16, 0), Signed("voltage", "V", 16, 2), Alarms, Aux, Signed("current", "A", 22, 3)];

/// Type 0F.
const ORION_XS: [Field; 7] = [
    State,
    Error,
    Plain("output_voltage", "V", 16, 2),
    Plain("output_current", "A", 16, 1),
    Plain("input_voltage", "V", 16, 2),
    Plain("input_current", "A", 16, 1),
    OffReason,
];
