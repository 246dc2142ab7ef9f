//! Formats, links, and all kinds of characters in messages.

use serde_json::{Value, json};

use crate::page::Page;
use crate::{Stage, write_to};

/// Pastes a message and sends it.
async fn say(page: &Page, body: &str) {
    page.paste("Message", body).await;
    page.press("Send").await;
}

/// Waits until the last message has this content: its text with the names of the elements around it.
async fn shows(page: &Page, content: &str) {
    let script = "const tree = (node) => node.nodeType === 3 ? node.data : node.nodeType !== 1 ? ''
            : `${node.matches('.body, span') ? '' : `<${node.localName}>`}${[...node.childNodes].map(tree).join('')}${node.matches('.body, span') ? '' : '</>'}`;
        return messages().length > 0 && tree(messages().at(-1).querySelector('.body')) === arguments[0]";
    page.wait_for(&format!("see “{content}”"), script, json!([content])).await;
}

#[tokio::test]
async fn links_are_safe_and_nothing_else_is_a_link() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    let text = "see https://example.org/a_(b), (http://example.org/x). mailto:eve@example.org! \
                javascript:alert(1) data:text/html,x ftp://example.org https:// http://[ httpS://example.org/é";
    write_to(&ann, "bob", text).await;
    let script = "return messages().flatMap((each) => [...each.querySelectorAll('a')])
        .map((each) => [each.textContent, each.protocol, each.rel, each.target])";
    let links = ann.run_script(script, json!([])).await;
    let link = |text: &str, protocol: &str| json!([text, protocol, "noopener noreferrer nofollow", "_blank"]);
    let expected = [
        link("https://example.org/a_(b)", "https:"),
        link("http://example.org/x", "http:"),
        link("mailto:eve@example.org", "mailto:"),
        link("httpS://example.org/é", "https:"),
    ];
    assert_eq!(links, json!(expected));
    ann.close().await;
}

#[tokio::test]
async fn addresses_end_where_readers_expect() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "ready").await;
    let links = "return [...messages().at(-1).querySelectorAll('a')].map((each) => each.textContent)";
    let cases = [
        (
            "https://en.wikipedia.org/wiki/The_Lord_of_the_Rings_",
            "https://en.wikipedia.org/wiki/The_Lord_of_the_Rings_",
        ),
        ("https://a.example/x~*", "https://a.example/x~*"),
        ("URL（http://google.com/）", "http://google.com/"),
        ("see https://a.example/x，then", "https://a.example/x"),
        ("https://a.example/y؟", "https://a.example/y"),
        ("‹https://a.example/z›", "https://a.example/z"),
        ("| https://a.example/t| next", "https://a.example/t"),
        ("_https://a.example/u_", "https://a.example/u"),
        ("https://zh.wikipedia.org/wiki/中国", "https://zh.wikipedia.org/wiki/中国"),
        ("on www.example.org.", "www.example.org"),
    ];
    for (body, link) in cases {
        say(&ann, body).await;
        let script = format!("{links}.join() === arguments[0]");
        ann.wait_for(&format!("see the link “{link}”"), &script, json!([link])).await;
    }
    // The real host is shown beside a text that suggests another.
    for (body, host) in
        [("https://google.com@evil.example/", "(evil.example)"), ("https://аpple.com/", "(xn--pple-43d.com)")]
    {
        say(&ann, body).await;
        ann.sees_in("Messages", host).await;
    }
    ann.close().await;
}

#[tokio::test]
async fn messages_are_formatted_and_code_is_left_alone() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "ready").await;
    let cases = [
        (
            "**bold** *it* _it_ ~~gone~~ `a*b*`",
            "<strong>bold</> <em>it</> <em>it</> <s>gone</> <code>a*b*</>",
        ),
        ("这是**粗体**字", "这是<strong>粗体</>字"),
        ("ANDROID_NDK_ROOT __init__.py 2*3*4", "ANDROID_NDK_ROOT __init__.py 2*3*4"),
        ("*.js and *.ts", "*.js and *.ts"),
        ("> so\n> be it\nyes", "<blockquote>so\nbe it</>yes"),
        ("- one\n- two\n1. three", "<ul><li>one</><li>two</></><ol><li>three</></>"),
        ("```js\n**x**\n```\nend", "<pre><code>**x**</></>end"),
        ("``` never ended", "``` never ended"),
    ];
    for (body, content) in cases {
        say(&ann, body).await;
        shows(&ann, content).await;
    }
    say(&ann, "😀 👨‍👩‍👧").await;
    let large =
        "return parseFloat(getComputedStyle(messages().at(-1).querySelector('.body')).fontSize) >= 32";
    ann.wait_for("see emoji large", large, json!([])).await;
    say(&ann, "**not** large").await;
    ann.sees_in("Conversation list", "You: not large").await;
    ann.wait_for("see words small", &large.replace(">= 32", "< 20"), json!([])).await;
    ann.close().await;
}

