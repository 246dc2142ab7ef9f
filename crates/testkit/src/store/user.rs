//! Users, names and passwords.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::profile::{Details, Identity, Origin, ProfileCard, UserKind};
use chinwag_core::relation::{Pair, Relation, Relations};
use chinwag_core::token::{Kind, TokenHash};
use chinwag_core::user::User;
use chinwag_core::{Name, UserId};

use super::{Fixture, bare_details, date, name};

pub async fn a_user_is_found_by_number_and_by_name_in_any_case(f: Fixture) {
    let (adam, special) = f
        .write(|tx| {
            let adam = tx.user_insert(&name("Ádam"), false, date(1))?;
            Ok((adam.expect("free"), tx.user_insert(&name("system"), true, date(2))?.expect("free")))
        })
        .await;
    assert_eq!((adam.name.as_str(), adam.special), ("Ádam", false));
    assert_eq!(f.read(|tx| Ok(tx.name_case())).await, f.store.name_case());
    assert_eq!((special.name.as_str(), special.special), ("system", true));
    let found = f
        .read(move |tx| {
            assert_eq!(tx.user(adam.id)?, Some(adam.clone()));
            assert_eq!(tx.user(special.id)?, Some(special.clone()));
            assert_eq!(tx.user_named(&name("áDAM"))?, Some(adam.clone()));
            assert_eq!(tx.user_named(&name("SYSTEM"))?, Some(special.clone()));
            Ok((tx.user(UserId(special.id.0 + 1))?, tx.user_named(&name("adam"))?))
        })
        .await;
    assert_eq!(found, (None, None));
}

pub async fn users_are_answered_in_the_order_of_their_names_with_none_for_the_unknown(f: Fixture) {
    let (a, b) = (f.user("ann").await, f.user("bob").await);
    let found = f
        .read(|tx| tx.users_named(&["bob", "nobody", "ANN", "bob"].map(name)))
        .await
        .into_iter()
        .map(|user| user.map(|user| user.id))
        .collect::<Vec<_>>();
    assert_eq!(found, [Some(b), None, Some(a), Some(b)]);
    assert!(f.read(|tx| tx.users_named(&[])).await.is_empty());
}

pub async fn a_name_that_is_taken_in_another_case_or_looks_taken_makes_no_user(f: Fixture) {
    for (held, asked) in [("Tam", "tAM"), ("росох", "pocox"), ("HET", "НЕТ"), ("ΣΑΣ", "σας")] {
        let (held, asked) = (name(held), name(asked));
        let before = f.write(move |tx| tx.user_insert(&held, false, date(0))).await.expect("free");
        let refused = asked.clone();
        assert_eq!(f.write(move |tx| tx.user_insert(&refused, false, date(0))).await, None, "{asked}");
        let last = f.read(|tx| tx.users_page(None, 100)).await.pop();
        assert_eq!(last, Some(before), "nothing was changed by {asked}");
    }
    // The refused name's other claims are free still: what looks like it alone may be taken.
    for free in ["Tarn", "tami"] {
        f.user(free).await;
    }
}

pub async fn a_rename_frees_the_old_name_and_takes_the_new_one(f: Fixture) {
    let user = f.user("old").await;
    assert!(f.write(move |tx| tx.user_rename(user, &name("new"))).await);
    let named = f.read(move |tx| Ok((tx.user(user)?, tx.user_named(&name("old"))?))).await;
    assert_eq!(named, (Some(User { id: user, name: name("new"), special: false }), None));
    assert_eq!(f.write(|tx| tx.user_insert(&name("NEW"), false, date(0))).await, None);
    assert_ne!(f.user("old").await, user);
}

pub async fn ones_own_name_is_no_hindrance_to_a_rename(f: Fixture) {
    let user = f.user("Tam").await;
    for asked in ["TAM", "tam", "tam"] {
        assert!(f.write(move |tx| tx.user_rename(user, &name(asked))).await, "{asked}");
        assert_eq!(f.read(move |tx| tx.user(user)).await.map(|user| user.name), Some(name(asked)));
    }
}

