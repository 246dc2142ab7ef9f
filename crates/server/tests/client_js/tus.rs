//! Uploads with tus-js-client on a page of another origin.

use serde_json::json;

use crate::world::World;

const TUS: &str = include_str!("../web_ui/vendor/tus.min.js");

/// Starts an upload of 9 MB in parts of 1 MB, and pauses it after the third part.
const BEGIN: &str = "
    const bytes = new Uint32Array(9_000_000 / 4);
    for (let at = 0, value = 1; at < bytes.length; at += 1) bytes[at] = value = (value * 1664525 + 1013904223) >>> 0;
    window.content = new Blob([bytes]);
    window.hash = async (blob) => [...new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()))].join();
    Object.assign(window, { done: null, failed: null, parts: [], paused: false });
    const token = await (await fetch('/token?user=ann&ttl=3600')).text();
    window.upload = new tus.Upload(content, {
        endpoint: server + '/api/v1/files/uploads/',
        headers: { Authorization: `Bearer ${token}` },
        metadata: { filename: 'día.bin' },
        chunkSize: 1_000_000,
        retryDelays: [0, 100, 500, 1000, 1000, 1000],
        onError: (error) => { failed = String(error); },
        onSuccess: () => { done = upload.url; },
        onChunkComplete: (size, accepted) => {
            parts.push(accepted);
            if (parts.length === 3) upload.abort().then(() => { paused = true; });
        },
    });
    upload.start();";

#[tokio::test]
async fn tus_js_client_pauses_resumes_and_outlives_a_cut() {
    let world = World::with(&[]).await;
    world.users(&["ann"]).await;
    let (ann, link) = world.person_with_link("ann").await;
    ann.run(&format!("{TUS}\n")).await;
    ann.run(&format!("window.server = 'http://{}'; {BEGIN}", link.address())).await;
    ann.until("paused || failed !== null").await;
    assert_eq!(ann.run("return [failed, parts];").await, json!([null, [1_000_000, 2_000_000, 3_000_000]]));
    // The upload continues from its offset, even after a cut within a part.
    link.cut_after(b"Upload-Offset: 5000000");
    ann.run("upload.start();").await;
    link.has_cut().await;
    link.restore();
    ann.until("done !== null || failed !== null").await;
    assert_eq!(ann.run("return failed;").await, json!(null));
    let again = "return parts.slice(3).every((each) => each > 3_000_000) && parts.at(-1) === 9_000_000;";
    assert_eq!(ann.run(again).await, true, "a part was sent again");
    let file = "const id = done.split('/').filter(Boolean).pop();
        const token = await (await fetch('/token?user=ann&ttl=3600')).text();
        const read = await fetch(`${server}/api/v1/files/${id}/any`, { headers: { Authorization: `Bearer ${token}` } });
        return [read.headers.get('Content-Length'), await hash(await read.blob()) === await hash(content)];";
    assert_eq!(ann.run(file).await, json!(["9000000", true]));
    // An aborted upload is removed from the server.
    let ended = "const next = new tus.Upload(content, { ...upload.options, onChunkComplete: null, onSuccess: null, onError: null, retryDelays: [] });
        await new Promise((resolve) => { next.options.onChunkComplete = resolve; next.start(); });
        await next.abort(true);
        const head = await fetch(next.url, { method: 'HEAD', headers: { ...upload.options.headers, 'Tus-Resumable': '1.0.0' } });
        return head.status;";
    assert_eq!(ann.run(ended).await, 404);
}
