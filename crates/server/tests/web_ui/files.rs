//! Files: attaching them, following their upload, and viewing those of others.

use chinwag_testkit::browser::Key;
use serde_json::json;

use crate::access::check_accessibility;
use crate::page::Page;
use crate::{Stage, make_group, write_to};

/// Creates files in the page: images of one colour, and texts.
pub(crate) const FILES: &str = "
    const picture = async (name, width, height, colour) => {
        const canvas = new OffscreenCanvas(width, height);
        const brush = canvas.getContext('2d');
        brush.fillStyle = colour;
        brush.fillRect(0, 0, width, height);
        return new File([await canvas.convertToBlob({ type: 'image/png' })], name, { type: 'image/png' });
    };
    const text = (name, content) => new File([content], name, { type: 'text/plain' });
    const given = (files) => { const data = new DataTransfer(); for (const file of files) data.items.add(file); return data; };
    const choose = (files) => {
        const input = walk(document).find((each) => each.matches('input[type=file]'));
        input.files = given(files).files;
        return input.dispatchEvent(new Event('change', { bubbles: true }));
    };";

/// JavaScript that creates a sound: 0.1 s of silence.
const SOUND: &str = "await (async () => {
    const bytes = new DataView(new ArrayBuffer(44 + 800));
    const put = (at, text) => [...text].forEach((each, to) => bytes.setUint8(at + to, each.charCodeAt(0)));
    for (const [at, text] of [[0, 'RIFF'], [8, 'WAVEfmt '], [36, 'data']]) put(at, text);
    for (const [at, number] of [[4, 836], [16, 16], [24, 8000], [28, 8000], [40, 800]]) bytes.setUint32(at, number, true);
    for (const [at, number] of [[20, 1], [22, 1], [32, 1], [34, 8]]) bytes.setUint16(at, number, true);
    return new File([bytes], 'sound.wav', { type: 'audio/wav' });
})()";

/// JavaScript that creates a video: a few frames of one colour.
const FILM: &str = "await new Promise(async (done) => {
    const canvas = document.createElement('canvas');
    const brush = canvas.getContext('2d');
    const recorder = new MediaRecorder(canvas.captureStream(), { mimeType: 'video/webm' });
    const parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.onstop = () => done(new File(parts, 'film.webm', { type: 'video/webm' }));
    recorder.start();
    for (const colour of ['teal', 'navy', 'teal', 'navy']) {
        brush.fillStyle = colour;
        brush.fillRect(0, 0, 300, 150);
        await drawn();
    }
    recorder.stop();
})";

/// Attaches files as if they were chosen in the dialog. `files` is a JavaScript list.
pub(crate) async fn attach(page: &Page, files: &str) {
    page.wait_for("find the button", "return button('Attach files') !== null", json!([])).await;
    page.run_script(&format!("{FILES} return choose([{files}])"), json!([])).await;
}

async fn sees_attached(page: &Page, names: &[&str]) {
    let script = "const names = part('Files to send').flatMap((list) => [...list.querySelectorAll('bdi')]).map((each) => each.innerText);
        return JSON.stringify(names) === JSON.stringify(arguments[0])";
    page.wait_for(&format!("see {names:?} attached"), script, json!([names])).await;
}

/// Waits until a message shows this many images, all loaded.
pub(crate) async fn sees_pictures(page: &Page, body: &str, count: usize) {
    let script = "const pictures = message(arguments[0]).flatMap((each) => [...each.querySelectorAll('.picture img')]);
        return pictures.length === arguments[1] && pictures.every((each) => each.complete && each.naturalWidth > 0)";
    page.wait_for(&format!("see {count} pictures in “{body}”"), script, json!([body, count])).await;
}

