//! Display names, avatars, profile cards, and a user's own settings.

use chinwag_testkit::setup;
use serde_json::json;

use crate::{Stage, begin_with, make_group, write_to};

const NAME_IN_LOG: &str = "const name = message(arguments[0])[0]?.querySelector('button.author');
    name?.click(); return Boolean(name);";

#[tokio::test]
async fn a_display_name_is_seen_everywhere_and_opens_a_card() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "hello").await;
    ann.press("Your profile").await;
    ann.fill("Display name", "Ann Lee").await;
    ann.press("Save").await;
    ann.sees("Saved").await;
    ann.press("Close").await;
    ann.sees("Signed in as Ann Lee").await;
    bob.sees_in("Conversation list", "Ann Lee").await;
    bob.press("Ann Lee").await;
    bob.sees_once("hello").await;
    bob.reload().await;
    bob.sees_in("Conversation list", "Ann Lee").await;

    make_group(&ann, "The choir", "bob").await;
    ann.say("who sings?").await;
    bob.press("The choir").await;
    bob.sees_once("who sings?").await;
    bob.wait_for("open the author's card", NAME_IN_LOG, json!(["who sings?"])).await;
    bob.press("Invite Ann Lee").await;
    bob.press("Message").await;
    bob.sees_once("hello").await;
    ann.press("People").await;
    ann.sees_in("Invitations for you", "bob").await;
    ann.press("Accept bob").await;
    bob.press("People").await;
    bob.sees_in("Contacts", "Ann Lee").await;
    bob.sees_in("Contacts", "online").await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn a_picture_that_cannot_be_loaded_shows_initials() {
    let stage = Stage::open().await;
    let bob = stage.person("bob").await;
    stage.app.user("ann").await;
    let bot = json!({ "display_name": "Ann Lee", "kind": "bot", "avatar": "https://localhost:1/a.png" });
    stage.app.service().put("users/ann/", bot).await.ok(200);
    write_to(&bob, "ann", "hello").await;
    bob.sees_in("Conversation", "bot").await;
    let picture = "const [one] = part('Conversation')[0].querySelectorAll('.avatar img');
        return one?.hidden && one.referrerPolicy === 'no-referrer' && one.parentElement.innerText.includes('AL')";
    bob.wait_for("find initials", picture, json!([])).await;
    bob.close().await;
}

#[tokio::test]
async fn two_users_of_one_display_name_are_told_apart() {
    let stage = Stage::open().await;
    let bob = stage.person("bob").await;
    for (name, shown) in [("ann1", "Ann Lee"), ("ann2", "ann  lее")] {
        stage.app.user(name).await;
        stage.app.service().put(&format!("users/{name}/"), json!({ "display_name": shown })).await.ok(200);
        write_to(&bob, name, "hello").await;
    }
    bob.sees_in("Conversation list", "Ann Lee (ann1)").await;
    bob.sees_in("Conversation list", "(ann2)").await;
    bob.close().await;
}