pub async fn a_rename_to_anothers_name_changes_nothing(f: Fixture) {
    let (tam, ann) = (f.user("росох").await, f.user("ann").await);
    for asked in ["POCOX", "pocox", "росох"] {
        assert!(!f.write(move |tx| tx.user_rename(ann, &name(asked))).await, "{asked}");
    }
    let names = f.read(move |tx| tx.users_named(&["росох", "ann"].map(name))).await;
    assert_eq!(names.into_iter().map(|user| user.map(|u| u.id)).collect::<Vec<_>>(), [Some(tam), Some(ann)]);
    assert_eq!(f.write(|tx| tx.user_insert(&name("ANN"), false, date(0))).await, None, "the claim stands");
}

pub async fn users_are_paged_in_the_order_of_their_making(f: Fixture) {
    let mut made = Vec::new();
    for text in ["zoe", "ann", "Mia", "bob", "eva"] {
        made.push(f.user(text).await);
    }
    for limit in 1..=6 {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = f.read(move |tx| tx.users_page(after, limit)).await;
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            seen.extend(page.into_iter().map(|user| user.id));
        }
        assert_eq!(seen, made, "in pages of {limit}");
    }
}

pub async fn users_match_by_the_beginning_of_a_name_or_display_name(f: Fixture) {
    let mut users = Vec::new();
    for text in ["Élodie", "bob", "el", "Ann", "elan"] {
        users.push(f.user(text).await);
    }
    let (bob, ann) = (users[1], users[3]);
    for (user, shown) in [(bob, Some("ＥＬ Bob")), (ann, Some("El A")), (ann, None)] {
        f.write(move |tx| {
            let mut details = tx.details(&[user])?.pop().flatten().expect("a user");
            details.display_name = shown.map(Into::into);
            tx.profile_set(user, &details)
        })
        .await;
    }
    let matching = async |prefix: &'static str, after: Option<UserId>, limit: usize| {
        let found = f.read(move |tx| tx.users_matching(prefix, after, limit)).await;
        found.into_iter().map(|user| user.id).collect::<Vec<_>>()
    };
    assert_eq!(matching("el", None, 9).await, [users[0], bob, users[2], users[4]]);
    assert_eq!(matching("el", None, 2).await, [users[0], bob]);
    assert_eq!(matching("el", Some(bob), 9).await, [users[2], users[4]]);
    assert_eq!(matching("ela", None, 9).await, [users[4]]);
    assert_eq!(matching("%", None, 9).await, []);
    let elan = users[4];
    assert!(f.write(move |tx| tx.user_rename(elan, &name("zoe"))).await);
    assert_eq!((matching("ela", None, 9).await, matching("zo", None, 9).await), (vec![], vec![elan]));
}

pub async fn a_number_is_never_given_again(f: Fixture) {
    let mut last = UserId(i64::MIN);
    for _ in 0..3 {
        let user = f.user("ann").await;
        assert!(user > last, "numbers ascend");
        let task = f.task();
        f.write(move |tx| tx.user_delete(user, task)).await;
        last = user;
    }
}

pub async fn a_password_is_kept_and_replaced(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    for phc in ["$argon2id$first", "$argon2id$second"] {
        f.write(move |tx| tx.password_set(ann, phc)).await;
        let kept = f.read(move |tx| Ok((tx.password(ann)?, tx.password(bob)?))).await;
        assert_eq!(kept, (Some(phc.to_owned()), None));
    }
}

