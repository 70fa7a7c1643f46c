//! Temperatures as tenths of a kelvin, as many monitors send them.

use super::reading::{Reading, scaled};
use crate::fault::Fault;

/// What stands where there is no sensor: the absolute zero, or all ones.
const NO_SENSOR: [u16; 2] = [0, 0xFFFF];

/// Takes the temperature of a sensor, from 1, unless there is none. `zero` is what the monitor sends at 0 °C; monitors do not
/// agree whether that is 2730 or 2731.
///
/// # Errors
/// There are 32 sensors at most.
pub(super) fn kelvin(reading: &mut Reading, number: usize, raw: u16, zero: i64) -> Result<(), Fault> {
    if NO_SENSOR.contains(&raw) { Ok(()) } else { reading.temperature(number, scaled(i64::from(raw) - zero, 1)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensor_that_is_not_there_is_no_temperature_and_keeps_its_number() {
        let mut reading = Reading::default();
        for (number, raw) in [(1, 2981), (2, 0), (3, 0xFFFF), (4, 2607)] {
            kelvin(&mut reading, number, raw, 2731).unwrap();
        }
        assert_eq!([reading.real("temperatures.1"), reading.real("temperatures.4")], [Some(25.0), Some(-12.4)]);
        assert_eq!(reading.len(), 2);
    }
}
