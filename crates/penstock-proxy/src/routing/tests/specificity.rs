//! A pattern that takes all that another takes, and more, stands behind it.

use std::collections::BTreeSet;

use super::super::PathMatcher;
use super::super::precedence::PathPlace;
use super::cases::generated_pattern;
use super::generator::Random;

/// Every path of up to five segments over some that patterns spell and one that none does.
fn universe() -> Vec<String> {
    let mut paths = vec![String::new()];
    for _ in 0..5 {
        let longest: Vec<String> = paths.clone();
        paths.extend(longest.iter().flat_map(|path| ["a", "b", "c", "z"].map(|segment| format!("{path}/{segment}"))));
        paths.sort();
        paths.dedup();
    }
    let with_slash: Vec<String> = paths.iter().map(|path| format!("{path}/")).collect();
    paths.extend(with_slash);
    paths.retain(|path| !path.is_empty());
    paths
}

fn taken(matcher: &PathMatcher, universe: &[String]) -> BTreeSet<usize> {
    let mut params = Vec::new();
    (0..universe.len()).filter(|index| matcher.matches(&universe[*index], &mut params)).collect()
}

#[test]
fn a_pattern_that_takes_more_stands_behind_the_one_it_covers() {
    let (mut random, universe) = (Random::new(5), universe());
    let patterns: Vec<_> = (0..160)
        .map(|_| generated_pattern(&mut random))
        .filter_map(|pattern| PathMatcher::build(&pattern).ok())
        .filter(|(matcher, _)| !matches!(matcher, PathMatcher::Regex(_)))
        .map(|(matcher, _)| (taken(&matcher, &universe), PathPlace::of(&matcher), matcher.to_string()))
        .collect();
    let mut covered = 0;
    for (narrow, place, text) in &patterns {
        for (wide, wide_place, wide_text) in &patterns {
            if narrow.len() < wide.len() && narrow.is_subset(wide) {
                assert!(place < wide_place, "{text} is within {wide_text}");
                covered += 1;
            }
        }
    }
    assert!(covered > 1_000, "{covered} pairs");
}
