//! Repeated `kill -9` under load with one data folder.

use std::time::Duration;

use chinwag_testkit::trial::{RunEnd, WriteTask, random, report, times};
use tokio::time::sleep;

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_loses_and_repeats_nothing_acknowledged() {
    let kills = times(5, 200);
    let mut world = World::new().await;
    let (mut held, mut rounds, mut cut) = (0, 0, 0);
    while held < kills {
        assert!(rounds < kills * 2, "only {held} of {rounds} kills met a request under way");
        let ends = crash(&mut world, rounds).await;
        assert!(ends.iter().all(|end| end.code.is_none()), "the server closed a socket: {ends:?}");
        let unanswered: usize = ends.iter().map(|end| end.cut).sum();
        // If all answers had been sent already, this was not a crash under load.
        held += usize::from(unanswered > 0);
        (cut, rounds) = (cut + unanswered, rounds + 1);
    }
    let verdict = world.settle(rounds).await;
    let kills = format!("{held} kills under load of {rounds}");
    report("crash", kills, format!("{cut} requests cut; {verdict}"));
    verdict.assert_kept();
}

/// Runs the server until it is killed with requests in flight.
async fn crash(world: &mut World, round: usize) -> Vec<RunEnd> {
    let running = world.program.serve();
    world.rename(&running, &format!("life {round}")).await;
    let work = world.write(&running, WriteTask::Flood);
    world.ledger.busy(random(200), 1).await;
    // A random delay after the last counted acknowledgement, so that kills hit different points of a commit.
    sleep(Duration::from_micros(random(20_000) as u64)).await;
    assert_eq!(running.kill(), Some(9), "it was alive, and died of this");
    world.join(work).await
}
