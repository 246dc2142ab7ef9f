//! The audit log.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use std::slice;

use chinwag_core::AuditId;
use chinwag_core::audit::{AuditAction, AuditEntry, AuditFilter};

use super::{Fixture, date, uuid};

/// An entry with this number as its id, on this day.
fn entry(number: i64, actor: &str, action: AuditAction, target: Option<&str>) -> AuditEntry {
    AuditEntry {
        id: AuditId(uuid(number)),
        date: date(number),
        actor: Some(actor.into()),
        action: action.as_str().into(),
        target: target.map(Into::into),
        address: (number % 2 == 0).then(|| "192.0.2.1".into()),
        detail: (number == 1).then(|| "more".into()),
    }
}

async fn keep(f: &Fixture, entries: &[AuditEntry]) {
    let kept = entries.to_vec();
    f.write(move |tx| kept.iter().try_for_each(|entry| tx.audit_insert(entry))).await;
}

async fn page(f: &Fixture, filter: AuditFilter, before: Option<i64>, limit: usize) -> Vec<AuditEntry> {
    let before = before.map(|number| AuditId(uuid(number)));
    f.read(move |tx| tx.audit_page(&filter, before, limit)).await
}

pub async fn audit_is_paged_from_the_newest_by_each_filter(f: Fixture) {
    let all = [
        entry(1, "service", AuditAction::UserCreate, Some("ann")),
        entry(2, "ann", AuditAction::SessionCreate, Some("ann")),
        entry(3, "service", AuditAction::UserDelete, Some("ann")),
        entry(4, "service", AuditAction::Import, None),
    ];
    keep(&f, &all).await;
    let [one, two, three, four] = all;
    let none = AuditFilter::default();
    assert_eq!(page(&f, none.clone(), None, 3).await, [four.clone(), three.clone(), two.clone()]);
    assert_eq!(page(&f, none.clone(), Some(2), 3).await, slice::from_ref(&one));
    let by = AuditFilter { actor: Some("service".into()), ..none.clone() };
    assert_eq!(page(&f, by.clone(), None, 2).await, [four.clone(), three.clone()]);
    assert_eq!(page(&f, by, Some(3), 2).await, slice::from_ref(&one));
    let by = AuditFilter { target: Some("ann".into()), ..none.clone() };
    assert_eq!(page(&f, by, None, 9).await, [three.clone(), two.clone(), one]);
    let by = AuditFilter { address: Some("192.0.2.1".into()), ..none.clone() };
    assert_eq!(page(&f, by, None, 9).await, [four, two]);
    let by = AuditFilter { action: Some(AuditAction::UserDelete), ..none };
    assert_eq!(page(&f, by, None, 9).await, [three]);
}

pub async fn old_entries_of_the_audit_are_removed_in_steps(f: Fixture) {
    let all: Vec<_> = (1..=5).map(|day| entry(day, "service", AuditAction::Import, None)).collect();
    keep(&f, &all).await;
    assert_eq!(f.write(|tx| tx.audit_purge(date(4), 2)).await, 2);
    assert_eq!(f.write(|tx| tx.audit_purge(date(4), 2)).await, 1);
    assert_eq!(f.write(|tx| tx.audit_purge(date(4), 2)).await, 0);
    let left: Vec<_> =
        page(&f, AuditFilter::default(), None, 9).await.iter().map(|entry| entry.date).collect();
    assert_eq!(left, [date(5), date(4)]);
}
