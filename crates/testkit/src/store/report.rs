//! Reports of messages.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::report::{MessageReport, NewReport, ReportState};
use chinwag_core::{ReportId, UserId};

use super::{Fixture, date, name, uuid};

/// A report with this number as its id, on this day.
async fn report(f: &Fixture, number: i64, author: UserId, reporter: UserId) -> NewReport {
    let group = f.group(&[author, reporter]).await;
    let message = f.send(group, author).await;
    let report = NewReport {
        id: ReportId(uuid(number)),
        message: message.id,
        group,
        author,
        reporter,
        body: "bad words".into(),
        reason: "rude".into(),
        date: date(number),
    };
    let kept = report.clone();
    f.write(move |tx| tx.report_insert(&kept)).await;
    report
}

async fn stored(f: &Fixture, report: &NewReport) -> MessageReport {
    let id = report.id;
    f.read(move |tx| tx.report(id)).await.expect("a report")
}

pub async fn report_is_kept_with_the_names_of_its_users(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let made = report(&f, 1, ann, bob).await;
    let expected = MessageReport {
        id: made.id,
        message: made.message,
        group: made.group,
        author: Some(name("ann")),
        reporter: Some(name("bob")),
        body: Some("bad words".into()),
        reason: Some("rude".into()),
        state: ReportState::Open,
        note: None,
        date: made.date,
    };
    assert_eq!(stored(&f, &made).await, expected);
    let NewReport { id, message, .. } = made;
    let found = f
        .read(move |tx| {
            let by = (tx.report_by(message, bob)?, tx.report_by(message, ann)?);
            Ok((by, tx.is_reported(message)?, tx.report(ReportId(uuid(9)))?))
        })
        .await;
    assert_eq!(found, ((Some(id), None), true, None));
    f.write(move |tx| {
        tx.report_reason_set(id, "worse")?;
        tx.report_state_set(id, ReportState::Open, Some("seen"))
    })
    .await;
    let noted = MessageReport { reason: Some("worse".into()), note: Some("seen".into()), ..expected };
    assert_eq!(stored(&f, &made).await, noted);
    f.write(move |tx| tx.report_state_set(id, ReportState::Resolved, None)).await;
    f.write(move |tx| tx.report_state_set(id, ReportState::Open, None)).await;
    let opened = MessageReport { body: None, note: None, ..noted };
    assert_eq!(stored(&f, &made).await, opened, "the text is gone for good");
}

pub async fn reports_are_paged_from_the_newest(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    for number in 1..=5 {
        let made = report(&f, number, ann, bob).await;
        if number % 2 == 0 {
            f.write(move |tx| tx.report_state_set(made.id, ReportState::Dismissed, None)).await;
        }
    }
    let page = async |state, before: Option<i64>, limit| {
        let before = before.map(|number| ReportId(uuid(number)));
        let page = f.read(move |tx| tx.reports_page(state, before, limit)).await;
        page.into_iter().map(|report| report.id.0.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(page(None, None, 3).await, [5, 4, 3]);
    assert_eq!(page(None, Some(3), 3).await, [2, 1]);
    assert_eq!(page(Some(ReportState::Open), None, 2).await, [5, 3]);
    assert_eq!(page(Some(ReportState::Open), Some(3), 2).await, [1]);
    assert_eq!(page(Some(ReportState::Resolved), None, 9).await, [0; 0]);
}

pub async fn reports_of_a_reporter_are_paged_from_the_oldest(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    for number in 1..=4 {
        report(&f, number, ann, if number == 2 { ann } else { bob }).await;
    }
    let page = async |after: Option<i64>, limit| {
        let after = after.map(|number| ReportId(uuid(number)));
        let page = f.read(move |tx| tx.reports_written(bob, after, limit)).await;
        page.into_iter().map(|report| report.id.0.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2).await, [1, 3]);
    assert_eq!(page(Some(3), 2).await, [4]);
}

pub async fn old_closed_reports_are_deleted(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let states = [ReportState::Resolved, ReportState::Open, ReportState::Dismissed, ReportState::Resolved];
    for (number, state) in (1..).zip(states) {
        let made = report(&f, number, ann, bob).await;
        f.write(move |tx| tx.report_state_set(made.id, state, None)).await;
    }
    assert_eq!(f.write(|tx| tx.reports_purge(date(4), 9)).await, 2);
    assert_eq!(f.write(|tx| tx.reports_purge(date(4), 9)).await, 0);
    let left = f.read(|tx| tx.reports_page(None, None, 9)).await;
    assert_eq!(left.iter().map(|report| report.id.0.as_u128()).collect::<Vec<_>>(), [4, 2]);
}

pub async fn reported_text_ends_with_its_author_and_its_time(f: Fixture) {
    let (ann, bob, cat) = (f.user("ann").await, f.user("bob").await, f.user("cat").await);
    let made = [report(&f, 1, ann, bob).await, report(&f, 2, ann, cat).await, report(&f, 3, bob, cat).await];
    assert_eq!(f.write(|tx| tx.reports_expire(date(2), 9)).await, 1);
    assert_eq!(f.write(|tx| tx.reports_expire(date(2), 9)).await, 0);
    assert_eq!(stored(&f, &made[0]).await.body, None);
    let task = f.task();
    f.write(move |tx| tx.user_delete(ann, task)).await;
    let gone = stored(&f, &made[1]).await;
    assert_eq!((gone.author, gone.body), (None, None), "at once");
    assert_eq!(gone.reason.as_deref(), Some("rude"));
    assert_eq!(f.write(move |tx| tx.reports_forget(ann, 9)).await, 1);
    assert_eq!(f.write(move |tx| tx.reports_forget(ann, 9)).await, 0);
    let task = f.task();
    f.write(move |tx| tx.user_delete(cat, task)).await;
    let gone = stored(&f, &made[2]).await;
    assert_eq!((gone.reporter, gone.reason, gone.body.as_deref()), (None, None, Some("bad words")));
    assert_eq!(f.write(move |tx| tx.reports_forget(cat, 1)).await, 1);
    assert_eq!(f.write(move |tx| tx.reports_forget(cat, 1)).await, 1);
    assert_eq!(f.write(move |tx| tx.reports_forget(cat, 1)).await, 0);
}
