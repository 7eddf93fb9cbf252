//! The Huffman code of header texts.
//!
//! Source: RFC 7541, section 5.2 and appendix B.

use super::HpackError;

/// Code and its length in bits of every byte, and of the end of a text.
#[rustfmt::skip]
#[allow(clippy::unreadable_literal, reason = "written as the source writes them")]
const CODES: [(u32, u8); 257] = [
    (0x1ff8, 13), (0x7fffd8, 23), (0xfffffe2, 28), (0xfffffe3, 28), (0xfffffe4, 28), (0xfffffe5, 28),
    (0xfffffe6, 28), (0xfffffe7, 28), (0xfffffe8, 28), (0xffffea, 24), (0x3ffffffc, 30), (0xfffffe9, 28),
    (0xfffffea, 28), (0x3ffffffd, 30), (0xfffffeb, 28), (0xfffffec, 28), (0xfffffed, 28), (0xfffffee, 28),
    (0xfffffef, 28), (0xffffff0, 28), (0xffffff1, 28), (0xffffff2, 28), (0x3ffffffe, 30), (0xffffff3, 28),
    (0xffffff4, 28), (0xffffff5, 28), (0xffffff6, 28), (0xffffff7, 28), (0xffffff8, 28), (0xffffff9, 28),
    (0xffffffa, 28), (0xffffffb, 28), (0x14, 6), (0x3f8, 10), (0x3f9, 10), (0xffa, 12), (0x1ff9, 13), (0x15, 6),
    (0xf8, 8), (0x7fa, 11), (0x3fa, 10), (0x3fb, 10), (0xf9, 8), (0x7fb, 11), (0xfa, 8), (0x16, 6), (0x17, 6),
    (0x18, 6), (0x0, 5), (0x1, 5), (0x2, 5), (0x19, 6), (0x1a, 6), (0x1b, 6), (0x1c, 6), (0x1d, 6), (0x1e, 6),
    (0x1f, 6), (0x5c, 7), (0xfb, 8), (0x7ffc, 15), (0x20, 6), (0xffb, 12), (0x3fc, 10), (0x1ffa, 13), (0x21, 6),
    (0x5d, 7), (0x5e, 7), (0x5f, 7), (0x60, 7), (0x61, 7), (0x62, 7), (0x63, 7), (0x64, 7), (0x65, 7), (0x66, 7),
    (0x67, 7), (0x68, 7), (0x69, 7), (0x6a, 7), (0x6b, 7), (0x6c, 7), (0x6d, 7), (0x6e, 7), (0x6f, 7), (0x70, 7),
    (0x71, 7), (0x72, 7), (0xfc, 8), (0x73, 7), (0xfd, 8), (0x1ffb, 13), (0x7fff0, 19), (0x1ffc, 13), (0x3ffc, 14),
    (0x22, 6), (0x7ffd, 15), (0x3, 5), (0x23, 6), (0x4, 5), (0x24, 6), (0x5, 5), (0x25, 6), (0x26, 6), (0x27, 6),
    (0x6, 5), (0x74, 7), (0x75, 7), (0x28, 6), (0x29, 6), (0x2a, 6), (0x7, 5), (0x2b, 6), (0x76, 7), (0x2c, 6),
    (0x8, 5), (0x9, 5), (0x2d, 6), (0x77, 7), (0x78, 7), (0x79, 7), (0x7a, 7), (0x7b, 7), (0x7ffe, 15),
    (0x7fc, 11), (0x3ffd, 14), (0x1ffd, 13), (0xffffffc, 28), (0xfffe6, 20), (0x3fffd2, 22), (0xfffe7, 20),
    (0xfffe8, 20), (0x3fffd3, 22), (0x3fffd4, 22), (0x3fffd5, 22), (0x7fffd9, 23), (0x3fffd6, 22), (0x7fffda, 23),
    (0x7fffdb, 23), (0x7fffdc, 23), (0x7fffdd, 23), (0x7fffde, 23), (0xffffeb, 24), (0x7fffdf, 23), (0xffffec, 24),
    (0xffffed, 24), (0x3fffd7, 22), (0x7fffe0, 23), (0xffffee, 24), (0x7fffe1, 23), (0x7fffe2, 23), (0x7fffe3, 23),
    (0x7fffe4, 23), (0x1fffdc, 21), (0x3fffd8, 22), (0x7fffe5, 23), (0x3fffd9, 22), (0x7fffe6, 23), (0x7fffe7, 23),
    (0xffffef, 24), (0x3fffda, 22), (0x1fffdd, 21), (0xfffe9, 20), (0x3fffdb, 22), (0x3fffdc, 22), (0x7fffe8, 23),
    (0x7fffe9, 23), (0x1fffde, 21), (0x7fffea, 23), (0x3fffdd, 22), (0x3fffde, 22), (0xfffff0, 24), (0x1fffdf, 21),
    (0x3fffdf, 22), (0x7fffeb, 23), (0x7fffec, 23), (0x1fffe0, 21), (0x1fffe1, 21), (0x3fffe0, 22), (0x1fffe2, 21),
    (0x7fffed, 23), (0x3fffe1, 22), (0x7fffee, 23), (0x7fffef, 23), (0xfffea, 20), (0x3fffe2, 22), (0x3fffe3, 22),
    (0x3fffe4, 22), (0x7ffff0, 23), (0x3fffe5, 22), (0x3fffe6, 22), (0x7ffff1, 23), (0x3ffffe0, 26),
    (0x3ffffe1, 26), (0xfffeb, 20), (0x7fff1, 19), (0x3fffe7, 22), (0x7ffff2, 23), (0x3fffe8, 22), (0x1ffffec, 25),
    (0x3ffffe2, 26), (0x3ffffe3, 26), (0x3ffffe4, 26), (0x7ffffde, 27), (0x7ffffdf, 27), (0x3ffffe5, 26),
    (0xfffff1, 24), (0x1ffffed, 25), (0x7fff2, 19), (0x1fffe3, 21), (0x3ffffe6, 26), (0x7ffffe0, 27),
    (0x7ffffe1, 27), (0x3ffffe7, 26), (0x7ffffe2, 27), (0xfffff2, 24), (0x1fffe4, 21), (0x1fffe5, 21),
    (0x3ffffe8, 26), (0x3ffffe9, 26), (0xffffffd, 28), (0x7ffffe3, 27), (0x7ffffe4, 27), (0x7ffffe5, 27),
    (0xfffec, 20), (0xfffff3, 24), (0xfffed, 20), (0x1fffe6, 21), (0x3fffe9, 22), (0x1fffe7, 21), (0x1fffe8, 21),
    (0x7ffff3, 23), (0x3fffea, 22), (0x3fffeb, 22), (0x1ffffee, 25), (0x1ffffef, 25), (0xfffff4, 24),
    (0xfffff5, 24), (0x3ffffea, 26), (0x7ffff4, 23), (0x3ffffeb, 26), (0x7ffffe6, 27), (0x3ffffec, 26),
    (0x3ffffed, 26), (0x7ffffe7, 27), (0x7ffffe8, 27), (0x7ffffe9, 27), (0x7ffffea, 27), (0x7ffffeb, 27),
    (0xffffffe, 28), (0x7ffffec, 27), (0x7ffffed, 27), (0x7ffffee, 27), (0x7ffffef, 27), (0x7fffff0, 27),
    (0x3ffffee, 26), (0x3fffffff, 30),
];

