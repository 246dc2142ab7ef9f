//! The list of open groups.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::group_details::GroupDetails;
use chinwag_core::store::{OpenGroupRow, OpenPlace, open_key};
use chinwag_core::{GroupId, UserId};

use super::Fixture;

/// A new group of these users that anyone may join.
async fn open(f: &Fixture, title: &str, members: &[UserId]) -> GroupId {
    let (id, title) = (f.group(members).await, title.to_owned());
    f.write(move |tx| {
        tx.group_details_set(id, &GroupDetails { is_open: true, ..GroupDetails::default() })?;
        tx.group_rename(id, &title)
    })
    .await;
    id
}

async fn page(f: &Fixture, prefix: &str, after: Option<OpenPlace>, limit: usize) -> Vec<OpenGroupRow> {
    let prefix = open_key(prefix);
    f.read(move |tx| tx.open_groups(&prefix, after.as_ref(), limit)).await
}

async fn titles(f: &Fixture, prefix: &str) -> Vec<String> {
    page(f, prefix, None, 99).await.iter().map(|found| found.group.name.to_string()).collect()
}

pub async fn open_groups_are_found_by_the_beginning_of_a_name(f: Fixture) {
    let ann = f.user("ann").await;
    for title in ["Tea", "Éclairs", "teapots", "Ｔｅａ with milk", "Coffee", "50% off", "50 cents"] {
        open(&f, title, &[ann]).await;
    }
    f.group(&[ann]).await;
    assert_eq!(titles(&f, "TEA").await, ["Tea", "Ｔｅａ with milk", "teapots"]);
    assert_eq!(titles(&f, "ecl").await, ["Éclairs"]);
    assert_eq!(titles(&f, "50%").await, ["50% off"]);
    assert_eq!(titles(&f, "").await.len(), 7);
    assert_eq!(titles(&f, "milk").await, Vec::<String>::new());
    // Of a long name the beginning counts.
    let long = "x".repeat(200);
    open(&f, &long, &[ann]).await;
    assert_eq!(titles(&f, &long).await, [long.as_str()]);
    assert_eq!(titles(&f, "xxx").await, [long.as_str()]);
}

pub async fn open_groups_are_paged_by_name_with_their_members(f: Fixture) {
    let [ann, bob] = [f.user("ann").await, f.user("bob").await];
    let same = [open(&f, "same", &[ann]).await, open(&f, "same", &[ann, bob]).await];
    let (last, first) = (open(&f, "tea", &[bob]).await, open(&f, "a", &[bob]).await);
    let all = page(&f, "", None, 9).await;
    let ids: Vec<_> = all.iter().map(|found| found.group.id).collect();
    assert_eq!(ids, [first, same[0], same[1], last]);
    assert_eq!(all.iter().map(|found| found.members_count).collect::<Vec<_>>(), [1, 1, 2, 1]);
    let mut paged = page(&f, "", None, 1).await;
    while paged.len() < all.len() {
        let after = paged.last().map(|found| found.place.clone());
        paged.extend(page(&f, "", after, 1).await);
    }
    assert_eq!(paged, all);
    assert_eq!(page(&f, "", paged.last().map(|found| found.place.clone()), 9).await, []);
    // A deleted user is no member, whatever is left of it.
    let task = f.task();
    f.write(move |tx| tx.user_delete(bob, task)).await;
    assert_eq!(page(&f, "same", None, 9).await[1].members_count, 1);
}

pub async fn a_group_is_listed_while_it_is_open_and_stands(f: Fixture) {
    let ann = f.user("ann").await;
    let (id, other) = (open(&f, "tea", &[ann]).await, open(&f, "coffee", &[ann]).await);
    f.write(move |tx| tx.group_rename(id, "cake")).await;
    assert_eq!(titles(&f, "").await, ["cake", "coffee"]);
    f.write(move |tx| tx.group_details_set(id, &GroupDetails::default())).await;
    f.write(move |tx| tx.group_rename(id, "biscuits")).await;
    assert_eq!(titles(&f, "").await, ["coffee"]);
    f.write(move |tx| {
        tx.group_details_set(id, &GroupDetails { is_open: true, slow: 5, ..GroupDetails::default() })
    })
    .await;
    assert_eq!(titles(&f, "bis").await, ["biscuits"]);
    let task = f.task();
    f.write(move |tx| tx.group_delete(other, task)).await;
    assert_eq!(titles(&f, "").await, ["biscuits"]);
}
