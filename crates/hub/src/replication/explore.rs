//! Exhaustive exploration of the replication: every order of up to six operations on two nodes, with hints
//! that are lost, repeated and reordered, with restarts, and with a store that answers late or not at all.
//!
//! The [state machine](super::group) and the [cursors](super::cursor) are those of the server. The model
//! replaces their driver with a small one whose state is hashable. The explorer tries all actions in every
//! state that it has not seen before. In each state it checks the safety part of the contract. In each state
//! without queued events and hints it also runs the environment until nothing more can happen, and then
//! checks the contract in full.

mod check;
mod effects;
mod entry;
mod hub;
mod socket;
mod world;

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use effects::{OVERFLOWS, RESYNCS};
use foldhash::quality::FixedState;
use world::{Action, Budget, LogItem, NEIGHBOUR, World};

use super::fault::{self, Fault};

/// The most steps until a system without further operations must be quiescent.
const REST: usize = 200;

/// Seen states are stored as hashes only. The hasher of the standard library took a third of the exploration
/// time.
const HASHES: FixedState = FixedState::with_seed(0);

struct Explorer {
    seen: HashSet<u64, FixedState>,
    /// For each state, its predecessor and the action that led from there.
    before: HashMap<u64, (u64, Action), FixedState>,
    rests: usize,
    /// Whether the bound on states ended the exploration early.
    is_cut: bool,
}

fn print_of(world: &World) -> u64 {
    HASHES.hash_one(world)
}

impl Explorer {
    /// Explores all states that are reachable from `first`, up to the bound.
    fn explore(&mut self, first: World) -> Result<(), String> {
        let mut open = vec![(print_of(&first), first)];
        self.seen.insert(open[0].0);
        while let Some((print, world)) = open.pop() {
            self.check(&world).map_err(|why| self.history(print, why, &world))?;
            for action in world.actions() {
                let mut next = world.clone();
                next.apply(&action);
                let found = print_of(&next);
                if self.seen.insert(found) {
                    if self.seen.len() > MAX_STATES {
                        self.is_cut = true;
                        return Ok(());
                    }
                    self.before.insert(found, (print, action));
                    open.push((found, next));
                }
            }
        }
        Ok(())
    }

    fn check(&mut self, world: &World) -> Result<(), &'static str> {
        for socket in 0..world.sockets.len() {
            check::check(world, socket, false)?;
        }
        let is_quiet = world.hints.is_empty() && world.nodes.iter().all(|node| node.bus.is_empty());
        if !is_quiet {
            return Ok(());
        }
        self.rests += 1;
        let unaudited = rest(world.clone(), false)?;
        if !unaudited.is_excused && !unaudited.is_consistent() {
            return Err("only the audit finds it, and no hint was lost");
        }
        let rested = rest(world.clone(), true)?;
        (0..rested.sockets.len()).try_for_each(|socket| check::check(&rested, socket, true))
    }

    fn history(&self, mut print: u64, why: &str, world: &World) -> String {
        let mut actions = Vec::new();
        while let Some((before, action)) = self.before.get(&print) {
            actions.push(action);
            print = *before;
        }
        actions.reverse();
        format!("{why}, after {actions:#?}: {world:#?}")
    }
}

/// Runs all spontaneous actions until none is left, with or without the audit.
fn rest(mut world: World, with_audit: bool) -> Result<World, &'static str> {
    for _ in 0..REST {
        let mut actions = Vec::new();
        world.add_environment(&mut actions);
        actions.retain(|action| with_audit || !matches!(action, Action::Audit(_)));
        let Some(action) = actions.into_iter().next() else { return Ok(world) };
        world.apply(&action);
    }
    Err("the system does not come to rest")
}

/// Explores the logs in `starts` with one budget. Returns the number of states and whether the exploration
/// was complete, or the first history that breaks the contract.
fn explore((starts, budget): Task) -> Result<(usize, bool), String> {
    let (seen, before) = (HashSet::with_hasher(HASHES), HashMap::with_hasher(HASHES));
    let mut explorer = Explorer { seen, before, rests: 0, is_cut: false };
    let begun = std::time::Instant::now();
    for log in starts {
        explorer.explore(World::new(log, budget))?;
    }
    let Explorer { seen, rests, is_cut, .. } = explorer;
    let (states, part) = (seen.len(), if is_cut { "the first" } else { "all" });
    println!("{budget:?}: {part} {states} states, {rests} checked at rest, in {:?}", begun.elapsed());
    assert!(states > 1000 && rests > 100, "the exploration went nowhere");
    Ok((states, !is_cut))
}

/// The first entries of the explored logs.
const STARTS: [&[LogItem]; 3] = [
    &[LogItem::Joined(0), LogItem::Joined(1)],
    &[LogItem::Joined(0)],
    &[LogItem::Joined(0), LogItem::Invited(1)],
];