/// The symbol that may not occur.
const END: u16 = 256;
/// Marks a leaf among the children of a node.
const LEAF: u16 = 1 << 15;
/// Inner nodes of the tree: one less than there are leaves.
const NODES: usize = CODES.len() - 1;

/// What four bits do to a place in the tree; a code has five bits at least, so they end one at most.
#[derive(Clone, Copy)]
struct Move {
    next: u8,
    symbol: u8,
    kind: MoveKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum MoveKind {
    /// Inside a code.
    Inside,
    /// A symbol ended.
    Symbol,
    /// The code of the end: refused.
    Refused,
}

/// Moves by place and four bits.
static MOVES: [[Move; 16]; NODES] = moves();
/// Whether a text may end at a place: behind fewer than eight bits, all of them ones.
static MAY_END: [bool; NODES] = ends();

const fn tree() -> [[u16; 2]; NODES] {
    let mut children = [[0_u16; 2]; NODES];
    let (mut used, mut symbol) = (1, 0);
    while symbol < CODES.len() {
        let (code, bits) = CODES[symbol];
        let (mut node, mut bit) = (0_usize, bits);
        while bit > 1 {
            bit -= 1;
            let side = (code >> bit & 1) as usize;
            if children[node][side] == 0 {
                children[node][side] = used as u16;
                used += 1;
            }
            node = children[node][side] as usize;
        }
        children[node][(code & 1) as usize] = LEAF | symbol as u16;
        symbol += 1;
    }
    assert!(used == NODES, "every inner node is used");
    children
}

const fn moves() -> [[Move; 16]; NODES] {
    let children = tree();
    let mut moves = [[Move { next: 0, symbol: 0, kind: MoveKind::Inside }; 16]; NODES];
    let mut node = 0;
    while node < NODES {
        let mut bits = 0;
        while bits < 16 {
            let (mut at, mut step) = (node as u16, 4);
            let mut found = Move { next: 0, symbol: 0, kind: MoveKind::Inside };
            while step > 0 {
                step -= 1;
                at = children[at as usize][bits >> step & 1];
                if at & LEAF != 0 {
                    let symbol = at & !LEAF;
                    found.kind = if symbol == END { MoveKind::Refused } else { MoveKind::Symbol };
                    found.symbol = symbol as u8;
                    at = 0;
                }
            }
            found.next = at as u8;
            moves[node][bits] = found;
            bits += 1;
        }
        node += 1;
    }
    moves
}

const fn ends() -> [bool; NODES] {
    let children = tree();
    let mut may_end = [false; NODES];
    let (mut node, mut bits) = (0_u16, 0);
    while bits < 8 {
        may_end[node as usize] = true;
        node = children[node as usize][1];
        bits += 1;
    }
    may_end
}

/// Decodes a text behind what the buffer holds.
///
/// # Errors
/// The code of the end, or padding that is longer than seven bits or not all ones.
pub(crate) fn decode(text: &[u8], out: &mut Vec<u8>) -> Result<(), HpackError> {
    let mut place = 0_u8;
    for byte in text {
        for bits in [byte >> 4, byte & 15] {
            let Move { next, symbol, kind } = MOVES[usize::from(place)][usize::from(bits)];
            match kind {
                MoveKind::Inside => {}
                MoveKind::Symbol => out.push(symbol),
                MoveKind::Refused => return Err(HpackError::Text),
            }
            place = next;
        }
    }
    if MAY_END[usize::from(place)] { Ok(()) } else { Err(HpackError::Text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(text: &[u8]) -> Vec<u8> {
        let (mut out, mut bits, mut count) = (Vec::new(), 0_u64, 0);
        for byte in text {
            let (code, length) = CODES[usize::from(*byte)];
            bits = bits << length | u64::from(code);
            count += length;
            while count >= 8 {
                count -= 8;
                out.push((bits >> count) as u8);
            }
        }
        if count > 0 {
            out.push((bits << (8 - count)) as u8 | (0xff >> count));
        }
        out
    }

    fn decoded(text: &[u8]) -> Result<Vec<u8>, HpackError> {
        let mut out = Vec::new();
        decode(text, &mut out).map(|()| out)
    }

    #[test]
    fn examples_of_the_standard_are_decoded() {
        let coded = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(decoded(&coded), Ok(b"www.example.com".to_vec()));
        assert_eq!(decoded(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]), Ok(b"no-cache".to_vec()));
    }

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decoded(&encode(&all)), Ok(all));
    }

    #[test]
    fn padding_is_short_and_all_ones() {
        assert_eq!(decoded(&[0xff]), Err(HpackError::Text), "eight bits of padding");
        assert_eq!(decoded(&[0b0001_1000]), Err(HpackError::Text), "zeros behind a byte");
        assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xff]), Err(HpackError::Text), "the end itself");
        assert_eq!(decoded(&[]), Ok(Vec::new()));
    }
}
