//! What real batteries said is not doubted: the checks know how coarse they are.

use std::time::Duration;

use fieldrail_driver_bms::plausibility::{Plausibility, Seen};

use crate::cases::{files, hear, variant};

#[test]
fn no_capture_of_a_real_battery_is_doubted() {
    let mut looked_at = 0;
    for file in files() {
        for case in file.cases.iter().filter(|case| case.origin == "capture" && case.has_values()) {
            let setup = case.setup(&file, case.transport.parse().unwrap());
            let (mut reading, _, _) = hear((variant(&file).make)(&setup).unwrap(), &case.lines());
            reading.complete();
            let mut checks = Plausibility::default();
            for poll in 0..3 {
                // The same answer for three polls is no doubt of its own within two seconds.
                let seen = Seen::of(&reading, true, Duration::from_millis(900 * poll));
                looked_at += usize::from(!seen.cells_v.is_empty());
                let doubts = checks.take(&seen);
                assert_eq!(doubts, [], "{}", case.name);
            }
        }
    }
    assert!(looked_at > 50, "{looked_at}");
}
