//! "Did you mean …?": the known name nearest to a misspelt one.

/// The longest names that are compared, in bytes: nobody misspells a longer one, and the time grows with the square.
const LONGEST: usize = 200;

/// The candidate nearest to `name`, if one is near enough to be what was meant: at most a third of the letters differ,
/// and of one or two letters none but in case.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    let limit = name.chars().count() / 3;
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate == name || candidate.len().abs_diff(name.len()) > limit * 2 {
            continue;
        }
        let distance = if candidate.eq_ignore_ascii_case(name) { 0 } else { distance(name, candidate) };
        if distance <= limit && best.is_none_or(|(d, text)| (distance, candidate) < (d, text)) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Edit distance with swaps of neighbours (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut cost = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cost = cost.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = cost;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("prinln", ["print", "println", "panic"]), Some("println"));
        assert_eq!(nearest("cuonter", ["counter", "count"]), Some("counter"));
        assert_eq!(nearest("LIMIT", ["limit", "limits"]), Some("limit"));
        assert_eq!(nearest("xyz", ["counter", "ab"]), None);
        assert_eq!(nearest("y", ["x", "z"]), None);
        assert_eq!(nearest("N", ["n"]), Some("n"));
    }

    #[test]
    fn names_of_any_length_are_answered_at_once() {
        let long = "a".repeat(1_000_000);
        let longer = format!("{long}b");
        assert_eq!(nearest(&longer, [&*long, "a"]), None);
        assert_eq!(nearest("counter", [&*long]), None);
    }
}
