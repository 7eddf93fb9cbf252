//! "Did you mean": the nearest of the words that would have been right.

/// The word nearest to `written`, if it is near enough to be a slip.
pub fn nearest<'a>(written: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = written.chars().count().div_ceil(3);
    let scored = words.into_iter().map(|word| (distance(&written.to_lowercase(), &word.to_lowercase()), word));
    scored.filter(|(distance, _)| *distance <= limit).min().map(|(_, word)| word)
}

/// The hint for a wrong word: the nearest right one, or all of them.
pub(crate) fn hint(written: &str, words: &[&str]) -> String {
    match nearest(written, words.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None if words.is_empty() => String::new(),
        None => format!("write one of: {}", words.join(", ")),
    }
}

/// Fewest insertions, removals, replacements and swaps of neighbours.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let (mut earlier, mut before, mut previous) = (Vec::new(), None, (0..=to.len()).collect::<Vec<usize>>());
    for (row, letter) in from.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let replaced = at(&previous, column) + usize::from(letter != *other);
            let mut least = replaced.min(at(&previous, column + 1) + 1).min(at(&current, column) + 1);
            let left = column.checked_sub(1);
            if before == Some(*other) && left.and_then(|left| to.get(left)) == Some(&letter) {
                least = least.min(at(&earlier, column - 1) + 1);
            }
            current.push(least);
        }
        (earlier, previous, before) = (previous, current, Some(letter));
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_another_word_does_not() {
        let words = ["limit", "status", "headers"];
        assert_eq!(nearest("limt", words), Some("limit"));
        assert_eq!(nearest("sattus", words), Some("status"));
        assert_eq!(nearest("Header", words), Some("headers"));
        assert_eq!(nearest("upstream", words), None);
        assert_eq!(nearest("", words), None);
    }

    #[test]
    fn the_hint_names_the_nearest_word_or_all() {
        assert_eq!(hint("limt", &["limit", "to"]), "did you mean `limit`?");
        assert_eq!(hint("zzz", &["limit", "to"]), "write one of: limit, to");
    }
}