#[tokio::test]
async fn files_are_attached_by_button_paste_and_drop() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "look").await;
    bob.press("ann").await;
    attach(&ann, "await picture('red.png', 640, 400, 'red'), text('notes.txt', 'milk')").await;
    sees_attached(&ann, &["red.png", "notes.txt"]).await;
    let paste = "const box = field('Message');
        box.dispatchEvent(new ClipboardEvent('paste', { clipboardData: given([await picture('image.png', 40, 40, 'blue')]), bubbles: true, cancelable: true }));";
    ann.run_async(&format!("{FILES} {paste}")).await;
    let drop = "const pane = part('Conversation')[0];
        const dataTransfer = given([text('dropped.csv', '1,2')]);
        for (const type of ['dragenter', 'dragover', 'drop']) {
            const event = new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true });
            message('look')[0].dispatchEvent(event);
            if (type !== 'dragenter' && !event.defaultPrevented) throw new Error(type);
        }";
    ann.run_async(&format!("{FILES} {drop}")).await;
    sees_attached(&ann, &["red.png", "notes.txt", "image.png", "dropped.csv"]).await;
    // A message that is removed under the pointer dispatches no event.
    let drag = |kinds: &str| {
        format!(
            "{FILES} const dataTransfer = given([text('dropped.csv', '1,2')]);
            for (const type of {kinds}) message('look')[0].dispatchEvent(new DragEvent(type, {{ dataTransfer, bubbles: true, cancelable: true }}));"
        )
    };
    ann.run_async(&drag("['dragenter', 'dragenter', 'dragover']")).await;
    ann.sees("Drop files to attach them").await;
    ann.run_async(&drag("['dragleave']")).await;
    ann.sees_no("Drop files to attach them").await;
    ann.press("Remove image.png").await;
    // They belong to this conversation only.
    stage.app.user("cat").await;
    write_to(&ann, "cat", "hello cat").await;
    sees_attached(&ann, &[]).await;
    ann.press("bob").await;
    sees_attached(&ann, &["red.png", "notes.txt", "dropped.csv"]).await;
    ann.say("my files").await;
    for page in [&ann, &bob] {
        page.sees_once("my files").await;
        sees_pictures(page, "my files", 1).await;
        let cards = "return [...message('my files')[0].querySelectorAll('a.filecard')].map((each) => nameOf(each)).join()";
        let names = "Download notes.txt 4 bytes,Download dropped.csv 3 bytes";
        page.wait_for(
            "see the cards",
            &format!("return (() => {{ {cards} }})() === arguments[0]"),
            json!([names]),
        )
        .await;
    }
    sees_attached(&ann, &[]).await;
    let read = "const card = message('my files')[0].querySelector('a.filecard'); return (await fetch(card.href)).text()";
    assert_eq!(bob.run_script(read, json!([])).await, "milk");
    // A message may consist of files alone.
    attach(&bob, "await picture('a.png', 30, 90, 'green'), await picture('b.png', 90, 30, 'transparent')")
        .await;
    bob.press("Send").await;
    ann.sees_in("Conversation list", "2 files").await;
    sees_pictures(&ann, "2 files", 2).await;
    // The placeholders no longer show through.
    let through = "const all = [...message('2 files')[0].querySelectorAll('.picture canvas')];
        const opacity = all.map((each) => each.getContext('2d').getImageData(70, 70, 1, 1).data[3]);
        return opacity[0] === 255 && opacity[1] === 0 && !all.some(shown)";
    ann.wait_for("see pictures alone", through, json!([])).await;
    // A phone shows them side by side, and reduces the send button to its icon.
    ann.resize(390, 800).await;
    let beside = "const [one, two] = [...message('2 files')[0].querySelectorAll('.picture')].map((each) => each.getBoundingClientRect());
        return one.top === two.top && one.right < two.left && button('Send').offsetWidth < 50";
    ann.wait_for("see them beside each other", beside, json!([])).await;
    ann.resize(1280, 800).await;
    ann.act("2 files", "Reply").await;
    ann.sees("Replying to bob:").await;
    ann.close().await;
    bob.close().await;
}

#[tokio::test]
async fn page_asks_about_no_files_of_a_conversation_that_has_gone() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let bob = stage.app.user("bob").await;
    make_group(&ann, "The garden", "bob").await;
    ann.say("look").await;
    ann.sees_sent("look").await;
    attach(&ann, "text('notes.txt', 'milk')").await;
    sees_attached(&ann, &["notes.txt"]).await;
    write_to(&ann, "bob", "and here").await;
    attach(&ann, "text('plan.txt', 'beans')").await;
    sees_attached(&ann, &["plan.txt"]).await;
    let asks = "const leaving = new Event('beforeunload', { cancelable: true });
        window.dispatchEvent(leaving);
        return leaving.defaultPrevented === arguments[0]";
    bob.delete("users/bob/").await.ok(200);
    ann.sees("This account was deleted.").await;
    ann.wait_for("be asked about the group's", asks, json!([true])).await;
    ann.press("The garden").await;
    ann.press("Group details").await;
    ann.press("Delete group").await;
    ann.press("Delete").await;
    ann.sees("You are no longer in “The garden”.").await;
    ann.wait_for("be asked about none", asks, json!([false])).await;
    ann.close().await;
}

