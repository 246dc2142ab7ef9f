//! Suspensions and admins.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::suspension::{Suspension, UserStanding};
use chinwag_core::token::{Kind, TokenHash};

use super::{Fixture, date, name};

fn suspended(until: i64, reason: Option<&str>) -> UserStanding {
    let suspension = Suspension { until: date(until), reason: reason.map(Into::into) };
    UserStanding { admin: false, suspension: Some(suspension) }
}

pub async fn standing_of_a_user_is_kept_as_it_was_set(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let none = UserStanding::default();
    for standing in [
        UserStanding { admin: true, ..none.clone() },
        suspended(50, Some("späm")),
        UserStanding { admin: true, ..suspended(60, None) },
        none.clone(),
    ] {
        let set = standing.clone();
        f.write(move |tx| tx.user_standing_set(ann, &set)).await;
        let (user, found) = f.read(move |tx| tx.user_standing(ann)).await.expect("a user");
        assert_eq!((user.id, user.name, found), (ann, name("ann"), standing));
    }
    assert_eq!(f.read(move |tx| tx.user_standing(bob)).await.map(|(_, standing)| standing), Some(none));
    let task = f.task();
    f.write(move |tx| tx.user_delete(bob, task)).await;
    assert_eq!(f.read(move |tx| tx.user_standing(bob)).await, None);
}

pub async fn suspension_is_found_with_tokens_and_names(f: Fixture) {
    let (ann, bob, cat) = (f.user("ann").await, f.user("bob").await, f.user("cat").await);
    let hash = TokenHash::of("secret");
    f.write(move |tx| {
        tx.token_insert(&hash, ann, Kind::Token, date(100))?;
        tx.user_standing_set(ann, &suspended(50, Some("spam")))?;
        tx.user_standing_set(cat, &suspended(40, None))
    })
    .await;
    let wanted = suspended(50, Some("spam")).suspension;
    assert_eq!(f.read(move |tx| tx.token(&hash)).await.expect("a token").suspension, wanted);
    assert_eq!(f.read(|tx| tx.identity(&name("ann"))).await.expect("a user").suspension, wanted);
    assert_eq!(f.read(|tx| tx.identity(&name("bob"))).await.expect("a user").suspension, None);
    for (now, mut expected) in [(39, vec![ann, cat]), (40, vec![ann]), (50, vec![])] {
        let mut found = f.read(move |tx| tx.users_suspended(&[ann, bob, cat], date(now))).await;
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{now}");
    }
}
