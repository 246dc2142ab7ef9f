//! Contacts, invitations, blocks, presence.

use crate::{Stage, write_to};

#[tokio::test]
async fn people_become_contacts_and_see_who_is_there() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    for page in [&ann, &bob] {
        page.press("People").await;
    }
    ann.fill("Invite as a contact", "nobody").await;
    ann.press("Invite").await;
    ann.sees("There is no user nobody. Check the spelling.").await;
    ann.fill("Invite as a contact", "ann").await;
    ann.press("Invite").await;
    ann.sees("This is your own name. Enter another name.").await;
    ann.fill("Invite as a contact", "bob").await;
    ann.press("Invite").await;
    ann.sees_in("Invitations sent", "bob").await;
    bob.sees_in("Invitations for you", "ann").await;
    bob.press("More for ann").await;
    bob.press("Deny ann").await;
    ann.sees_gone("Invitations sent", "bob").await;
    ann.fill("Invite as a contact", "bob").await;
    ann.press("Invite").await;
    ann.press("Withdraw bob").await;
    bob.sees_gone("Invitations for you", "ann").await;
    ann.fill("Invite as a contact", "bob").await;
    ann.press("Invite").await;
    bob.press("Accept ann").await;
    bob.sees_in("Contacts", "online").await;
    ann.sees_in("Contacts", "online").await;

    ann.press("Message bob").await;
    ann.say("now we are contacts").await;
    bob.press("Your profile").await;
    bob.press("Sign out").await;
    ann.sees_in("Contacts", "offline").await;
    ann.press("More for bob").await;
    ann.press("Remove bob").await;
    ann.press("Remove").await;
    ann.sees_gone("Contacts", "bob").await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn a_block_stops_messages_both_ways_until_it_ends() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "hello").await;
    bob.press("ann").await;
    bob.press("About ann").await;
    bob.press("Block ann").await;
    bob.sees("Neither of you can write to the other").await;
    bob.press("Block").await;
    bob.sees("You have blocked this person. Unblock the person to write.").await;
    // She is not notified until she writes.
    ann.say("are you there?").await;
    ann.sees("One of you has blocked the other.").await;
    ann.press("People").await;
    ann.fill("Invite as a contact", "bob").await;
    ann.press("Invite").await;
    ann.sees("This person does not accept invitations from you.").await;
    bob.press("People").await;
    bob.sees_in("Blocked", "ann").await;
    bob.press("Unblock ann").await;
    bob.sees_no("Unblock to write").await;
    bob.say("again").await;
    ann.sees_once("again").await;
    tokio::join!(ann.close(), bob.close());
}