#[tokio::test]
async fn a_display_name_like_anothers_has_the_name_beside_it() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let service = stage.app.service();
    // A Greek capital, a Cyrillic letter, an accent, another user's name, and that with brackets. The last two
    // belong to no other display name.
    let alike = ["Αrlan Lee", "Arl\u{430}n Lee", "Árlan  lee", "ΝINΗ", "arlan", "arlan (admin)"];
    for (name, shown) in [("arlan", "Arlan Lee"), ("ninh", "Ninh"), ("vera", "Vera Lee"), ("иван", "Иван")]
    {
        service.put(&format!("users/{name}/"), json!({ "display_name": shown })).await.ok(201);
    }
    for (number, shown) in alike.iter().enumerate() {
        service.put(&format!("users/other{number}/"), json!({ "display_name": shown })).await.ok(201);
    }
    // Of the similar names, only the originals have not written.
    let members = ["arlan", "ninh", "vera", "иван"].map(str::to_owned).into_iter();
    let members: Vec<_> = members.chain((0..alike.len()).map(|number| format!("other{number}"))).collect();
    let made = json!({ "name": "Garden", "author": "ann", "members": members });
    let group = service.post("groups/", made).await.ok(201)["id"].clone();
    for author in &members[2..] {
        service
            .post("messages/", json!({ "group": group, "author": author, "body": format!("by {author}") }))
            .await
            .ok(201);
    }
    ann.press("Garden").await;
    let called =
        "return tidy(message(`by ${arguments[0]}`)[0]?.querySelector('.author').innerText) === arguments[1]";
    for (number, shown) in alike.iter().enumerate() {
        let (name, shown) = (format!("other{number}"), shown.replace("  ", " "));
        ann.wait_for(&format!("tell {shown} apart"), called, json!([name, format!("{shown} ({name})")]))
            .await;
    }
    for (name, shown) in [("vera", "Vera Lee"), ("иван", "Иван")] {
        ann.wait_for(&format!("see {shown} alone"), called, json!([name, shown])).await;
    }
    ann.close().await;
}

#[tokio::test]
async fn look_alike_of_a_silent_member_is_marked_in_a_large_group() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let service = stage.app.service();
    // The second name begins with an Armenian letter, which the page itself does not compare.
    for (name, shown) in [("olivia", "Olivia Bell"), ("mallory", "Օlivia Bell"), ("vera", "Vera Lee")] {
        service.put(&format!("users/{name}/"), json!({ "display_name": shown })).await.ok(201);
    }
    let mut members: Vec<_> =
        setup::crowd(&service, "m", 100).await.iter().map(|user| user.name().to_owned()).collect();
    members.extend(["olivia", "mallory", "vera"].map(str::to_owned));
    let made = json!({ "name": "Garden", "author": "ann", "members": members });
    let group = service.post("groups/", made).await.ok(201)["id"].clone();
    for author in ["mallory", "vera"] {
        let sent = json!({ "group": group, "author": author, "body": format!("by {author}") });
        service.post("messages/", sent).await.ok(201);
    }
    ann.press("Garden").await;
    let called =
        "return tidy(message(`by ${arguments[0]}`)[0]?.querySelector('.author').innerText) === arguments[1]";
    for (name, shown) in [("mallory", "Օlivia Bell (mallory)"), ("vera", "Vera Lee")] {
        ann.wait_for(&format!("see {shown}"), called, json!([name, shown])).await;
    }
    ann.close().await;
}

#[tokio::test]
async fn a_person_decides_what_others_see_and_do() {
    let stage = Stage::with(|options| options.users.avatar_urls = true).await;
    let ann = stage.person("ann").await;
    ann.press("Your profile").await;
    ann.fill("Address of your picture", "http://a.example/a.png").await;
    ann.press("Save").await;
    ann.sees("Enter an address that begins with https://.").await;
    ann.fill("Address of your picture", "").await;
    ann.choose("May start a conversation with me", "Nobody").await;
    let check = "const box = field('Hide when I was last seen'); if (!box) return false;
        if (!box.checked) box.click(); return box.checked;";
    ann.wait_for("hide the time", check, json!([])).await;
    let service = stage.app.service();
    let wanted =
        json!({ "added_by": "anyone", "write_first": "nobody", "hide_last_seen": true, "hide_reads": false });
    ann.until("find the settings stored", async || {
        let user = service.get("users/ann/?fields=settings").await.ok(200);
        Ok((user["settings"] == wanted).then_some(()))
    })
    .await;
    ann.press("Close").await;
    ann.press("Your profile").await;
    let kept = "return field('May start a conversation with me')?.value === 'nobody' && field('Hide when I was last seen').checked";
    ann.wait_for("find the settings again", kept, json!([])).await;
    // A refused change is reverted.
    ann.run(
        "const ask = window.fetch;
        window.fetch = (url, options) => (options?.method === 'PATCH' ? Promise.reject(new TypeError('offline')) : ask(url, options));",
    )
    .await;
    ann.choose("May start a conversation with me", "Anyone").await;
    ann.run_script("field('Hide when I was last seen').click()", json!([])).await;
    ann.sees("The server cannot be reached.").await;
    ann.wait_for("find the settings as they were", kept, json!([])).await;
    ann.close().await;
}