#[tokio::test]
async fn pictures_open_in_a_gallery_by_keyboard() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "look").await;
    for (body, names) in [("one", vec!["first.png"]), ("two", vec!["second.png", "third.png"])] {
        let files = names.iter().map(|name| format!("await picture('{name}', 400, 300, 'teal')"));
        attach(&ann, &files.collect::<Vec<_>>().join(", ")).await;
        ann.say(body).await;
        ann.sees_sent(body).await;
        sees_pictures(&ann, body, names.len()).await;
    }
    ann.act("two", "Open third.png").await;
    ann.sees("Image 3 of 3").await;
    let shown = "const dialog = walk(document).find((each) => each.matches('dialog.gallery:modal'));
        const image = dialog?.querySelector('img:not(.below)');
        return image?.alt === arguments[0] && image.complete && image.naturalWidth === 400";
    ann.wait_for("see the third", shown, json!(["third.png"])).await;
    for (key, name, place) in [
        (Key::Left, "second.png", "Image 2 of 3"),
        (Key::Left, "first.png", "Image 1 of 3"),
        (Key::Left, "first.png", "Image 1 of 3"),
        (Key::Right, "second.png", "Image 2 of 3"),
    ] {
        ann.key(key).await;
        ann.sees(place).await;
        ann.wait_for(&format!("see {name}"), shown, json!([name])).await;
    }
    ann.key(Key::Escape).await;
    let focus = "const at = message('two')[0].getRootNode().activeElement; return at?.matches('.picture') && nameOf(at) === 'Open third.png'";
    ann.wait_for("be back at the picture", focus, json!([])).await;
    ann.close().await;
}

#[tokio::test]
async fn pictures_are_described_by_their_sender() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "look").await;
    bob.press("ann").await;
    let files = ["red", "blue"].map(|colour| format!("await picture('{colour}.png', 400, 300, '{colour}')"));
    attach(&ann, &format!("{}, text('notes.txt', 'milk')", files.join(", "))).await;
    let box_of = |name: &str| format!("Description of {name}, for those who cannot see it");
    ann.fill(&box_of("red.png"), "A red wall").await;
    ann.fill(&box_of("blue.png"), "A blue wall").await;
    // Enter moves to the message box and does not send.
    ann.key(Key::Enter).await;
    ann.press("Remove red.png").await;
    sees_attached(&ann, &["blue.png", "notes.txt"]).await;
    let written = "return field(arguments[0]).value === arguments[1]";
    ann.wait_for("keep the other's description", written, json!([box_of("blue.png"), "A blue wall"])).await;
    ann.say("walls").await;
    for page in [&ann, &bob] {
        sees_pictures(page, "walls", 1).await;
        let shown = "const picture = message('walls')[0].querySelector('.picture');
            return nameOf(picture) === 'Open blue.png: A blue wall' && picture.querySelector('img').alt === 'A blue wall'";
        page.wait_for("find the description", shown, json!([])).await;
    }
    bob.act("walls", "Open blue.png: A blue wall").await;
    let shown = "return walk(document).some((each) => each.matches('dialog.gallery:modal img:not(.below)') && each.alt === 'A blue wall')";
    bob.wait_for("find the description in the gallery", shown, json!([])).await;
    ann.close().await;
    bob.close().await;
}

#[tokio::test]
async fn full_disk_is_shown_at_the_message_and_retried() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "look").await;
    bob.press("ann").await;
    stage.app.app().set_low(true);
    attach(&ann, "await picture('red.png', 640, 400, 'red')").await;
    ann.say("a picture").await;
    ann.sees_in("Messages", "The server has no room for new messages.").await;
    let kept = "const [one, ...more] = message('a picture');
        return more.length === 0 && one.querySelector('.error') !== null && one.querySelector('.filecard bdi').innerText === 'red.png'";
    ann.wait_for("see the message with its file", kept, json!([])).await;
    stage.app.app().set_low(false);
    ann.act("a picture", "Try again").await;
    sees_pictures(&bob, "a picture", 1).await;
    ann.sees_sent("a picture").await;
    ann.close().await;
    bob.close().await;
}

#[tokio::test]
async fn full_quota_is_shown_and_retried_after_space_is_freed() {
    let stage = Stage::with(|options| options.limits.files.per_user = 1000).await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "look").await;
    attach(&ann, "text('first.txt', 'x'.repeat(900))").await;
    ann.say("first").await;
    ann.sees_sent("first").await;
    attach(&ann, "text('second.txt', 'y'.repeat(900))").await;
    ann.say("second").await;
    ann.sees_in("Messages", "There is no room for more files of yours.").await;
    ann.act("first", "Delete").await;
    ann.press("Delete").await;
    ann.act("second", "Try again").await;
    ann.sees_sent("second").await;
    ann.close().await;
}

