//! `kill -9` under load, again and again on one data folder.

use std::time::Duration;

use chinwag_testkit::trial::{Aim, RunEnd, report, times};
use tokio::time::sleep;

use crate::random;
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
        // All answers may have been on their way already; then it was no crash under load.
        held += usize::from(unanswered > 0);
        (cut, rounds) = (cut + unanswered, rounds + 1);
    }
    let verdict = world.settle(rounds).await;
    let kills = format!("{held} kills under load of {rounds}");
    report("crash", kills, format!("{cut} requests cut; {verdict}"));
    verdict.assert_kept();
}

/// One life of the server, from its start to its death while requests are under way.
async fn crash(world: &mut World, round: usize) -> Vec<RunEnd> {
    let running = world.program.serve();
    world.rename(&running, &format!("life {round}")).await;
    let work = world.write(&running, Aim::Flood);
    world.ledger.busy(random(200), 1).await;
    // The fault's own chance, on top of the acknowledgements': no two lives end at one point.
    sleep(Duration::from_micros(random(20_000) as u64)).await;
    assert_eq!(running.kill(), Some(9), "it was alive, and died of this");
    world.join(work).await
}
