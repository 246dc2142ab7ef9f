//! A server that cannot send a complete sequence makes the client resume.

use crate::faults::agrees;
use crate::world::World;

#[tokio::test]
async fn resync_required_reconnects_at_once_and_resumes() {
    let (world, group) = World::of_two().await;
    let (ann, _link) = world.person_with_link("ann").await;
    ann.run(
        "window.sockets = [];
        window.WebSocket = class extends WebSocket {
            constructor(...given) { super(...given); sockets.push(this); }
        };
        // Simulates the server's close as the browser reports it.
        window.close4009 = () => {
            const socket = sockets.at(-1), { onclose } = socket;
            socket.onclose = socket.onmessage = null;
            socket.close();
            onclose.call(socket, { code: 4009 });
            return chat.state;
        };",
    )
    .await;
    ann.run("await chat.connect();").await;
    ann.run(&format!("await chat.send('{group}', 'before').sent;")).await;
    assert_eq!(ann.run("return close4009();").await, "connecting", "no pause before the first attempt");
    ann.run(&format!("chat.send('{group}', 'meanwhile');")).await;
    ann.until("chat.state === 'ready' && sockets.length === 2 && chat.unsentCount === 0").await;
    assert_eq!(ann.run("return close4009();").await, "waiting", "not again and again without a pause");
    ann.run("chat.retry();").await;
    agrees(&ann, &group, &world.log(&group).await).await;
}
