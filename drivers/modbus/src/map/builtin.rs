//! The profiles that come with the driver: one file each in `profiles/`.

use super::{MapError, Profile};

/// Name and text of each.
const PROFILES: &[(&str, &str)] = &[
    ("alpha_ess_smile", include_str!("../../profiles/alpha_ess_smile.json")),
    ("deye_hybrid_3p", include_str!("../../profiles/deye_hybrid_3p.json")),
    ("e3dc", include_str!("../../profiles/e3dc.json")),
    ("eastron_sdm120", include_str!("../../profiles/eastron_sdm120.json")),
    ("fox_ess_h3", include_str!("../../profiles/fox_ess_h3.json")),
    ("goodwe_hybrid", include_str!("../../profiles/goodwe_hybrid.json")),
    ("growatt_hybrid", include_str!("../../profiles/growatt_hybrid.json")),
    ("growatt_tl_xh", include_str!("../../profiles/growatt_tl_xh.json")),
    ("huawei_sun2000", include_str!("../../profiles/huawei_sun2000.json")),
    ("kostal_plenticore", include_str!("../../profiles/kostal_plenticore.json")),
    ("sigenergy", include_str!("../../profiles/sigenergy.json")),
    ("sma_hybrid", include_str!("../../profiles/sma_hybrid.json")),
    ("sma_inverter", include_str!("../../profiles/sma_inverter.json")),
    ("sofarsolar_g3", include_str!("../../profiles/sofarsolar_g3.json")),
    ("solax_hybrid", include_str!("../../profiles/solax_hybrid.json")),
    ("solis_hybrid", include_str!("../../profiles/solis_hybrid.json")),
    ("sungrow_sg", include_str!("../../profiles/sungrow_sg.json")),
    ("sungrow_sh", include_str!("../../profiles/sungrow_sh.json")),
    ("victron_system", include_str!("../../profiles/victron_system.json")),
];

/// The names, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROFILES.iter().map(|(name, _)| *name)
}

/// The profile of this name. None if there is none.
pub fn find(name: &str) -> Option<Result<Profile, MapError>> {
    let (_, text) = PROFILES.iter().find(|(known, _)| *known == name)?;
    Some(Profile::parse(text, &format!("profiles/{name}.json")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_known_under_its_name_and_has_no_error() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<String> = files.collect();
        files.sort();
        let known: Vec<String> = names().map(|name| format!("{name}.json")).collect();
        assert_eq!(files, known);
        for name in names() {
            let profile = find(name).unwrap().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(profile.name, name);
            assert!(!profile.entries.is_empty(), "{name}");
        }
    }

    /// The marks for "no value" and the low register first are what goes wrong most.
    #[test]
    fn a_sungrow_battery_and_an_sma_string_without_sun_are_read_right() {
        let entry = |profile: &str, name: &str| {
            let profile = find(profile).unwrap().unwrap();
            profile.entries.iter().find(|entry| entry.name == name).unwrap().clone()
        };
        let soc = entry("sungrow_sh", "battery_soc").form.decode(&[553], None);
        assert_eq!(soc.value, fieldrail_model::Value::Float(55.3));
        let pv = entry("sungrow_sh", "pv_power").form.decode(&[4321, 0], None);
        assert_eq!(pv.value, fieldrail_model::Value::Int(4321));
        let night = entry("sma_hybrid", "pv1_power").form.decode(&[0x8000, 0], None);
        assert_eq!((night.value, night.quality.is_good()), (fieldrail_model::Value::Null, false));
    }
}
