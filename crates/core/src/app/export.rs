//! The export of a user's data, part by part and page by page. Each page authorises the caller again.

use super::user::editable;
use super::{App, Context};
use crate::file::StoredFile;
use crate::group_settings::GroupSettings;
use crate::message::Message;
use crate::oidc::ProviderIdentity;
use crate::permission::Role;
use crate::profile::Details;
use crate::push::Subscription;
use crate::relation::Relations;
use crate::report::MessageReport;
use crate::session::UserSession;
use crate::store::{ReactionPlace, Tx, WrittenReaction};
use crate::suspension::UserStanding;
use crate::user::{Caller, Settings, User};
use crate::{Date, Error, FileId, GroupId, Name, ReportId, Result, Seq, UserId};

/// The most rows per page.
pub const EXPORT_PAGE: usize = 100;

/// A user whose data is exported, with the data that is not paged.
#[derive(Debug, Clone)]
pub struct ExportedUser {
    pub user: User,
    pub details: Details,
    pub settings: Settings,
    /// Users who block this user are not included.
    pub relations: Relations,
    /// Newest first.
    pub sessions: Vec<UserSession>,
    pub identities: Vec<ProviderIdentity>,
    /// The subscriptions to notifications.
    pub devices: Vec<ExportedDevice>,
    /// The decisions of the service and of admins about the user.
    pub standing: UserStanding,
}

/// A browser or phone to which notifications are pushed.
#[derive(Debug, Clone)]
pub struct ExportedDevice {
    /// The full URL at the push service, which is a secret of the device. Only its host may be exported.
    pub endpoint: String,
    pub created: Date,
    /// The date at which the client last sent the subscription.
    pub sent: Date,
}

/// A user's membership in a group.
#[derive(Debug, Clone)]
pub struct ExportedMembership {
    pub group: GroupId,
    pub role: Role,
    pub since: Date,
    /// Whether the user has not accepted the group yet.
    pub pending: bool,
    /// Number and date of the last message read, if any.
    pub last_read: Option<(Seq, Date)>,
    pub settings: GroupSettings,
}

impl App {
    /// The user whose data is exported. For the user itself and for services.
    pub async fn export_user(&self, context: &Context, name: Name) -> Result<ExportedUser> {
        let query = (name, self.user_rules().directory, self.clock().now());
        self.read(context, query, |tx, caller, (name, directory, now)| {
            let user = editable(tx, caller, *directory, name)?;
            let details = tx.details(&[user.id])?.pop().flatten().ok_or(Error::NotFound("user"))?;
            let mut relations = tx.relations(user.id)?;
            relations.blocked_by.clear();
            let devices = tx.subscriptions(user.id, *now)?;
            Ok(ExportedUser {
                details,
                settings: tx.settings(user.id)?,
                relations,
                sessions: tx.sessions(user.id, *now)?,
                identities: tx.provider_identities(user.id)?,
                devices: devices.iter().map(exported_device).collect(),
                standing: tx.user_standing(user.id)?.map(|(_, standing)| standing).unwrap_or_default(),
                user,
            })
        })
        .await
    }

    /// The next page of a user's memberships, in order of the groups' ids.
    pub async fn export_memberships(
        &self,
        context: &Context,
        user: UserId,
        after: Option<GroupId>,
    ) -> Result<Vec<ExportedMembership>> {
        self.read(context, (user, after), |tx, caller, (user, after)| {
            require(caller, *user)?;
            let groups = tx.groups_of(*user, *after, EXPORT_PAGE)?;
            groups.iter().map(|group| membership(tx, group.id, *user)).collect()
        })
        .await
    }

    /// The next page of the groups in which the user may have written.
    pub async fn export_groups(
        &self,
        context: &Context,
        user: UserId,
        after: Option<GroupId>,
    ) -> Result<Vec<GroupId>> {
        self.read(context, (user, after), |tx, caller, (user, after)| {
            require(caller, *user)?;
            tx.groups_written(*user, *after, EXPORT_PAGE)
        })
        .await
    }

    /// The next page of a user's messages in a group. Empty if the group no longer exists.
    pub async fn export_messages(
        &self,
        context: &Context,
        (user, group): (UserId, GroupId),
        after: Seq,
    ) -> Result<Vec<Message>> {
        self.read(context, (user, group, after), |tx, caller, (user, group, after)| {
            require(caller, *user)?;
            if tx.group(*group)?.is_none() {
                return Ok(Vec::new());
            }
            tx.messages_written(*group, *user, *after, EXPORT_PAGE)
        })
        .await
    }

    /// The next page of a user's reactions in a group. Empty if the group no longer exists.
    pub async fn export_reactions(
        &self,
        context: &Context,
        (user, group): (UserId, GroupId),
        after: ReactionPlace,
    ) -> Result<Vec<WrittenReaction>> {
        self.read(context, (user, group, after), |tx, caller, (user, group, after)| {
            require(caller, *user)?;
            if tx.group(*group)?.is_none() {
                return Ok(Vec::new());
            }
            tx.reactions_written(*group, *user, *after, EXPORT_PAGE)
        })
        .await
    }

    /// The next page of the reports that a user has made.
    pub async fn export_reports(
        &self,
        context: &Context,
        user: UserId,
        after: Option<ReportId>,
    ) -> Result<Vec<MessageReport>> {
        self.read(context, (user, after), |tx, caller, (user, after)| {
            require(caller, *user)?;
            tx.reports_written(*user, *after, EXPORT_PAGE)
        })
        .await
    }

    /// The next page of a user's complete files, and the last file that was examined, which is the cursor.
    pub async fn export_files(
        &self,
        context: &Context,
        user: UserId,
        after: Option<FileId>,
    ) -> Result<(Vec<StoredFile>, Option<FileId>)> {
        self.read(context, (user, after), |tx, caller, (user, after)| {
            require(caller, *user)?;
            let rows = tx.files_written(*user, *after, EXPORT_PAGE)?;
            let last = rows.last().map(|row| row.id);
            Ok((rows.into_iter().filter_map(|row| row.file).collect(), last))
        })
        .await
    }
}

/// Returns 403 unless the caller is the user itself or a service.
fn require(caller: Caller, user: UserId) -> Result<()> {
    match caller {
        Caller::Service => Ok(()),
        Caller::User(id) if id == user => Ok(()),
        Caller::User(_) => Err(Error::forbidden("you may export only your own data")),
    }
}

fn exported_device(subscription: &Subscription) -> ExportedDevice {
    let Subscription { endpoint, created, sent, .. } = subscription;
    ExportedDevice { endpoint: endpoint.clone(), created: *created, sent: *sent }
}

fn membership(tx: &dyn Tx, group: GroupId, user: UserId) -> Result<ExportedMembership> {
    let member =
        tx.member(group, user)?.ok_or_else(|| Error::internal("a member is gone within one transaction"))?;
    Ok(ExportedMembership {
        group,
        role: member.role,
        since: member.since,
        pending: member.pending,
        last_read: tx.mark(group, user)?.last_read,
        settings: tx.group_settings(group, user)?,
    })
}
