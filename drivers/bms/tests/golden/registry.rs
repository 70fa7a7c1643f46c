//! What the registry says of itself holds: each proof is the best that the golden files have.

use fieldrail_driver_bms::battery::{FAMILIES, Proof};

use crate::cases::files;

#[test]
fn each_proof_is_the_best_of_the_golden_files() {
    let files = files();
    for family in FAMILIES {
        for variant in family.variants {
            for (transport, said) in variant.transports {
                let of_variant = files.iter().filter(|file| file.device == family.device);
                let cases = of_variant.filter(|file| variant.is_called(&file.variant)).flat_map(|file| &file.cases);
                let best = cases
                    .filter(|case| case.error.is_none() && case.transport == transport.name())
                    .map(|case| if case.origin == "capture" { Proof::Capture } else { Proof::Vector })
                    .min()
                    .unwrap_or(Proof::Facts);
                assert_eq!(*said, best, "{} {} over {transport}", family.device, variant.name);
            }
        }
    }
}