#[tokio::test]
async fn uploads_survive_a_lost_server_and_a_reload() {
    let mut stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "look").await;
    ann.sees_sent("look").await;
    bob.press("ann").await;
    stage.app.stop().await;
    ann.sees("Connection lost").await;
    attach(&ann, "await picture('red.png', 640, 400, 'red'), text('big.txt', 'words '.repeat(500_000))")
        .await;
    ann.say("later").await;
    ann.sees_once("later").await;
    let bars = "return message('later')[0].querySelectorAll('progress').length === 2";
    ann.wait_for("see the bars", bars, json!([])).await;
    // Discarding the message puts its files back into the box.
    ann.press("Discard").await;
    sees_attached(&ann, &["red.png", "big.txt"]).await;
    ann.press("Send").await;
    ann.sees_once("later").await;
    stage.app.restart().await;
    ann.reload().await;
    bob.sees_once("later").await;
    sees_pictures(&bob, "later", 1).await;
    ann.sees_sent("later").await;
    sees_pictures(&ann, "later", 1).await;
    let size = "const card = message('later')[0].querySelector('a.filecard'); return (await (await fetch(card.href)).text()).length";
    assert_eq!(ann.run_script(size, json!([])).await, 3_000_000);
}

#[tokio::test]
async fn files_that_cannot_be_sent_are_refused_in_words() {
    let stage = Stage::with(|options| options.limits.files.max_size = 2_000_000).await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "look").await;
    attach(&ann, "text('large.txt', 'x'.repeat(2_000_001)), text('small.txt', 'x')").await;
    ann.sees("large.txt is too large: a file may have 2 MB at most.").await;
    sees_attached(&ann, &["small.txt"]).await;
    attach(&ann, "...Array.from({ length: 12 }, (_, at) => text(`${at}.txt`, 'x'))").await;
    ann.sees("A message can have 10 files at most.").await;
    let ten = "return part('Files to send')[0].querySelectorAll('li').length === 10";
    ann.wait_for("see ten", ten, json!([])).await;
    // Their quota is used up: the message states that and remains.
    ann.say("ten files").await;
    ann.sees_sent("ten files").await;
    ann.close().await;
}

#[tokio::test]
async fn server_refusals_are_shown_at_the_message() {
    let stage = Stage::with(|options| {
        options.limits.files.types = Some(vec!["image/*".into()]);
        options.limits.files.per_user = 50;
    })
    .await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "look").await;
    attach(&ann, "text('notes.txt', 'milk')").await;
    ann.say("a text").await;
    ann.sees_in("Messages", "Files of this kind (text/plain) are not allowed here.").await;
    attach(&ann, "await picture('a.png', 640, 400, 'teal')").await;
    ann.say("a picture").await;
    ann.sees_in("Messages", "There is no room for more files of yours.").await;
    // Messages without files are still sent.
    ann.say("words alone").await;
    ann.sees_sent("words alone").await;
    ann.close().await;
}

#[tokio::test]
async fn axe_objects_to_nothing_in_files() {
    let mut stage = Stage::open().await;
    let mut violations = Vec::new();
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "look").await;
    let pictures = "await picture('a.png', 640, 400, 'teal'), await picture('b.png', 400, 640, 'navy')";
    attach(&ann, &format!("{pictures}, text('A long name of a text that says nothing at all.txt', 'x')"))
        .await;
    check_accessibility(&ann, "attached files", &mut violations).await;
    ann.fill("Description of a.png, for those who cannot see it", "A beach").await;
    check_accessibility(&ann, "a described picture", &mut violations).await;
    ann.say("several").await;
    sees_pictures(&ann, "several", 2).await;
    attach(&ann, &format!("{SOUND}, {FILM}")).await;
    ann.say("to play").await;
    let players = "const [one] = message('to play');
        return ['audio', 'video'].every((kind) => one?.querySelector(`${kind}[controls][src]`))";
    ann.wait_for("see the players", players, json!([])).await;
    check_accessibility(&ann, "players", &mut violations).await;
    attach(&ann, "await picture('c.png', 640, 400, 'teal')").await;
    ann.press("Send").await;
    sees_pictures(&ann, "1 file", 1).await;
    for (width, height) in [(1280, 800), (700, 800), (320, 640)] {
        ann.resize(width, height).await;
        let wide = "return messages().every((each) => each.querySelector('.bubble').scrollWidth <= each.querySelector('.bubble').clientWidth + 1)";
        ann.wait_for("see files within their bubbles", wide, json!([])).await;
        check_accessibility(&ann, &format!("files, {width} wide"), &mut violations).await;
        ann.act("1 file", "Open c.png").await;
        ann.sees("Image 3 of 3").await;
        check_accessibility(&ann, &format!("the gallery, {width} wide"), &mut violations).await;
        ann.press("Close").await;
    }
    stage.app.stop().await;
    ann.sees("Connection lost").await;
    attach(&ann, pictures).await;
    ann.say("later").await;
    ann.sees_in("Messages", "Waiting for the connection…").await;
    check_accessibility(&ann, "files on their way", &mut violations).await;
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}
