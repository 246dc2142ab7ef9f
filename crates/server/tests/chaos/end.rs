//! SIGTERM under load.

use chinwag_testkit::trial::{Transport, WriteTask, report, times};

use crate::world::{WRITERS, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_closes_with_1012_and_keeps_all_acknowledged() {
    let ends = times(2, 50);
    let mut world = World::new().await;
    let mut cut = 0;
    for round in 0..ends {
        let running = world.program.serve_with(|command| {
            command.env("CHINWAG_SHUTDOWN__DRAIN", "300ms");
        });
        world.rename(&running, &format!("life {round}")).await;
        let work = world.write(&running, WriteTask::Flood);
        // Wait until every writer has connected: a later connection would be refused instead of closed with
        // 1012.
        let load = world.ledger.busy(100, WRITERS).await;
        running.terminate();
        assert!(load.flying > 0);
        let ended = world.join(work).await;
        for end in ended.iter().filter(|end| end.transport == Transport::WebSocket) {
            assert_eq!(end.code, Some(1012), "{ended:?}");
        }
        cut += ended.iter().map(|end| end.cut).sum::<usize>();
        let output = running.wait();
        assert_eq!(output.code, Some(0), "{}", output.stderr);
    }
    let verdict = world.settle(ends).await;
    report(
        "end",
        format!("{ends} SIGTERMs under load"),
        format!("all 1012, exit 0; {cut} requests cut; {verdict}"),
    );
    verdict.assert_kept();
}