pub async fn a_deleted_user_leaves_nothing(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let group = f.group(&[ann, bob]).await;
    let (hash, task) = (TokenHash([7; 32]), f.task());
    f.write(move |tx| {
        tx.password_set(ann, "$argon2id$")?;
        tx.token_insert(&hash, ann, Kind::Token, date(9))?;
        tx.pair_set(
            ann,
            bob,
            Pair { mine: Some(Relation::Block), theirs: Some(Relation::Invitation) },
            date(0),
        )?;
        tx.member_remove(group, ann)?;
        tx.user_delete(ann, task)
    })
    .await;
    f.read(move |tx| {
        assert_eq!(tx.user(ann)?, None);
        assert_eq!(tx.user_named(&name("ann"))?, None);
        assert_eq!(tx.user_names(&[ann, bob])?, [(bob, name("bob"))]);
        assert_eq!(tx.users_page(None, 9)?.len(), 1);
        assert_eq!(tx.password(ann)?, None);
        assert_eq!(tx.token(&hash)?, None);
        assert_eq!(tx.pair(bob, ann)?, Pair::default());
        assert_eq!(tx.relations(bob)?, Relations::default());
        assert_eq!(tx.relations_count(bob)?, 0);
        assert_eq!((tx.member(group, ann)?, tx.members(group)?.len()), (None, 1));
        Ok(())
    })
    .await;
    assert!(f.user("ANN").await > ann, "its name is free again");
}

pub async fn a_deleted_users_erased_messages_keep_their_places(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let group = f.group(&[ann, bob]).await;
    let (first, second) = (f.send(group, ann).await, f.send(group, bob).await);
    let task = f.task();
    f.write(move |tx| {
        tx.message_erase(group, first.seq)?;
        tx.member_remove(group, ann)?;
        tx.user_delete(ann, task)
    })
    .await;
    let view = f.read(move |tx| tx.view(group)).await.expect("the group stands");
    assert_eq!(view.messages.iter().map(|m| m.seq).collect::<Vec<_>>(), [second.seq]);
    assert_eq!(view.group.head, second.seq);
    assert_eq!(f.send(group, bob).await.seq, second.seq.next());
}

pub async fn a_name_is_kept_to_the_byte(f: Fixture) {
    for text in ["Élodie", "名前", "محمد", "o'neil"] {
        let user = f.user(text).await;
        let kept: Option<Name> = f.read(move |tx| tx.user(user)).await.map(|user| user.name);
        assert_eq!(kept, Some(name(text)));
    }
}

pub async fn an_origin_is_the_hosts_until_it_is_set(f: Fixture) {
    let (ann, _) = (f.user("Ann").await, f.user("bob").await);
    for origin in [Origin::Host, Origin::Account, Origin::Host] {
        f.write(move |tx| tx.origin_set(ann, origin)).await;
        let found = f.read(|tx| Ok((tx.identity(&name("ANN"))?, tx.identity(&name("eve"))?))).await;
        let user = User { id: ann, name: name("Ann"), special: false };
        assert_eq!(found, (Some(Identity { user, origin, suspension: None, provided: false }), None));
        assert_eq!(details(&f, ann).await.map(|details| details.origin), Some(origin));
    }
    let bob = f.read(|tx| tx.identity(&name("bob"))).await.expect("he is there");
    assert_eq!(bob.origin, Origin::Host);
}