/// The same starts, with a second member on the second node.
const SHARED_STARTS: [&[LogItem]; 3] = [
    &[LogItem::Joined(NEIGHBOUR), LogItem::Joined(1)],
    &[LogItem::Joined(NEIGHBOUR)],
    &[LogItem::Joined(NEIGHBOUR), LogItem::Invited(1)],
];

/// `commits` are: other commits, commits of pending memberships, deletions of the group. `faults` are:
/// reconnects, lost hints, repeated hints, restarts, failures of the store.
const fn budget(commits: [u8; 3], faults: [u8; 5]) -> Budget {
    let [operations, consents, deletions] = commits;
    let [reconnects, losses, repeats, restarts, failures] = faults;
    Budget {
        operations,
        consents,
        deletions,
        settings: 0,
        reconnects,
        resumes: 0,
        losses,
        repeats,
        restarts,
        failures,
        is_narrow: false,
        is_paired: false,
    }
}

/// A budget with a tiny reorder buffer and short store answers.
const fn narrow(commits: [u8; 3], faults: [u8; 5]) -> Budget {
    Budget { is_narrow: true, ..budget(commits, faults) }
}

/// A budget with resumes and changes of settings.
const fn resuming(resumes: u8, settings: u8, budget: Budget) -> Budget {
    Budget { settings, resumes, ..budget }
}

/// A budget in which one user has two sockets.
const fn paired(budget: Budget) -> Budget {
    Budget { is_paired: true, ..budget }
}

const BUDGETS: [Budget; 8] = [
    budget([1, 0, 0], [1, 1, 1, 0, 1]),
    budget([1, 0, 0], [1, 0, 0, 1, 0]),
    budget([2, 0, 0], [0, 1, 0, 0, 0]),
    budget([2, 0, 0], [0, 0, 1, 0, 0]),
    budget([0, 1, 1], [0, 1, 0, 0, 0]),
    budget([0, 2, 0], [0, 1, 1, 0, 0]),
    budget([1, 1, 0], [0, 1, 0, 0, 0]),
    budget([0, 1, 0], [1, 1, 0, 0, 0]),
];

const LONG: [Budget; 11] = [
    budget([1, 0, 0], [1, 1, 1, 1, 1]),
    budget([2, 0, 0], [0, 1, 1, 1, 0]),
    budget([3, 0, 0], [0, 1, 1, 0, 1]),
    budget([3, 0, 0], [1, 1, 0, 0, 0]),
    budget([4, 0, 0], [0, 1, 0, 0, 0]),
    budget([6, 0, 0], [0, 0, 0, 0, 0]),
    budget([1, 2, 0], [0, 0, 0, 0, 0]),
    budget([0, 2, 0], [1, 0, 0, 0, 0]),
    budget([1, 1, 0], [1, 1, 0, 0, 0]),
    budget([0, 3, 0], [0, 1, 0, 0, 0]),
    budget([0, 1, 1], [1, 1, 0, 0, 0]),
];

const SHARED_BUDGETS: [Budget; 5] = [
    budget([1, 0, 0], [1, 1, 1, 0, 1]),
    budget([2, 0, 0], [0, 1, 0, 0, 1]),
    budget([0, 2, 0], [0, 1, 1, 0, 0]),
    budget([1, 1, 0], [0, 1, 0, 0, 0]),
    budget([0, 1, 1], [0, 1, 0, 0, 0]),
];

const SHARED_LONG: [Budget; 3] = [
    budget([2, 0, 0], [1, 0, 0, 0, 0]),
    budget([2, 0, 0], [0, 1, 1, 0, 0]),
    budget([1, 2, 0], [0, 1, 0, 0, 0]),
];

/// Two sockets of one user.
const PAIRS: [Budget; 4] = [
    paired(budget([1, 0, 0], [1, 1, 0, 0, 0])),
    paired(budget([0, 1, 0], [1, 0, 0, 0, 0])),
    paired(resuming(1, 0, budget([1, 0, 0], [0, 1, 0, 0, 0]))),
    paired(resuming(0, 1, budget([0, 1, 0], [1, 0, 0, 0, 0]))),
];

const PAIRS_LONG: [Budget; 10] = [
    paired(resuming(0, 1, budget([1, 0, 0], [1, 0, 0, 0, 0]))),
    paired(budget([2, 0, 0], [1, 0, 0, 0, 0])),
    paired(budget([1, 1, 0], [1, 0, 0, 0, 0])),
    paired(budget([0, 2, 0], [1, 0, 0, 0, 0])),
    paired(budget([0, 1, 0], [2, 1, 0, 0, 0])),
    paired(budget([0, 1, 1], [1, 1, 0, 0, 0])),
    paired(budget([1, 0, 0], [1, 0, 0, 1, 1])),
    paired(resuming(1, 0, budget([1, 0, 0], [1, 0, 0, 0, 0]))),
    paired(resuming(1, 0, budget([2, 0, 0], [0, 1, 0, 0, 0]))),
    paired(resuming(0, 2, budget([1, 0, 0], [1, 0, 0, 0, 0]))),
];

