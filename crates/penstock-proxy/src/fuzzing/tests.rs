//! The short run: the corpora and mutations of them, the same in every run.

use std::path::{Path, PathBuf};

use super::{FuzzTarget, TARGETS};

/// Numbers that look random and are the same in every run (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }
}

fn folder(target: &FuzzTarget) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target.name)
}

/// The inputs of a corpus, in the order of their names.
fn corpus(target: &FuzzTarget) -> Vec<Vec<u8>> {
    let listed = std::fs::read_dir(folder(target)).unwrap_or_else(|error| panic!("{}: {error}", target.name));
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Bytes that parsers have stumbled over.
const PIECES: [&[u8]; 24] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"=",
    b"\"",
    b"\\",
    b"%",
    b"/",
    b".",
    b"..",
    b"{{",
    b"}}",
    b"0",
    b"-1",
    b"\xff\xff\xff\xff",
    b"\x7f",
    b"\x80",
    b"\xc3\xa9",
];

/// An input with a few stretches exchanged, for odd bytes or for stretches of another.
fn mutated(seeds: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seeds[numbers.below(seeds.len())].clone();
    for _ in 0..=numbers.below(3) {
        let start = numbers.below(bytes.len() + 1);
        let end = (start + [0, 0, 1, 1, 2, 8, 64][numbers.below(7)]).min(bytes.len());
        let piece = match numbers.below(4) {
            0 => vec![numbers.below(256) as u8],
            1 => PIECES[numbers.below(PIECES.len())].to_vec(),
            2 => bytes[start..end].repeat(2),
            _ => {
                let other = &seeds[numbers.below(seeds.len())];
                let from = numbers.below(other.len() + 1);
                other[from..(from + 1 + numbers.below(40)).min(other.len())].to_vec()
            }
        };
        bytes.splice(start..end, piece);
    }
    bytes
}

/// Runs a target and says what it was given if it fails.
fn run(target: &FuzzTarget, bytes: &[u8]) -> bool {
    std::panic::catch_unwind(|| (target.run)(bytes))
        .unwrap_or_else(|_| panic!("{}: {}", target.name, bytes.escape_ascii()))
}

fn run_all(mutations: usize, seed: u64) {
    for target in TARGETS {
        let (seeds, mut numbers) = (corpus(target), Numbers(seed));
        let accepted = seeds.iter().filter(|seed| run(target, seed)).count();
        assert!(0 < accepted && accepted < seeds.len(), "{}: {accepted} of {} accepted", target.name, seeds.len());
        let count = (0..mutations).filter(|_| run(target, &mutated(&seeds, &mut numbers))).count();
        // A target that takes everything or nothing looks at nothing.
        let is_told_apart = mutations / 200 < count && count < mutations - mutations / 200;
        assert!(is_told_apart, "{}: {count} of {mutations} accepted", target.name);
        println!("{}: {} seeds, {mutations} mutations, {count} accepted", target.name, seeds.len());
    }
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let mut folders: Vec<String> = std::fs::read_dir(folder(&TARGETS[0]).parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    folders.sort();
    names.sort_unstable();
    assert_eq!(folders, names);
}

#[test]
fn what_holds_of_every_parser_holds_for_3000_mutations_each() {
    run_all(3_000, 1);
}

#[test]
#[ignore = "long: make test-long"]
fn what_holds_of_every_parser_holds_for_300000_mutations_each() {
    run_all(300_000, 2);
}
