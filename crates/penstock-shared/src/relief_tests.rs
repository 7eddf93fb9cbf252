//! Crews of workers, turn by turn and in every order.

use super::*;

/// Workers that take turns; a connection goes to the worker that its number points to, or to whoever accepts for it.
struct Crew(Vec<Load>);

impl Crew {
    fn of(open: &[u64]) -> Self {
        let load =
            |(index, open): (usize, &u64)| Load { index: index as u32, open: *open, wants_relief: false, relieves: 0 };
        Self(open.iter().enumerate().map(load).collect())
    }

    fn others(&self, index: usize) -> Vec<Load> {
        self.0.iter().filter(|load| load.index as usize != index).copied().collect()
    }

    fn turn(&mut self, index: usize) {
        self.0[index] = next(self.0[index], &self.others(index));
        self.check();
    }

    /// Nobody's socket is without a worker that accepts from it.
    fn check(&self) {
        for index in 0..self.0.len() {
            assert!(!self.accepting(index).is_empty(), "nobody accepts for {index}: {:?}", self.0);
        }
    }

    /// The workers that accept from the sockets of one.
    fn accepting(&self, index: usize) -> Vec<usize> {
        let mine = &self.0[index];
        let own = (!is_relieved(mine, &self.others(index))).then_some(index);
        let helping = self.0.iter().filter(|load| load.relieves & bit(mine.index) != 0);
        helping.map(|load| load.index as usize).chain(own).collect()
    }

    fn connect(&mut self, number: usize) {
        let accepting = self.accepting(number % self.0.len());
        let taken = accepting[number % accepting.len()];
        self.0[taken].open += 1;
    }

    fn open(&self) -> Vec<u64> {
        self.0.iter().map(|load| load.open).collect()
    }
}

#[test]
fn relief_is_wanted_over_a_quarter_and_sixteen_above_the_mean() {
    for (open, expected) in [
        (&[120, 60][..], true),
        (&[110, 70], false),
        (&[33, 0], true),
        (&[32, 0], false),
        (&[1_000], false),
        (&[126, 100, 100, 100], false),
        (&[140, 100, 100, 100], true),
        (&[u64::MAX, 0], false),
    ] {
        let mut crew = Crew::of(open);
        crew.turn(0);
        assert_eq!(crew.0[0].wants_relief, expected, "{open:?}");
    }
}

#[test]
fn the_least_loaded_relieves_and_nobody_else() {
    let mut crew = Crew::of(&[300, 90, 80, 80]);
    (0..4).for_each(|index| crew.turn(index));
    assert_eq!(crew.0.iter().map(|load| load.relieves).collect::<Vec<_>>(), [0, 0, 1, 0]);
    assert_eq!(crew.accepting(0), [2]);
}

#[test]
fn the_own_worker_accepts_until_another_does() {
    let mut crew = Crew::of(&[300, 0]);
    crew.turn(0);
    assert_eq!(crew.accepting(0), [0]);
    crew.turn(1);
    assert_eq!(crew.accepting(0), [1]);
}

#[test]
fn loads_meet_and_then_everybody_accepts_for_itself() {
    for open in [&[300, 0][..], &[0, 0, 0, 500], &[400, 400, 0, 0], &[50, 900, 20, 20, 20, 20, 20, 20]] {
        let mut crew = Crew::of(open);
        let workers = crew.0.len();
        for number in 0..12_000 {
            crew.turn(number * 7 % workers);
            crew.connect(number);
        }
        let (least, most) = (crew.open().into_iter().min().unwrap(), crew.open().into_iter().max().unwrap());
        assert!(most * 2 <= least * 3 + 64, "{open:?} became {:?}", crew.0);
        for _ in 0..2 {
            (0..workers).for_each(|index| crew.turn(index));
        }
        assert!((0..workers).all(|index| crew.accepting(index) == [index]), "{:?}", crew.0);
    }
}

#[test]
fn somebody_always_accepts_whatever_the_order_and_however_loads_jump() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for workers in 1..=5 {
        let mut crew = Crew::of(&vec![0; workers]);
        for _ in 0..20_000 {
            let index = random() as usize % workers;
            if random() % 3 == 0 {
                crew.0[index].open = random() % 400;
            }
            crew.turn(index);
        }
    }
}
