//! The users whom a provider of OpenID Connect identifies.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::UserId;
use chinwag_core::oidc::ProviderIdentity;

use super::{Fixture, date, name};

fn identity(issuer: &str, subject: &str) -> ProviderIdentity {
    ProviderIdentity::parse(issuer, subject).expect("it fits")
}

async fn give(f: &Fixture, identity: &ProviderIdentity, user: UserId) {
    let identity = identity.clone();
    f.write(move |tx| tx.provider_identity_insert(&identity, user, date(1))).await;
}

async fn found(f: &Fixture, identity: &ProviderIdentity) -> Option<UserId> {
    let identity = identity.clone();
    f.read(move |tx| tx.provider_user(&identity)).await
}

pub async fn provider_identity_finds_its_user_alone(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (of_ann, of_bob) = (identity("https://id.example", "7"), identity("https://id.example", "é 8"));
    give(&f, &of_ann, ann).await;
    give(&f, &of_bob, bob).await;
    assert_eq!(found(&f, &of_ann).await, Some(ann));
    assert_eq!(found(&f, &of_bob).await, Some(bob));
    let provided = async |text| f.read(move |tx| tx.identity(&name(text))).await.map(|found| found.provided);
    assert_eq!((provided("ann").await, provided("bob").await), (Some(true), Some(true)));
    for other in [identity("https://id.example/", "7"), identity("https://id.example", "É 8")] {
        assert_eq!(found(&f, &other).await, None, "{other:?}");
    }
    assert_eq!(f.read(move |tx| tx.provider_identities(ann)).await, std::slice::from_ref(&of_ann));
    f.write(move |tx| tx.provider_identities_delete(ann)).await;
    assert_eq!((found(&f, &of_ann).await, found(&f, &of_bob).await), (None, Some(bob)));
    assert_eq!((provided("ann").await, provided("bob").await), (Some(false), Some(true)));
}

pub async fn provider_identity_ends_with_its_user(f: Fixture) {
    let ann = f.user("ann").await;
    let of_ann = identity("https://id.example", "7");
    give(&f, &of_ann, ann).await;
    let task = f.task();
    f.write(move |tx| tx.user_delete(ann, task)).await;
    assert_eq!(found(&f, &of_ann).await, None);
    let again = f.user("ann").await;
    give(&f, &of_ann, again).await;
    assert_eq!(found(&f, &of_ann).await, Some(again));
}