pub async fn a_profile_is_kept_and_cleared(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let bare = bare_details();
    let full = Details {
        kind: UserKind::Bot,
        display_name: Some("Ann Lée".into()),
        avatar: Some("https://app.example/ann.png".into()),
        data: Some(r#"{"a":[1,2.5,null]}"#.into()),
        ..bare.clone()
    };
    assert_eq!(details(&f, ann).await, Some(bare.clone()));
    for set in [full.clone(), bare.clone(), full] {
        let kept = set.clone();
        f.write(move |tx| tx.profile_set(ann, &kept)).await;
        let mut named = f.read(move |tx| tx.user_names(&[bob, UserId(i64::MAX), ann])).await;
        named.sort_unstable_by_key(|(id, _)| *id);
        assert_eq!(
            named.iter().map(|(id, name)| (*id, name.as_str())).collect::<Vec<_>>(),
            [(ann, "ann"), (bob, "bob")]
        );
        let found = f.read(move |tx| tx.details(&[bob, UserId(i64::MAX), ann])).await;
        assert_eq!(found, [Some(bare.clone()), None, Some(set)]);
    }
}

pub async fn cards_are_of_users_with_a_profile_in_order_of_name(f: Fixture) {
    let (ann, bob, cat) = (f.user("ann").await, f.user("bob").await, f.user("cat").await);
    let cards = async || f.read(move |tx| tx.cards(&[cat, bob, UserId(i64::MAX), ann])).await;
    assert_eq!(cards().await, []);
    let bare = details(&f, ann).await.expect("ann is there");
    let (shown, bot) = (Some("Cat".into()), UserKind::Bot);
    for (user, set) in [
        (cat, Details { display_name: shown.clone(), ..bare.clone() }),
        (ann, Details { kind: bot, ..bare.clone() }),
        (bob, Details { data: Some("{}".into()), ..bare }),
    ] {
        f.write(move |tx| tx.profile_set(user, &set)).await;
    }
    let card = |text, display_name, kind| ProfileCard { name: name(text), display_name, avatar: None, kind };
    assert_eq!(cards().await, [card("ann", None, bot), card("cat", shown, UserKind::Person)]);
}

pub async fn the_time_of_several_users_is_set_at_once(f: Fixture) {
    let (ann, bob, cat) = (f.user("ann").await, f.user("bob").await, f.user("cat").await);
    let seen = async |user| details(&f, user).await.expect("the user is there").last_seen;
    for seconds in [7, 8] {
        f.write(move |tx| tx.last_seen_set(&[ann, UserId(i64::MAX), cat], date(seconds))).await;
        let at = Some(date(seconds));
        assert_eq!((seen(ann).await, seen(bob).await, seen(cat).await), (at, None, at));
    }
}

async fn details(f: &Fixture, user: UserId) -> Option<Details> {
    f.read(move |tx| tx.details(&[user])).await.pop().flatten()
}

pub async fn a_password_is_taken_away(f: Fixture) {
    let ann = f.user("ann").await;
    f.write(move |tx| tx.password_set(ann, "$argon2id$")).await;
    for _ in 0..2 {
        f.write(move |tx| tx.password_delete(ann)).await;
        assert_eq!(f.read(move |tx| tx.password(ann)).await, None);
    }
}

pub async fn a_held_name_is_held_until_its_date(f: Fixture) {
    let claims = || vec!["ann".to_owned(), "росох".to_owned()];
    let held = async |claim: &str, now| {
        let claims = ["nobody".to_owned(), claim.to_owned()];
        f.read(move |tx| tx.names_held(&claims, date(now))).await
    };
    f.write(move |tx| tx.names_hold(&claims(), date(10))).await;
    assert!(
        held("ann", 9).await && held("росох", 9).await && !held("ann", 10).await && !held("bob", 9).await
    );
    f.write(move |tx| tx.names_hold(&["ann".to_owned()], date(20))).await;
    f.write(move |tx| tx.names_hold(&["ann".to_owned()], date(5))).await;
    assert!(held("ann", 19).await && !held("росох", 19).await, "the later date counts");
    f.write(move |tx| tx.names_release(&["ann".to_owned(), "bob".to_owned()])).await;
    assert!(!held("ann", 0).await && held("росох", 9).await);
    f.read(|tx| tx.names_held(&[], date(0))).await.then(|| panic!("no name is held"));
}

pub async fn held_names_are_purged_after_their_date(f: Fixture) {
    let claims = |from: usize| (from..from + 600).map(|n| format!("u{n}")).collect::<Vec<_>>();
    f.write(move |tx| tx.names_hold(&claims(0), date(1))).await;
    f.write(move |tx| tx.names_hold(&claims(600), date(2))).await;
    f.write(move |tx| tx.names_hold(&["kept".to_owned()], date(4))).await;
    let purged = async || f.write(|tx| tx.names_purge(date(3))).await;
    assert_eq!((purged().await, purged().await, purged().await), (1000, 200, 0));
    assert!(f.read(|tx| tx.names_held(&["kept".to_owned()], date(3))).await);
}
