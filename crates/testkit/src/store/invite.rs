//! Codes with which anyone joins a group.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::invite::{Invite, InviteCode};
use chinwag_core::permission::Role;
use chinwag_core::{GroupId, UserId};

use super::{Fixture, date};

/// A new invite, which stands until the second 100.
async fn invite(f: &Fixture, group: GroupId, maker: Option<UserId>, uses: Option<u32>) -> Invite {
    let number = f.number();
    let code = InviteCode::parse(&format!("cw_invite_{number:022}")).expect("a code");
    let invite = Invite { code, group, maker, created: date(number), expires: date(100), uses };
    let kept = invite.clone();
    f.write(move |tx| tx.invite_insert(&kept)).await;
    invite
}

async fn found(f: &Fixture, invite: &Invite, second: i64) -> Option<Invite> {
    let code = invite.code.clone();
    f.read(move |tx| tx.invite(&code, date(second))).await
}

async fn standing(f: &Fixture, group: GroupId) -> Vec<Invite> {
    f.read(move |tx| tx.invites(group, date(50))).await
}

pub async fn an_invite_is_kept_and_stands_until_it_expires(f: Fixture) {
    let ann = f.user("ann").await;
    let (id, other) = (f.group(&[ann]).await, f.group(&[ann]).await);
    let one = invite(&f, id, Some(ann), Some(3)).await;
    let two = invite(&f, id, None, None).await;
    let three = invite(&f, other, Some(ann), Some(1)).await;
    for invite in [&one, &two, &three] {
        assert_eq!(found(&f, invite, 99).await.as_ref(), Some(invite));
        assert_eq!(found(&f, invite, 100).await, None);
    }
    assert_eq!(standing(&f, id).await, [two.clone(), one.clone()], "the newest first");
    assert_eq!(standing(&f, other).await, std::slice::from_ref(&three));
    assert_eq!(f.read(move |tx| tx.invites(id, date(100))).await, []);
    let unknown = f.read(|tx| tx.invite(&InviteCode::given("nonsense"), date(50))).await;
    assert_eq!(unknown, None);
    let code = one.code.clone();
    f.write(move |tx| tx.invite_delete(&code)).await;
    assert_eq!((found(&f, &one, 50).await, standing(&f, id).await), (None, vec![two]));
}

pub async fn an_invite_ends_with_its_last_use(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let (bounded, unbounded) =
        (invite(&f, id, Some(ann), Some(2)).await, invite(&f, id, Some(ann), None).await);
    for left in [Some(Some(1)), None, None] {
        for invite in [&bounded, &unbounded] {
            let code = invite.code.clone();
            f.write(move |tx| tx.invite_use(&code)).await;
        }
        assert_eq!(found(&f, &bounded, 50).await.map(|invite| invite.uses), left);
        assert_eq!(found(&f, &unbounded, 50).await.as_ref(), Some(&unbounded));
    }
}

pub async fn invites_end_with_the_membership_of_their_maker(f: Fixture) {
    let [ann, bob] = [f.user("ann").await, f.user("bob").await];
    let (id, other) = (f.group(&[ann, bob]).await, f.group(&[ann, bob]).await);
    let anns = invite(&f, id, Some(ann), None).await;
    let bobs = invite(&f, id, Some(bob), None).await;
    let elsewhere = invite(&f, other, Some(bob), None).await;
    let services = invite(&f, id, None, None).await;
    f.write(move |tx| tx.member_set(id, bob, Role::Restrict, date(1))).await;
    assert!(found(&f, &bobs, 50).await.is_some(), "another role changes nothing");
    f.write(move |tx| {
        tx.member_remove(id, bob)?;
        tx.member_set(id, bob, Role::Admin, date(2))
    })
    .await;
    assert_eq!(found(&f, &bobs, 50).await, None, "coming back does not bring it back");
    assert_eq!(standing(&f, id).await, [services, anns.clone()]);
    assert!(found(&f, &elsewhere, 50).await.is_some());
    // The deletion of a user or a group is in force before the rows are gone.
    let (task, erasure) = (f.task(), f.task());
    f.write(move |tx| tx.user_delete(bob, task)).await;
    assert_eq!(found(&f, &elsewhere, 50).await, None);
    f.write(move |tx| tx.group_delete(id, erasure)).await;
    assert_eq!(found(&f, &anns, 50).await, None);
    f.write(move |tx| {
        while tx.group_erase(id, 1)? > 0 {}
        Ok(())
    })
    .await;
    assert_eq!(f.write(|tx| tx.invites_purge(date(200))).await, 1, "those of the other group");
}

pub async fn expired_invites_are_purged_and_no_others(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let invite = invite(&f, id, Some(ann), None).await;
    assert_eq!(f.write(|tx| tx.invites_purge(date(100))).await, 0);
    assert!(found(&f, &invite, 50).await.is_some());
    assert_eq!(f.write(|tx| tx.invites_purge(date(101))).await, 1);
    assert_eq!(found(&f, &invite, 50).await, None);
}
