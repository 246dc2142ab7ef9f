//! Files in the module: interrupted uploads, and messages with attachments.

use chinwag_testkit::browser::Tab;
use serde_json::{Value, json};

use crate::faults::{cut_off, keeps};
use crate::late::HOLD;
use crate::world::{World, load};

/// `big` creates a file of varying bytes; `hashOf` hashes a stored file.
const FILES: &str = "
    window.big = (size, name = 'big.bin') => {
        const bytes = new Uint32Array(size / 4);
        for (let at = 0, value = 1; at < bytes.length; at += 1) bytes[at] = value = (value * 1664525 + 1013904223) >>> 0;
        return new File([bytes], name, { lastModified: 1700000000000 });
    };
    window.hash = async (blob) => [...new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()))].join();
    window.hashOf = async (file) => hash(await (await fetch(await chat.fileUrl(file))).blob());";

async fn connect(tab: &Tab) {
    tab.run(FILES).await;
    tab.run("await chat.connect();").await;
}

/// The files of the newest message of a group, from the server.
async fn attached(world: &World, group: &str) -> Vec<Value> {
    let log = world.log(group).await;
    assert_eq!(log.len(), 1, "{log:#?}");
    log[0]["attachments"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_file_is_uploaded_sent_and_read_on_another_origin() {
    let (world, group) = World::of_two().await;
    let link = world.link().await;
    let (ann, bob) = tokio::join!(world.person("ann", &link), world.person("bob", &link));
    connect(&ann).await;
    connect(&bob).await;
    let sent = ann
        .run(&format!(
            "window.progress = [];
            const file = await chat.upload(new Blob(['hello']), {{ name: 'día! 100%.txt', onprogress: (each) => progress.push(each) }});
            const message = await chat.send('{group}', '', {{ attachments: [{{ file, alt: 'A greeting' }}, new File(['1,2'], 'a.csv')] }}).sent;
            return [file.name, file.type, file.size, file.thumbnail, message.body, message.attachments.map(({{ name, alt }}) => [name, alt]), progress.at(-1)];"
        ))
        .await;
    let names = json!([["día! 100%.txt", "A greeting"], ["a.csv", null]]);
    let last = json!({ "loaded": 5, "total": 5 });
    assert_eq!(sent, json!(["día! 100%.txt", "text/plain", 5, null, "", names, last]));
    bob.until(&format!("chat.groups.get('{group}').latest?.attachments.length === 2")).await;
    let read = bob
        .run(&format!(
            "const texts = [];
            for (const file of chat.groups.get('{group}').latest.attachments) texts.push(await (await fetch(await chat.fileUrl(file), {{ credentials: 'omit' }})).text());
            return texts;"
        ))
        .await;
    assert_eq!(read, json!(["hello", "1,2"]));
    // A thumbnail's URL points to the server, even on another origin's page.
    let picture = ann
        .run(&format!(
            "const canvas = new OffscreenCanvas(64, 48);
            canvas.getContext('2d').fillRect(0, 0, 64, 48);
            const blob = await canvas.convertToBlob();
            const message = await chat.send('{group}', 'a picture', {{ attachments: [{{ file: blob, alt: 'Nothing but black' }}] }}).sent;
            const [file] = message.attachments;
            const small = await fetch(await chat.fileUrl(file, {{ thumbnail: true }}));
            return [file.type, file.alt, file.width, file.height, small.status, small.headers.get('Content-Type')];"
        ))
        .await;
    assert_eq!(picture, json!(["image/png", "Nothing but black", 64, 48, 200, "image/webp"]));
    assert_eq!(ann.run("return faults();").await, json!([]));
}

#[tokio::test]
async fn an_upload_goes_on_after_a_cut_and_after_a_reload() {
    let world = World::with(&[]).await;
    world.users(&["ann"]).await;
    let (ann, link) = world.person_with_link("ann").await;
    connect(&ann).await;
    let begin = "window.progress = []; window.file = null; window.failed = null;
        chat.upload(big(10 << 20), { onprogress: ({ loaded }) => progress.push(loaded) }).then((file) => { window.file = file; }, (error) => { window.failed = String(error); });";
    // Cut in the second part: then the upload has begun and is incomplete, however fast it is.
    link.cut_after(b"Upload-Offset: 4194304");
    ann.run(begin).await;
    link.has_cut().await;
    ann.run("window.before = progress.length;").await;
    link.cut_after(b"Upload-Offset: ");
    link.has_cut().await;
    // The first part is not sent again.
    ann.run("const again = progress.slice(before + 1).filter((loaded) => loaded > 0 && loaded < 4 << 20); if (again.length) throw new Error(again.join());").await;
    ann.reload().await;
    link.restore();
    load(&ann, "ann", &link, "{}").await;
    connect(&ann).await;
    ann.run(begin).await;
    ann.until("file !== null || failed !== null").await;
    assert_eq!(ann.run("return failed;").await, Value::Null);
    assert_eq!(
        ann.run("return progress.find((loaded) => loaded > 0) >= 4 << 20;").await,
        true,
        "it began anew"
    );
    assert_eq!(ann.run("return [file.size, file.name];").await, json!([10 << 20, "big.bin"]));
    assert_eq!(ann.run("return (await hashOf(file)) === (await hash(big(10 << 20)));").await, true);
    // Another file of the same name is another upload.
    let next = "return (await chat.upload(big(10 << 20))).id !== file.id;";
    assert_eq!(ann.run(next).await, true);
}

#[tokio::test]
async fn a_message_with_files_is_sent_once_over_cuts_and_reloads() {
    let (world, group) = World::of_two().await;
    let (ann, link) = world.person_with_link("ann").await;
    connect(&ann).await;
    cut_off(&ann, &link).await;
    ann.run(&format!(
        "chat.send('{group}', 'both', {{ attachments: [big(9 << 20), new File(['small'], 'small.txt')] }}).sent.catch(() => {{}});"
    ))
    .await;
    ann.until(&format!("chat.groups.get('{group}').unsent[0].attachments.map(({{ name }}) => name).join() === 'big.bin,small.txt'")).await;
    keeps(&ann, 1).await;
    for _ in 0..2 {
        ann.reload().await;
        link.restore();
        load(&ann, "ann", &link, "{}").await;
        ann.run(FILES).await;
        ann.run("window.most = 0; chat.addEventListener('unsent', () => { for (const group of chat.groups.values()) for (const { attachments } of group.unsent) most = Math.max(most, attachments[0].loaded); });").await;
        ann.run("await chat.connect();").await;
        ann.until(&format!("most > 4 << 20 || chat.groups.get('{group}').latest !== null")).await;
        link.cut();
    }
    link.restore();
    ann.until(&format!("chat.groups.get('{group}').latest !== null && chat.unsentCount === 0")).await;
    let files = attached(&world, &group).await;
    assert_eq!(files.len(), 2);
    let same = format!(
        "const [first, second] = chat.groups.get('{group}').latest.attachments;
        return [await hashOf(first) === await hash(big(9 << 20)), await (await fetch(await chat.fileUrl(second))).text()];"
    );
    assert_eq!(ann.run(&same).await, json!([true, "small"]));
}

#[tokio::test]
async fn a_file_that_is_refused_fails_its_message_alone() {
    let (world, group) = World::of_two_with(&[("CHINWAG_FILES__MAX_SIZE", "5000000")]).await;
    let (ann, _link) = world.person_with_link("ann").await;
    connect(&ann).await;
    ann.run(&format!(
        "window.failing = chat.send('{group}', 'too large', {{ attachments: [big(6_000_000)] }}); failing.sent.catch(() => {{}});
        window.next = chat.send('{group}', 'next');"
    ))
    .await;
    ann.run("await next.sent;").await;
    let unsent = format!("chat.groups.get('{group}').unsent[0]");
    ann.until(&format!("{unsent}.state === 'failed'")).await;
    assert_eq!(ann.run(&format!("return {unsent}.error.code;")).await, 413);
    ann.run("chat.resend(failing.client_id);").await;
    ann.until(&format!("{unsent}.state === 'failed'")).await;
    ann.run("chat.discard(failing.client_id);").await;
    assert_eq!(ann.run("return chat.unsentCount;").await, 0);

    // A cancelled upload rejects and leaves nothing behind.
    let cancelled = "const stop = new AbortController();
        const uploading = chat.upload(big(4_800_000), { signal: stop.signal, onprogress: ({ loaded }) => loaded > 0 && stop.abort() });
        return uploading.then(() => 'done', (error) => error.message);";
    assert_eq!(ann.run(cancelled).await, "The upload was cancelled.");
    assert_eq!(
        ann.run("return Object.keys(localStorage).filter((key) => key.includes('upload')).length;").await,
        0
    );
    assert_eq!(ann.run("return faults();").await, json!([]));
}

#[tokio::test]
async fn discarded_message_stays_discarded_when_its_upload_ends() {
    let (world, group) = World::of_two().await;
    let (ann, _link) = world.person_with_link("ann").await;
    ann.run(HOLD).await;
    connect(&ann).await;
    ann.run(&format!(
        "window.holds = (url) => /^files\\/[\\da-f-]{{36}}\\/$/.test(url);
        window.sending = chat.send('{group}', 'too soon', {{ attachments: [big(2 << 20)] }});"
    ))
    .await;
    ann.until("window.release").await;
    ann.run("chat.discard(sending.client_id);").await;
    keeps(&ann, 0).await;
    ann.run(&format!("release(); await chat.send('{group}', 'next').sent;")).await;
    ann.reload().await;
    keeps(&ann, 0).await;
}

#[tokio::test]
async fn many_files_are_shown_by_one_ticket() {
    let (world, _) = World::of_two().await;
    let (ann, _link) = world.person_with_link("ann").await;
    ann.run(HOLD).await;
    connect(&ann).await;
    let shown = "const file = await chat.upload(new Blob(['hello']));
        const urls = await Promise.all(Array.from({ length: 20 }, () => chat.fileUrl(file)));
        return [new Set(urls).size, answered.filter((url) => url === 'tickets/').length];";
    assert_eq!(ann.run(shown).await, json!([1, 1]));
}

#[tokio::test]
async fn sign_out_and_time_forget_the_places_of_uploads() {
    let (world, _) = World::of_two().await;
    let (ann, link) = world.person_with_link("ann").await;
    connect(&ann).await;
    let kept = "Object.keys(localStorage).filter((key) => key.startsWith('chinwag:upload:'))";
    // Its second part is never sent.
    ann.run(
        "const { send } = XMLHttpRequest.prototype;
        let parts = 0;
        XMLHttpRequest.prototype.send = function (body) {
            if (body?.size === 4 << 20 && parts++ > 0) window.begun = true;
            else send.call(this, body);
        };
        void chat.upload(big(9 << 20));",
    )
    .await;
    ann.until("window.begun").await;
    ann.reload().await;
    load(&ann, "ann", &link, "{}").await;
    connect(&ann).await;
    ann.run("localStorage.setItem('chinwag:upload:old', JSON.stringify({ place: 'old', date: 0 }));").await;
    assert_eq!(ann.run(&format!("return {kept}.length;")).await, 2);
    ann.run("await chat.upload(new Blob(['hello']));").await;
    assert_eq!(ann.run(&format!("return {kept}.some((key) => key.endsWith(':old'));")).await, false);
    assert_eq!(ann.run(&format!("return {kept}.length;")).await, 1);
    ann.run("await chat.signOut();").await;
    assert_eq!(ann.run(&format!("return {kept};")).await, json!([]));
}