#[tokio::test]
async fn notes_to_oneself_are_one_press_away() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    ann.press("New conversation").await;
    ann.press("Notes to yourself").await;
    for part in ["Conversation", "Conversation list"] {
        ann.sees_in(part, "Notes to yourself").await;
    }
    ann.say("milk").await;
    ann.sees_in("Conversation list", "Notes to yourself").await;
    ann.sees_once("milk").await;
    begin_with(&ann, "ann").await;
    ann.sees_once("milk").await;
    ann.close().await;
}

#[tokio::test]
async fn a_picture_in_the_list_opens_its_card() {
    let stage = Stage::open().await;
    let bob = stage.person("bob").await;
    for name in ["ann", "cat"] {
        stage.app.user(name).await;
        write_to(&bob, name, "hello").await;
    }
    let avatar = "const entry = button('ann'); const face = entry?.querySelector('.avatar');
        const at = await aim(face); return at && document.elementFromPoint(...at) !== null && (face.click(), true)";
    bob.wait_for("press the picture", avatar, json!([])).await;
    bob.press("Block ann").await;
    bob.sees("Block ann?").await;
    bob.press("Cancel").await;
    bob.sees_in("Conversation", "cat").await;
    bob.close().await;
}

#[tokio::test]
async fn names_of_silent_members_are_told_apart_in_large_groups() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let service = stage.app.service();
    let mut members: Vec<_> =
        setup::crowd(&service, "user", 105).await.iter().map(|each| each.name().to_owned()).collect();
    for (name, shown) in [("user1", "Vera Lee"), ("user103", "vera lee"), ("user2", "Zoe")] {
        service.put(&format!("users/{name}/"), json!({ "display_name": shown })).await.ok(200);
    }
    members.insert(0, "ann".to_owned());
    let group = setup::group(&service, &members.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for name in ["user1", "user2"] {
        let message = json!({ "group": group, "author": name, "body": format!("by {name}") });
        service.post("messages/", message).await.ok(201);
    }
    ann.press("g").await;
    let called =
        "return tidy(message(`by ${arguments[0]}`)[0]?.querySelector('.author').innerText) === arguments[1]";
    for (name, shown) in [("user1", "Vera Lee (user1)"), ("user2", "Zoe")] {
        ann.wait_for(&format!("see {shown}"), called, json!([name, shown])).await;
    }
    ann.close().await;
}

/// Drops or pastes files onto the open dialog or a group's details.
const HAND_OVER: &str = "
    const hand = (type, around, files) => {
        const data = given(files);
        const kinds = { drop: ['dragover', DragEvent, 'dataTransfer'], paste: [null, ClipboardEvent, 'clipboardData'] };
        const [before, Event, key] = kinds[type];
        for (const each of [before, type].filter(Boolean)) {
            const event = new Event(each, { [key]: data, bubbles: true, cancelable: true });
            around.dispatchEvent(event);
            if (!event.defaultPrevented) throw new Error(each);
        }
    };";

/// Waits until a part of the page shows an uploaded image, and no hidden one.
async fn sees_uploaded(page: &crate::page::Page, part: &str) {
    let script = "const images = part(arguments[0]).flatMap((each) => [...each.querySelectorAll('.avatar img')]);
        return images.length > 0 && images.every((each) => !each.hidden && each.naturalWidth > 0 && each.src.includes('/thumbnail/image.webp')
            && getComputedStyle(each).borderRadius === getComputedStyle(each.closest('.avatar')).borderRadius)";
    page.wait_for(&format!("see a picture in {part}"), script, json!([part])).await;
}

