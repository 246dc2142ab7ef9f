//! Links to messages, opened without being signed in.

use serde_json::{Value, json};

use crate::{PASSWORD, Stage, WELCOME, sign};

#[tokio::test]
async fn a_link_leads_to_its_message_or_next_to_it() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let service = stage.app.service();
    stage.app.user("bob").await;
    let make = async |name: &str, author: &str, members: &[&str]| {
        let made = json!({ "name": name, "author": author, "members": members });
        service.post("groups/", made).await.ok(201)["id"].as_str().expect("an id").to_owned()
    };
    let (own, foreign) = (make("Garden", "ann", &["bob"]).await, make("Kitchen", "bob", &[]).await);
    let send = async |group: &str, body: String| {
        let message = json!({ "group": group, "body": body, "author": "bob" });
        service.post("messages/", message).await.ok(201)
    };
    send(&foreign, "secret".into()).await;
    for number in 0..100 {
        send(&own, format!("early {number}")).await;
    }
    let deleted = send(&own, "deleted".into()).await;
    send(&own, "the neighbour".into()).await;
    let path = format!("groups/{own}/");
    service.patch(&path, json!({ "name": "The garden", "author": "ann" })).await.ok(200);
    let entry = deleted["seq"].as_u64().expect("a number") + 2;
    for number in 0..100 {
        send(&own, format!("late {number}")).await;
    }
    service.delete(&format!("messages/{}/", deleted["id"].as_str().expect("an id"))).await.ok(200);
    service.post(&format!("{path}read/"), json!({ "author": "ann", "seq": entry + 50 })).await.ok(200);

    let aimed = "const article = part('Messages')[0]?.querySelector('article.aimed, article:focus');
        return article?.innerText.includes(arguments[0]) === true && pageText().includes(arguments[1])";
    let away = "return location.hash === '' && pageText().includes(arguments[0])";
    let missing = "This conversation does not exist, or you are not in it.";
    let unknown = "00000000-0000-4000-8000-000000000000";
    let links = [
        (format!("{own}/{entry}"), aimed, json!(["renamed the group", ""])),
        (format!("{own}/{}", deleted["seq"]), aimed, json!(["the neighbour", "is not there any more"])),
        (format!("{foreign}/1"), away, json!([missing])),
        (format!("{unknown}/1"), away, json!([missing])),
    ];
    for (link, script, arguments) in links {
        ann.press("Your profile").await;
        ann.press("Sign out").await;
        ann.sees(WELCOME).await;
        ann.run(&format!("location.hash = '#{link}';")).await;
        ann.reload().await;
        sign(&ann, "ann", PASSWORD, "Sign in").await;
        ann.wait_for(&format!("be at {link}"), script, arguments).await;
        ann.sees_no("secret").await;
    }
    ann.run("location.hash = '#to/nobody';").await;
    ann.wait_for("hear of no nobody", away, json!(["There is no user nobody. Check the spelling."])).await;
    ann.press("The garden").await;
    ann.sees_no("There is no user nobody.").await;
    ann.sees_no(missing).await;
    ann.go(&stage.app.url()).await;
    ann.sees("Signed in as ann").await;
    let no_more = "return part('Messages').length";
    assert_eq!(ann.run_script(no_more, json!([])).await, Value::from(0));
    ann.close().await;
}
