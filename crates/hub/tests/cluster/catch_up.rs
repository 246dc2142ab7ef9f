//! The events for log entries that a node missed and reads from the store.

use std::sync::Arc;

use chinwag_core::app::catch_up::{CatchUpRequest, catch_up};
use chinwag_core::entry::{Change, GroupEntry};
use chinwag_core::event::{Audience, Kind};
use chinwag_core::log::LogEntry;
use chinwag_core::permission::Role;
use chinwag_core::relation::{Pair, Relation};
use chinwag_core::{Date, GroupId, Seq};
use uuid::Uuid;

use crate::harness::{NOW, World, name_of, quiet};

const GROUP: GroupId = GroupId(Uuid::from_u128(1));

#[tokio::test]
async fn each_missed_change_has_its_number_and_its_entry() {
    let world = World::new(quiet());
    let [ann, ben] = world.users(["ann", "ben"]).await;
    let names: [Arc<str>; 2] = ["tea".into(), "cake".into()];
    let stored = names.clone();
    let found = world.store.write(move |tx, _| {
        tx.group_insert(GROUP, "group", Some((ann, ben)))?;
        tx.member_set(GROUP, ann, Role::Member, Date::from_micros(NOW))?;
        for name in &stored {
            let seq = tx.seq_take(GROUP, 1)?;
            let changes = vec![Change::Renamed(name.clone())];
            let entry = GroupEntry { date: Date::from_micros(NOW), by: Some(ann), changes };
            tx.entry_insert(GROUP, seq, &LogEntry::GroupChanged, &entry)?;
        }
        // Ann has blocked Ben, who therefore does not receive her new name.
        let pair = Pair { mine: Some(Relation::Block), theirs: None };
        tx.pair_set(ann, ben, pair, Date::from_micros(NOW))?;
        let seq = tx.seq_take(GROUP, 1)?;
        let renamed = LogEntry::MemberRenamed { user: ann, name: name_of("ann"), new_name: name_of("anna") };
        tx.log_insert(GROUP, seq, &renamed)?;
        let asked = CatchUpRequest { group: GROUP, after: Seq(0), upto: seq, users: Vec::new(), view: false };
        catch_up(tx, &asked)
    });
    let events = found.await.expect("the store reads").expect("the group is there").events;
    for ((event, name), seq) in events.iter().zip(names).zip(1..) {
        let Kind::GroupUpdate { entry: Some(entry), .. } = &event.kind else { panic!("{event:?}") };
        assert_eq!((event.seq, entry.seq), (Some(Seq(seq)), Seq(seq)));
        assert_eq!((&entry.by, &entry.changes), (&Some(name_of("ann")), &vec![Change::Renamed(name)]));
    }
    let [_, _, renamed, passed] = &events[..] else { panic!("{events:?}") };
    assert!(matches!(renamed.kind, Kind::UserUpdate { .. }), "{renamed:?}");
    assert_eq!((&renamed.to, renamed.seq), (&Audience::Others(GROUP, vec![ben]), None));
    assert!(matches!(passed.kind, Kind::MemberChanged { left: None, .. }), "{passed:?}");
    assert_eq!(passed.seq, Some(Seq(3)));
}
