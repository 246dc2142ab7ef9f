//! The implementation of a port by a noun's functions.

/// Names in the signatures of the ports.
pub mod names {
    pub use chinwag_core::group::{Group, Mark, Member, Membership, Summary};
    pub use chinwag_core::log::{LogEntry, LogRow};
    pub use chinwag_core::name::NameCase;
    pub use chinwag_core::permission::Role;
    pub use chinwag_core::profile::{Details, Identity, Origin};
    pub use chinwag_core::relation::{self, Pair};
    pub use chinwag_core::store::{
        Groups, ImportKind, Imported, Imports, Memberships, Newcomer, Relations, Shown, Task, Tasks, Tokens,
        Users,
    };
    pub use chinwag_core::token::{self, Token, TokenHash};
    pub use chinwag_core::user::{Settings, User};
    pub use chinwag_core::{Date, GroupId, Name, Result, Seq, TaskId, UserId};
    pub use uuid::Uuid;
}

/// Makes a macro that implements a port for a transaction: each method is the function of its name in
/// the module. Methods that a store has of its own follow the transaction's type. `$` stands first, since
/// a macro that makes a macro has no other way to write it.
macro_rules! implement {
    (
        ($d:tt) $macro:ident: $port:ident by $module:ident
        read { $($read:ident($($read_arg:ident: $read_type:ty),*) -> $read_out:ty;)* }
        write { $($write:ident($($write_arg:ident: $write_type:ty),*) -> $write_out:ty;)* }
    ) => {
        /// Implements the port for a transaction, with the store's own methods after a comma.
        #[macro_export]
        macro_rules! $macro {
            ($d transaction:ty $d(, $d($d own:tt)*)?) => {
                const _: () = {
                    use $crate::names::*;

                    impl $port for $d transaction {
                        $(fn $read(&self, $($read_arg: $read_type),*) -> Result<$read_out> {
                            $crate::$module::$read(self, $($read_arg),*)
                        })*
                        $(fn $write(&mut self, $($write_arg: $write_type),*) -> Result<$write_out> {
                            $crate::$module::$write(self, $($write_arg),*)
                        })*
                        $d($d($d own)*)?
                    }
                };
            };
        }
    };
}

pub(crate) use implement;

/// Implements every port whose statements both stores share for a transaction, with the store's own methods
/// of `Users` after a comma.
#[macro_export]
macro_rules! impl_ports {
    ($transaction:ty, $($own:tt)*) => {
        $crate::impl_memberships!($transaction);
        $crate::impl_tasks!($transaction);
        $crate::impl_tokens!($transaction);
        $crate::impl_users!($transaction, $($own)*);
    };
}
