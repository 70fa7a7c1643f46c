//! The states of the MOSFETs, which say why one is off.

use super::super::reading::Reading;

/// Of charging, by code: its name, and the alarm it means.
const CHARGE: [(&str, &str); 21] = [
    ("off", ""),
    ("on", ""),
    ("cell_overvoltage", "alarms.cell_overvoltage"),
    ("overcurrent", "alarms.charge_overcurrent"),
    ("full", ""),
    ("pack_overvoltage", "alarms.pack_overvoltage"),
    ("battery_overtemp", "alarms.battery_overtemp"),
    ("mos_overtemp", "alarms.mos_overtemp"),
    ("abnormal_current", "alarms.abnormal_current"),
    ("balance_wire", "alarms.balance_wire"),
    ("board_overtemp", "alarms.board_overtemp"),
    ("reserved", ""),
    ("open_failed", "alarms.charge_mos_fault"),
    ("discharge_mos_fault", "alarms.discharge_mos_fault"),
    ("waiting", ""),
    ("manual_off", ""),
    ("overvoltage_l2", "alarms.cell_overvoltage"),
    ("low_temp", "alarms.low_temp"),
    ("cell_difference", "alarms.cell_difference"),
    ("reserved", ""),
    ("self_check", "alarms.self_check"),
];

/// Of discharging.
const DISCHARGE: [(&str, &str); 20] = [
    ("off", ""),
    ("on", ""),
    ("cell_undervoltage", "alarms.cell_undervoltage"),
    ("overcurrent", "alarms.discharge_overcurrent"),
    ("overcurrent_l2", "alarms.discharge_overcurrent"),
    ("pack_undervoltage", "alarms.pack_undervoltage"),
    ("battery_overtemp", "alarms.battery_overtemp"),
    ("mos_overtemp", "alarms.mos_overtemp"),
    ("abnormal_current", "alarms.abnormal_current"),
    ("balance_wire", "alarms.balance_wire"),
    ("board_overtemp", "alarms.board_overtemp"),
    ("charge_mos_on", ""),
    ("short_circuit", "alarms.short_circuit"),
    ("discharge_mos_fault", "alarms.discharge_mos_fault"),
    ("start_failed", "alarms.discharge_mos_fault"),
    ("manual_off", ""),
    ("undervoltage_l2", "alarms.cell_undervoltage"),
    ("low_temp", "alarms.low_temp"),
    ("cell_difference", "alarms.cell_difference"),
    ("self_check", "alarms.self_check"),
];

/// Tells both states and what they mean.
pub(super) fn tell(charge: u8, discharge: u8, reading: &mut Reading) {
    for table in [&CHARGE[..], &DISCHARGE[..]] {
        table.iter().filter(|(_, alarm)| !alarm.is_empty()).for_each(|(_, alarm)| reading.flag(*alarm, false));
    }
    let sides = [
        (charge, &CHARGE[..], "charge_mos", "charge_mos_state"),
        (discharge, &DISCHARGE[..], "discharge_mos", "discharge_mos_state"),
    ];
    for (code, table, mos, state) in sides {
        reading.flag(mos, code == 1);
        let (name, alarm) = table.get(usize::from(code)).copied().unwrap_or(("unknown", ""));
        reading.text(state, name);
        if !alarm.is_empty() {
            reading.flag(alarm, true);
        }
    }
}

/// Tells what the balancer does: 1 above its limit, 2 while charging, 4 by itself; others are reasons not to.
pub(super) fn balancer(state: u8, mask: u32, reading: &mut Reading) {
    reading.flag("balancing", mask != 0 || matches!(state, 1 | 2 | 4));
    reading.count("balancer_state", "", state);
    reading.count("balancing_mask", "", mask);
}

/// Where a sensor says that it is not there, in degrees Celsius.
pub(super) const ABSENT: i16 = -40;