/// One socket resumes.
const RESUMES: [Budget; 2] =
    [resuming(1, 0, budget([1, 0, 0], [0, 1, 0, 0, 1])), resuming(1, 1, budget([0, 1, 0], [0, 0, 0, 0, 0]))];

/// The first budget covers a removal that reaches a socket while it resumes.
const RESUMES_LONG: [Budget; 6] = [
    resuming(1, 0, budget([2, 0, 0], [0, 0, 0, 0, 0])),
    resuming(1, 0, budget([1, 0, 0], [1, 0, 0, 0, 0])),
    resuming(1, 0, budget([2, 0, 0], [1, 0, 0, 0, 0])),
    resuming(2, 0, budget([2, 0, 0], [0, 1, 0, 0, 0])),
    resuming(1, 0, budget([1, 1, 0], [0, 1, 0, 0, 0])),
    resuming(1, 1, budget([1, 0, 1], [0, 0, 0, 0, 1])),
];

const NARROW: [Budget; 2] = [narrow([2, 0, 0], [0, 1, 0, 0, 0]), narrow([1, 1, 0], [0, 1, 0, 0, 0])];

/// The first budget covers a join that a full buffer drops.
const NARROW_LONG: [Budget; 2] = [narrow([3, 0, 0], [0, 0, 0, 0, 0]), narrow([2, 0, 0], [1, 0, 0, 0, 0])];

/// The most states of one budget, which keeps the long mode to minutes for each. Some of its budgets have
/// more states.
const MAX_STATES: usize = 4_000_000;

type Task = (&'static [&'static [LogItem]], Budget);

fn with(starts: &'static [&'static [LogItem]], budgets: &'static [Budget]) -> impl Iterator<Item = Task> {
    budgets.iter().map(move |budget| (starts, *budget))
}

/// `CHINWAG_EXPLORE=long` explores up to six operations, which may take an hour.
#[test]
fn every_history_of_two_nodes_keeps_the_contract() {
    let is_long = std::env::var_os("CHINWAG_EXPLORE").is_some_and(|mode| mode == "long");
    let quick = with(&STARTS, &BUDGETS).chain(with(&SHARED_STARTS, &SHARED_BUDGETS));
    let quick = quick.chain(with(&STARTS, &NARROW));
    let quick = quick.chain(with(&STARTS, &PAIRS)).chain(with(&STARTS, &RESUMES));
    let long = with(&STARTS, &LONG).chain(with(&SHARED_STARTS, &SHARED_LONG));
    let long = long.chain(with(&STARTS, &NARROW_LONG));
    let long = long.chain(with(&STARTS, &PAIRS_LONG)).chain(with(&STARTS, &RESUMES_LONG));
    let quick = quick.map(|task| (task, true));
    let tasks = quick.chain(long.filter(|_| is_long).map(|task| (task, false)));
    let states = tasks.map(|(task, is_quick)| {
        let (states, is_whole) = explore(task).unwrap_or_else(|why| panic!("{why}"));
        assert!(is_whole || !is_quick, "a budget leads to more states than are explored");
        states
    });
    println!("{} states in all", states.sum::<usize>());
    let (overflows, resyncs) = (OVERFLOWS.get(), RESYNCS.get());
    println!("{overflows} buffers were full, {resyncs} groups had to resume");
    assert!(overflows > 100 && resyncs > 100, "the exploration met no bound");
}

/// Budgets that reveal every fault. Those that reveal many in a short time come first.
fn revealing() -> impl Iterator<Item = Task> {
    let alone = [
        budget([2, 0, 0], [0, 1, 0, 0, 0]),
        budget([1, 2, 0], [0, 0, 0, 0, 0]),
        budget([0, 2, 0], [1, 0, 0, 0, 0]),
        budget([3, 0, 0], [1, 0, 0, 0, 0]),
    ];
    let alone = alone.into_iter().map(|budget| (STARTS.as_slice(), budget));
    with(&SHARED_STARTS, &SHARED_BUDGETS).chain(alone)
}

/// Injects each fault in turn; the exploration must find it.
#[test]
fn broken_rules_of_the_replication_are_found() {
    for fault in Fault::FOUND {
        let found = fault::with(fault, || revealing().find_map(|task| explore(task).err()));
        let why = found.unwrap_or_else(|| panic!("{fault:?} is not found"));
        println!("{fault:?}: {}", why.split(", after").next().unwrap_or_default());
    }
}
