//! Near names: what a person who mistyped probably meant.

/// The candidate nearest to `wanted`, if any is near enough to be a slip of the pen: at most a third of its letters differ.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    within(wanted, candidates, (wanted.chars().count() / 3).max(1))
}

/// The candidate nearest to `wanted`, if at most `limit` letters of it are left out, too many, others or exchanged.
pub fn within<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>, limit: usize) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(wanted, candidate, limit), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// ` (did you mean `x`?)`, or nothing.
pub fn did_you_mean<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(wanted, candidates).map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// Edits between two names, where two letters that changed places are one edit, without regard to case; anything above `limit` may be reported as `limit + 1`.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    let a: Vec<char> = a.chars().flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    // Optimal string alignment: three rows are enough to see a transposition.
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let substituted = above[j] + usize::from(x != y);
            let mut least = substituted.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_name() {
        let known = ["plc_001", "plc_002", "mqtt.broker_local"];
        assert_eq!(nearest("plc_01", known), Some("plc_001"));
        assert_eq!(nearest("MQTT.broker_locl", known), Some("mqtt.broker_local"));
        assert_eq!(nearest("webhook", known), None);
        assert_eq!(nearest("prot", ["port", "root"]), Some("port"));
        assert_eq!(within("energy_1_wh", ["power_1", "enegry_1_wh", "energy_2_kwh"], 1), Some("enegry_1_wh"));
        assert_eq!(within("energy_1_wh", ["power_1", "enegry_2_wh"], 1), None);
    }
}