#[tokio::test]
async fn a_picture_is_chosen_dropped_pasted_and_removed() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "hello").await;
    ann.press("Your profile").await;
    ann.sees("Choose a picture").await;
    let files = crate::files::FILES;
    let choose = "const input = walk(document).find((each) => each.matches('dialog input[type=file]'));
        input.files = given([await picture('me.png', 640, 400, 'red')]).files;
        input.dispatchEvent(new Event('change', { bubbles: true }));";
    ann.run_async(&format!("{files} {choose}")).await;
    ann.sees("Remove the picture").await;
    sees_uploaded(&bob, "Conversation list").await;
    let address = "return part('Conversation list')[0].querySelector('.avatar img').src";
    let first = bob.run_script(address, json!([])).await;
    let dialog = "const around = walk(document).find((each) => each.matches('dialog:modal'));";
    let dropped = "hand('drop', around, [await picture('other.png', 90, 90, 'blue')]);";
    ann.run_async(&format!("{files} {HAND_OVER} {dialog} {dropped}")).await;
    let other = "return part('Conversation list')[0].querySelector('.avatar img')?.src !== arguments[0]";
    bob.wait_for("see another picture", other, json!([first])).await;
    sees_uploaded(&bob, "Conversation list").await;
    let done = "return walk(document).every((each) => !each.matches('chinwag-picture progress'))";
    ann.wait_for("see the end of the upload", done, json!([])).await;
    // Other files are refused with a reason.
    let text = "hand('paste', around, [text('notes.txt', 'milk')]);";
    ann.run_async(&format!("{files} {HAND_OVER} {dialog} {text}")).await;
    ann.sees("notes.txt is not a picture.").await;
    let broken = "hand('paste', around, [new File(['no picture'], 'broken.png', { type: 'image/png' })]);";
    ann.run_async(&format!("{files} {HAND_OVER} {dialog} {broken}")).await;
    ann.sees("This picture cannot be used").await;
    ann.press("Remove the picture").await;
    let none = "return part('Conversation list')[0].querySelector('.avatar img') === null";
    bob.wait_for("see initials", none, json!([])).await;
    ann.press("Close").await;

    make_group(&ann, "The choir", "bob").await;
    ann.press("Group details").await;
    ann.press("Edit group").await;
    ann.sees("Choose a picture").await;
    let pasted = "const around = walk(document).find((each) => each.matches('chinwag-group .scroll'));
        hand('paste', around, [await picture('choir.png', 300, 300, 'green')]);";
    ann.run_async(&format!("{files} {HAND_OVER} {pasted}")).await;
    sees_uploaded(&bob, "Conversation list").await;
    bob.reload().await;
    sees_uploaded(&bob, "Conversation list").await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn name_of_a_hook_is_shown_with_the_mark_of_a_bot() {
    let stage = Stage::open().await;
    let (service, bob) = (stage.app.service(), stage.person("bob").await);
    service.put("users/ci/", json!({ "kind": "bot", "display_name": "Builds" })).await;
    let group = json!({ "name": "The workshop", "author": "bob", "members": ["ci"] });
    let group = setup::id(&service.post("groups/", group).await.ok(201));
    let made = service.post("users/ci/hooks/", json!({ "group": group })).await.ok(201);
    let url = setup::text(&made["url"]);
    for (text, username) in [("it failed", Some("Builder")), ("it is good", None)] {
        let message = json!({ "text": text, "username": username });
        assert_eq!(stage.app.nobody().post(&url, message).await.status, 200);
    }
    bob.press("The workshop").await;
    bob.sees_once("it is good").await;
    let heading = "const [row] = message(arguments[0]); const name = row.querySelector('button.author');
        return name.textContent === arguments[1] && (name.getAttribute('aria-label') ?? '') === arguments[2]
            && row.querySelector('.tag').textContent === 'bot'";
    bob.wait_for("the name of the hook", heading, json!(["it failed", "Builder", "Builder (Builds)"])).await;
    bob.wait_for("the name of the bot", heading, json!(["it is good", "Builds", ""])).await;
    bob.close().await;
}
