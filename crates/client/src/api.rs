//! The objects, events and calls of the API: a file for each noun.

mod account;
mod contact;
mod entry;
mod file;
mod group;
mod history;
mod invite;
mod member;
mod message;
mod pin;
mod presence;
mod reaction;
mod read;
mod server;
mod settings;
mod sync;
mod thread;
mod user;

pub use account::{SignIn, Ticket};
pub use contact::{Change, ContactChange, ContactSummary, ContactUpdate};
pub use entry::{Entry, EntryChange, HistoryRow};
pub use file::{Attachment, File, Thumbnail};
pub use group::{Group, GroupChange, GroupId, NewGroup, OpenPrivate};
pub use history::{History, Page, PageRequest};
pub use invite::{Invite, InvitedGroup, NewInvite, OpenGroup};
pub use member::{Left, Member};
pub use message::{Deletion, Message, MessageEdit, MessageId, NewMessage};
pub use pin::{Pin, PinChange};
pub use presence::{Presence, Status, StatusUpdate, Typing};
pub use reaction::{React, ReactionChange, ReactionTally, Reactions};
pub use read::{ReadMark, ReadUpTo, SummaryMore, Unread};
pub use server::ServerInfo;
pub use settings::{GroupSettings, Me, MeChange, Notify};
pub use sync::{More, Resume, Synced};
pub use thread::{Replies, RootState};
pub use user::{Profile, User, UserGone, UserUpdate};