/// Long messages that are slow in naive parsers.
const HEAVY: &str = "const { blocks } = await import('/chinwag-chat/format.js');
    const bodies = ['>', '> ', '- ', '*a ', '*a* ', '[', '`', '**a *b _c ~~d ', 'http://', 'www.a', '```\\n', '\\n> ']
        .map((each) => each.repeat(16384 / each.length)).concat('https://a.b/' + ')'.repeat(16384));
    const slowest = () => bodies.map((body) => { const begun = performance.now(); blocks(body); return performance.now() - begun; });
    const depth = ({ blocks: inner = [] }) => 1 + Math.max(0, ...inner.map(depth));
    slowest();
    return { slowest: Math.max(...slowest()), depth: Math.max(...bodies.flatMap((body) => blocks(body)).map(depth)) };";

#[tokio::test]
async fn text_made_to_be_slow_is_not() {
    let stage = Stage::open().await;
    let ann = stage.browser("ann").await;
    ann.sees("Sign in").await;
    let seen = ann.run_async(HEAVY).await;
    println!("the slowest of messages of 16,384 characters: {seen}");
    // A quadratic parser takes seconds for some of these.
    assert!(seen["slowest"].as_f64().is_some_and(|slowest| slowest < 200.0), "{seen}");
    assert!(seen["depth"].as_u64().is_some_and(|depth| depth <= 4), "{seen}");
    ann.close().await;
}

/// For each rendered message, the milliseconds to render and lay it out again, the maximum nesting depth, and
/// the maximum number of elements.
const DRAWN: &str = "const depth = (node) => 1 + Math.max(0, ...[...node.children].map(depth));
    const bodies = messages().map((each) => each.querySelector('.body'));
    const draw = async (row, message) => {
        const begun = performance.now();
        row.message = message;
        await row.updateComplete;
        row.getBoundingClientRect();
        return performance.now() - begun;
    };
    const times = [];
    const plain = [];
    for (const article of messages()) {
        const row = article.closest('chinwag-message');
        const { message } = row;
        await draw(row, { ...message, body: 'x' });
        plain.push(await draw(row, { ...message, body: '*a* `b` c '.repeat(60) }));
        await draw(row, { ...message, body: 'x' });
        times.push(await draw(row, message));
    }
    return { times, plain, depth: Math.max(...bodies.map(depth)), most: Math.max(...bodies.map((each) => each.querySelectorAll('*').length)),
        height: Math.max(...bodies.map((each) => each.offsetHeight)) };";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_texts_made_to_be_slow_stays_usable() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    let service = stage.app.service();
    let group =
        service.post("groups/", json!({ "name": "Heavy", "author": "ann", "members": ["bob"] })).await;
    let group = group.ok(201)["id"].clone();
    let nested =
        (0..200).map(|depth| format!("{}- a", " ".repeat(depth % 20))).collect::<Vec<_>>().join("\n");
    let repeated = [
        ">",
        "> ",
        "- ",
        "- a\n",
        "*a ",
        "_a ",
        "[",
        "`",
        "`a ",
        "` `` ``` ",
        "@bob ",
        "**a** ",
        "```\n",
        ">\n",
    ]
    .map(|each| each.repeat(4096 / each.len()));
    let mut quoted = Value::Null;
    for round in 0..50 {
        for body in repeated.iter().chain([&nested]) {
            let message = json!({ "group": group, "author": if round % 2 == 0 { "ann" } else { "bob" }, "body": body,
                "mentions": ["bob"], "respond_to": quoted });
            let sent = service.post("messages/", message).await.ok(201);
            quoted = if round % 5 == 0 { sent["id"].clone() } else { quoted };
        }
    }
    ann.press("Heavy").await;
    ann.sees_in("Conversation", "2 members").await;
    let (mut times, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..12 {
        let seen = ann.run_async(DRAWN).await;
        let each = |key: &str| {
            seen[key].as_array().into_iter().flatten().filter_map(Value::as_f64).collect::<Vec<_>>()
        };
        times.extend(each("times"));
        plain.extend(each("plain"));
        assert!(seen["depth"].as_u64().is_some_and(|depth| depth <= 7), "{seen}");
        assert!(seen["most"].as_u64().is_some_and(|most| most <= 610), "{seen}");
        assert!(seen["height"].as_u64().is_some_and(|height| height < 4_000), "{seen}");
        let up =
            "const log = messages()[0].closest('.scroller'); log.scrollTop -= log.clientHeight; return true";
        ann.run_script(up, json!([])).await;
    }
    times.sort_by(f64::total_cmp);
    plain.sort_by(f64::total_cmp);
    // Load on the machine delays both alike.
    let (slow, usual) = (times[times.len() / 2], plain[plain.len() / 2]);
    assert!(
        times.len() > 20 && slow < 10.0 * usual,
        "{slow:.1} ms beside {usual:.1}: {times:.1?}, {plain:.1?}"
    );
    // The complete message is shown on request, and the box stays responsive.
    say(&ann, "line\n".repeat(80).trim_end()).await;
    let lines = "const last = messages().at(-1); return bodyOf(last).split('\\n').length === arguments[0] && nameOf(last.querySelector('.more')) === arguments[1]";
    ann.wait_for("see the first lines", lines, json!([40, "Show the whole message"])).await;
    let press = "messages().at(-1).querySelector('.more').click(); return true";
    ann.run_script(press, json!([])).await;
    ann.wait_for("see all lines", lines, json!([80, "Show less"])).await;
    ann.run_script(press, json!([])).await;
    ann.wait_for("see the first lines again", lines, json!([40, "Show the whole message"])).await;
    ann.say("still here").await;
    ann.sees_sent("still here").await;
    ann.close().await;
}

