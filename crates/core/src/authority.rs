//! Authority over the whole server, as one pure function: the actions open to admins, and those open only to
//! the service. For rights within a group, see [`permission`](crate::permission).

use crate::{Error, Result};

/// The authority of a caller, in ascending order of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authority {
    /// An ordinary user.
    User,
    /// A user that the service has appointed as an admin.
    Admin,
    /// The host application's backend.
    Service,
}

/// An action of server administration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Govern {
    /// Appoint an admin, or revoke the appointment.
    NameAdmin,
    /// Suspend a user, or lift a suspension.
    Suspend,
    /// Suspend an admin, or lift the suspension.
    SuspendAdmin,
    /// List and read all users, without their relations and settings.
    SeeUsers,
    /// List and read all groups, without their messages.
    SeeGroups,
    /// List and read webhooks and their delivery attempts.
    SeeWebhooks,
    /// Read the query strings of webhook addresses, which may contain secrets.
    SeeWebhookQueries,
    /// Read the settings of the server.
    SeeSettings,
    /// Read the audit log.
    SeeAudit,
    /// List the files of a user, without their content.
    SeeFiles,
    /// List the sessions and tokens of a user, and end them.
    EndSessions,
    /// Read reports, including the text of the reported messages, and close them.
    HandleReports,
    /// Delete a message that has a report.
    DeleteReported,
}

/// Whether a caller with this authority may do `act`.
pub(crate) fn may_govern(authority: Authority, act: Govern) -> bool {
    match act {
        Govern::NameAdmin | Govern::SuspendAdmin | Govern::SeeWebhookQueries => {
            authority == Authority::Service
        }
        Govern::Suspend
        | Govern::SeeUsers
        | Govern::SeeGroups
        | Govern::SeeWebhooks
        | Govern::SeeSettings
        | Govern::SeeAudit
        | Govern::SeeFiles
        | Govern::EndSessions
        | Govern::HandleReports
        | Govern::DeleteReported => authority >= Authority::Admin,
    }
}

/// Returns 403 if the caller's authority does not allow `act`.
pub(crate) fn allow_govern(authority: Authority, act: Govern) -> Result<()> {
    if may_govern(authority, act) {
        Ok(())
    } else if may_govern(Authority::Admin, act) {
        Err(Error::forbidden("only the service and admins may do this"))
    } else {
        Err(Error::forbidden("only the service may do this"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected result per action, for an admin and for the service. A user may do none of them.
    const TABLE: [(Govern, [bool; 2]); 13] = [
        (Govern::NameAdmin, [false, true]),
        (Govern::Suspend, [true, true]),
        (Govern::SuspendAdmin, [false, true]),
        (Govern::SeeUsers, [true, true]),
        (Govern::SeeGroups, [true, true]),
        (Govern::SeeWebhooks, [true, true]),
        (Govern::SeeWebhookQueries, [false, true]),
        (Govern::SeeSettings, [true, true]),
        (Govern::SeeAudit, [true, true]),
        (Govern::SeeFiles, [true, true]),
        (Govern::EndSessions, [true, true]),
        (Govern::HandleReports, [true, true]),
        (Govern::DeleteReported, [true, true]),
    ];

    #[test]
    fn every_act_is_allowed_as_the_contract_says() {
        for (act, [admin, service]) in TABLE {
            assert!(!may_govern(Authority::User, act), "{act:?}");
            assert_eq!(may_govern(Authority::Admin, act), admin, "{act:?}");
            assert_eq!(may_govern(Authority::Service, act), service, "{act:?}");
        }
    }
}
