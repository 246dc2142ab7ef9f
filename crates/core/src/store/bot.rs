//! The secrets of bots: keys and incoming hooks.

use crate::bot::{BotKey, IncomingHook};
use crate::token::TokenHash;
use crate::{BotKeyId, HookId, Result, UserId};

/// Keys and incoming hooks of bots, in a transaction.
///
/// **Atomicity.** A secret ends in the transaction that removes it or its bot; a hook also ends together with
/// its group. **Order.** Lists are in order of creation. **Loss.** None. **Bound.** At most
/// [`BOT_KEYS`](crate::bot::BOT_KEYS) keys and [`INCOMING_HOOKS`](crate::bot::INCOMING_HOOKS) hooks per bot,
/// ensured by the use cases.
pub trait Bots {
    /// The key with this hash.
    fn bot_key(&self, hash: &TokenHash) -> Result<Option<BotKey>>;

    /// The keys of a bot.
    fn bot_keys(&self, user: UserId) -> Result<Vec<BotKey>>;

    /// Stores a new key.
    fn bot_key_insert(&mut self, hash: &TokenHash, key: &BotKey) -> Result<()>;

    /// Removes a key of a bot. Returns its hash, if it existed.
    fn bot_key_delete(&mut self, user: UserId, id: BotKeyId) -> Result<Option<TokenHash>>;

    /// The hook with this hash, if its group exists.
    fn incoming_hook(&self, hash: &TokenHash) -> Result<Option<IncomingHook>>;

    /// The hooks of a bot whose groups exist.
    fn incoming_hooks(&self, user: UserId) -> Result<Vec<IncomingHook>>;

    /// Stores a new hook.
    fn incoming_hook_insert(&mut self, hash: &TokenHash, hook: &IncomingHook) -> Result<()>;

    /// Removes a hook of a bot. `false` if it did not exist.
    fn incoming_hook_delete(&mut self, user: UserId, id: HookId) -> Result<bool>;

    /// Removes every key and hook of a user.
    fn bot_secrets_delete(&mut self, user: UserId) -> Result<()>;
}