#[tokio::test]
async fn previews_are_whole_characters_of_visible_text() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let bob = stage.app.user("bob").await;
    write_to(&ann, "bob", "ready").await;
    ann.sees_in("Messages", "Sent").await;
    let group = bob.get("groups/").await.ok(200)[0]["id"].clone();
    let family = "👨‍👩‍👧".repeat(200);
    for body in
        [&format!("{}seen", " ".repeat(480)), &family, "z\u{335}\u{321}\u{31b}\u{351}\u{354}\u{326} stacked"]
    {
        bob.post("messages/", json!({ "group": group, "body": body })).await.ok(201);
        let begins = body.trim().chars().take(4).collect::<String>();
        ann.sees_in("Conversation list", &begins).await;
    }
    // Stacked combining marks stay within their row.
    let clipped = "return messages().every((each) => getComputedStyle(each.querySelector('.body')).overflowY === 'clip')";
    ann.wait_for("see marks in their row", clipped, json!([])).await;
    let whole = "const { shorten } = await import('/chinwag-chat/text.js');
        return [shorten('👨‍👩‍👧'.repeat(200)), shorten(`${'x'.repeat(119)}é…`), shorten(`\\u200b\\u2800 ${' '.repeat(480)}x`)];";
    let expected: Value = json!([format!("{}…", "👨‍👩‍👧".repeat(120)), format!("{}é…", "x".repeat(119)), "x"]);
    assert_eq!(ann.run_async(whole).await, expected);
    ann.close().await;
}

#[tokio::test]
async fn names_from_right_to_left_turn_nothing_around_them() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let name = "محمد";
    let other = stage.app.user(name).await;
    write_to(&ann, name, "hello").await;
    ann.sees_in("Messages", "Sent").await;
    let group = other.get("groups/").await.ok(200)[0]["id"].clone();
    let mut ws = other.ws().await;
    ws.send(json!({ "type": "typing.start", "data": { "group": group } })).await;
    ann.sees_in("Conversation", "\u{2068}محمد\u{2069} is typing…").await;
    ann.close().await;
}

#[tokio::test]
async fn screen_of_long_messages_draws_few_rows() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let service = stage.app.service();
    let group =
        service.post("groups/", json!({ "name": "Long", "author": "ann" })).await.ok(201)["id"].clone();
    for _ in 0..30 {
        let message = json!({ "group": group, "author": "ann", "body": "words ".repeat(680) });
        service.post("messages/", message).await.ok(201);
    }
    let count = "window.rows = 0; const row = customElements.get('chinwag-message').prototype; const { firstUpdated } = row;
        row.firstUpdated = function (...all) { window.rows += 1; return firstUpdated?.apply(this, all); };
        return true";
    ann.run_script(count, json!([])).await;
    ann.press("Long").await;
    ann.wait_for("see the last message", "return bodyOf(messages().at(-1)).startsWith('words')", json!([]))
        .await;
    let rows = ann.run_script("return window.rows", json!([])).await;
    assert!(rows.as_u64().is_some_and(|rows| (1..=8).contains(&rows)), "{rows} rows were drawn");
    ann.close().await;
}
