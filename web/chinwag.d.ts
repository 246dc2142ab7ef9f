// The public types of chinwag.js. Applications can rely on everything in this file, and on nothing else of the module.

/** The server, the credential and the amount of data to load. */
export interface ChinwagOptions {
  /**
   * The server's address, such as `https://chat.example` or `https://app.example/chinwag`. Default: the server that the module
   * was loaded from. The constructor throws a TypeError for an invalid address.
   */
  server?: string | URL | undefined;
  /**
   * A user's token, or a function that returns one or a promise of one. The function is called again when a token has expired.
   * If it fails or returns no token, it is called again with backoff. Default: the cookie of this origin, which `signIn` and
   * `signUp` set. The constructor throws a TypeError for any other value.
   */
  token?: string | (() => string | Promise<string>) | undefined;
  /**
   * The number of groups to load when connecting, those with the latest activity: 1 to 2000. `moreGroups` is the number of the
   * others. `loadGroups`, `loadGroup`, `loadPrivate` and new messages load them. Use it for a list that loads more as it is
   * scrolled. Default: all groups, each with its 20 newest messages.
   */
  groups?: number | undefined;
  /** With `groups`: the number of newest messages to load with each group, 1 to 20. Default: 1. */
  messages?: number | undefined;
  /** The maximum numbers of loaded messages and of entries per group, at least 100. Default: 400. */
  held?: number | undefined;
  /** Whether unsent messages are stored in IndexedDB, so that they outlive the page. Default: true. */
  keep?: boolean | undefined;
  /**
   * Whether the latest conversations and their newest messages are stored in IndexedDB until the user signs out, for `recall`.
   * Default: false.
   */
  offline?: boolean | undefined;
  /** Whether the status changes to `afk` while the page has been hidden for a minute. Default: false. */
  away?: boolean | undefined;
}

/**
 * - `closed`: not connected, and not trying to connect: before `connect`, after `close`, or signed out
 * - `connecting`: an attempt to connect is in progress
 * - `ready`: connected, and the server's summary has arrived
 * - `waiting`: the connection was lost, or an attempt failed; the next attempt starts at `retryAt`
 */
export type State = "closed" | "connecting" | "ready" | "waiting";
export type Status = "online" | "afk" | "disconnected";
export type Role = "owner" | "admins" | "members" | "restricts";
export type Operation = "invitation" | "contact" | "deny" | "remove" | "block";

/** A message. The object is immutable: a change replaces it with a new one. */
export interface Message {
  readonly id: string;
  readonly group: string;
  readonly author: string;
  /** The text, never markup. It can be empty if the message has files. */
  readonly body: string;
  /** ISO 8601, UTC. */
  readonly date: string;
  /** The number in the group's log. Messages are sorted by it. */
  readonly seq: number;
  /** The id of the quoted message; null if there is none, or it was deleted. */
  readonly respond_to: string | null;
  /** The date of the last edit: ISO 8601, UTC; null if it was never edited. */
  readonly edited: string | null;
  /** The id that its sender gave it, see `Sending`; missing if the sender gave none. */
  readonly client_id?: string;
  /** The names of the mentioned users, after `@all` if it mentions everyone. The text need not contain them. */
  readonly mentions: readonly string[];
  /** The reactions by emoji (or a name such as `:tada:`), in order of the first of each. See `react`. */
  readonly reactions: Readonly<Record<string, Reaction>>;
  /** Whether it is pinned. See `pin`. */
  readonly pinned: boolean;
  /** An object of the sender's application; null if there is none. */
  readonly data: Readonly<Record<string, unknown>> | null;
  /** The id of the root of its thread; null if it is not a reply in a thread, or the root was deleted. */
  readonly thread: string | null;
  /** The replies in its thread; null if there are none. */
  readonly replies: Replies | null;
  /** Its files, in the order of sending; at most 10. */
  readonly attachments: readonly FileInfo[];
}

/** A file on the server. */
export interface FileInfo {
  readonly id: string;
  /** The name given by the uploader, without a path. */
  readonly name: string;
  /** The media type, determined by the server from the content. */
  readonly type: string;
  /** In bytes. */
  readonly size: number;
  /** In pixels; null if it is not an image, or unknown. */
  readonly width: number | null;
  /** In pixels, like `width`. */
  readonly height: number | null;
  /**
   * A small version of an image, and its ThumbHash in base64 for a placeholder; null if there is none. `url` is a path: pass
   * the file to `fileUrl` to get an address for `src`.
   */
  readonly thumbnail: { readonly url: string; readonly width: number; readonly height: number; readonly hash: string } | null;
  /** The alternative text for those who cannot see or hear the file; null if the sender gave none. */
  readonly alt: string | null;
}

/** A file to send: its content, an uploaded file, or the id of an uploaded file. */
export type Attachable = Blob | FileInfo | string | DescribedFile;

/** A file to send, with an alternative text for those who cannot see or hear it. */
export interface DescribedFile {
  file: Blob | FileInfo | string;
  /** At most 1,000 characters; null for none. */
  alt: string | null;
}

/** Options of `upload`. */
export interface UploadOptions {
  /** The file's name. Default: the name of a `File`, or `file`. */
  name?: string | undefined;
  /** Cancels the upload. The promise then rejects with code 0. */
  signal?: AbortSignal | undefined;
  /** Called with the number of uploaded bytes, which decreases if a part has to be sent again. */
  onprogress?: ((progress: { loaded: number; total: number }) => void) | undefined;
}

/** A file of an unsent message. */
export interface UnsentFile {
  /** Null until it is uploaded. */
  readonly id: string | null;
  /** Its content; null if it was uploaded before the message was sent. */
  readonly blob: Blob | null;
  readonly name: string;
  readonly type: string;
  /** In bytes. */
  readonly size: number;
  readonly alt: string | null;
  /** The number of uploaded bytes. */
  readonly loaded: number;
}

/** A summary of the replies in a thread, in its root. */
export interface Replies {
  /** The number of replies, counted up to 1000: 1000 means "1000 or more". */
  readonly count: number;
  /** The date of the newest reply: ISO 8601, UTC. */
  readonly last: string;
  /** The names of the latest authors, newest first, at most 3 different ones. */
  readonly names: readonly string[];
}

/** An open thread. Its properties change over time: the events `thread` and, for `unsent`, `unsent` report this. */
export interface Thread {
  readonly group: Group;
  /** The id of the root. */
  readonly id: string;
  /** The root; null while it is loading, or if it was deleted. */
  readonly root: Message | null;
  /** The newest replies without gaps, by ascending `seq`. */
  readonly replies: readonly Message[];
  /** Whether there are older replies than the loaded ones. */
  readonly hasEarlier: boolean;
  /** Whether the root was deleted. Its replies then become ordinary messages, and nobody can reply in the thread. */
  readonly gone: boolean;
  /** Whether the root or replies are being loaded. */
  readonly loading: boolean;
  /** The reason if loading failed: call `load` to try again. Null otherwise. */
  readonly error: ChinwagError | null;
  /** This user's unsent messages in this thread, in order. */
  readonly unsent: readonly Unsent[];
  /** Loads the root and the newest replies again. Resolves even if that fails: see `error`. */
  load(): Promise<void>;
  /** Loads older replies, at most `limit`: 1 to 100, by default 50. Resolves with their number, or with 0 and an `error`. */
  loadEarlier(limit?: number): Promise<number>;
  /** Stops following the thread. */
  close(): void;
}

/** The users who have added one emoji to a message. */
export interface Reaction {
  /** The number of users. */
  readonly count: number;
  /** The names of the first users, at most 20. */
  readonly names: readonly string[];
  /** Whether this user is one of all these users. */
  readonly mine: boolean;
}

/** An unsent message. The object is immutable: a change replaces it with a new one. */
export interface Unsent {
  readonly client_id: string;
  /** The id of the group; null for the first message to `to`. */
  readonly group: string | null;
  /** The name of the receiver if there is no private group yet; else null. */
  readonly to: string | null;
  readonly body: string;
  readonly respond_to: string | null;
  readonly data: Readonly<Record<string, unknown>> | null;
  /** The id of the root of its thread, or null. */
  readonly thread: string | null;
  readonly mentions: readonly string[];
  /** Its files. The list is replaced as they are uploaded. */
  readonly attachments: readonly UnsentFile[];
  /** The date of the call of `send`: ISO 8601, UTC. */
  readonly date: string;
  /**
   * - `waiting`: for earlier messages, for the connection, or for a rate limit
   * - `sending`: being uploaded or sent
   * - `failed`: refused, or ten connections in a row were lost while it was being sent; see `error`: call `resend` or `discard`
   */
  readonly state: "waiting" | "sending" | "failed";
  /** The time of the next attempt in milliseconds since 1970, if the server demands a delay, as with code 429; else null. */
  readonly retryAt: number | null;
  /** The reason if `state` is `failed`, else null. */
  readonly error: ChinwagError | null;
}

/** Options of `send`. */
export interface SendOptions {
  /** The id of the message to quote, in the same group. Ignored in the first message to a user, like `thread`. */
  respondTo?: string | null | undefined;
  /** The names of users to mention, at most 50, or `@all` for everyone, which requires the role owner or admin. */
  mentions?: readonly string[] | undefined;
  /** The id of a message of the group, to reply in its thread. That message must not be a reply in a thread itself. */
  thread?: string | null | undefined;
  /** An object of your application, at most 4 KiB of JSON, which all members receive with the message. */
  data?: Record<string, unknown> | null | undefined;
  /**
   * Its files, at most 10. They are stored with the unsent message, and uploaded when it is sent. Files of more than 1 MiB are
   * uploaded in parts, and resume after an interruption.
   */
  attachments?: readonly Attachable[] | undefined;
}

/** The result of `send`. */
export interface Sending {
  /** The id of the unsent message, for `resend` and `discard`. */
  readonly client_id: string;
  /** Resolves when the message is on the server's disk. Rejects if it is refused or discarded. */
  readonly sent: Promise<Message>;
}

/**
 * A group. Its properties are read-only and change over time: each change dispatches an event of `Chinwag`. After the user has
 * left the group or was removed, the object keeps its last state.
 */
export interface Group {
  readonly id: string;
  /** `@` for a private group. Show `title` instead. */
  readonly name: string;
  /** Whether it is a conversation of two people, or this user's `notes`. */
  readonly private: boolean;
  /** The name to show: the group's, or that of the other user; null in `notes`, and if the other user was deleted. */
  readonly title: string | null;
  /** Whether it is the user's private group with itself, for notes. A message to the user's own name creates it. */
  readonly notes: boolean;
  /** The other user of a private group; null in other groups, in `notes`, and if the other user was deleted. */
  readonly other: string | null;
  /** The name of the owner, in a list of one name; `admin` in a private group. */
  readonly owner: readonly string[];
  readonly admins: readonly string[];
  readonly members: readonly string[];
  /** The names of the users who can read but not write. In a private group: both users, while one has blocked the other. */
  readonly restricts: readonly string[];
  /**
   * The number of users in it. In groups of more than 100, the lists above follow a change of the members with a delay. With
   * the option `groups` the lists of such groups are empty before that, except for `owner`.
   */
  readonly membersCount: number;
  /**
   * This user's role. With the option `groups`, in a group of more than 100, it is `members` until `loadRoles`, unless the user
   * is the owner.
   */
  readonly role: Role;
  /**
   * Whether a stranger has added this user, who has not accepted yet. Until then no events of the group arrive. `acceptGroup`,
   * a message or a reaction accepts the group; `declineGroup` leaves it.
   */
  readonly pending: boolean;
  /** Text with line breaks; null if there is none. */
  readonly description: string | null;
  /**
   * The `https` address of a picture, or the path of an uploaded image, or null: see `avatarUrl`. Load it with
   * `referrerpolicy="no-referrer"`.
   */
  readonly avatar: string | null;
  /** An object of the host application, or null. */
  readonly data: Readonly<Record<string, unknown>> | null;
  /** Whether anyone can join. */
  readonly open: boolean;
  /** Slow mode: the seconds between two messages of one member; 0 for no limit. It does not apply to the owner and admins. */
  readonly slow: number;
  /** The days after which messages are erased; null if the group sets none. The server may erase them earlier. */
  readonly keep: number | null;
  /** The end of this user's wait in slow mode, in milliseconds since 1970; 0 if no wait is known. */
  readonly slowUntil: number;
  /**
   * Changes of the group, in the range of the loaded messages, by ascending `seq`, at most `ChinwagOptions.held`: see `loadEntries`.
   * Each change replaces the list.
   */
  readonly entries: readonly Entry[];
  /** Whether entries may be missing: call `loadEntries`. */
  readonly lacksEntries: boolean;
  /** This user's own settings of the group, which nobody else sees. A change replaces the object. */
  readonly settings: GroupSettings;
  /** Whether it is muted now: `mutedUntil` is in the future, or `notify` is `none`. */
  readonly muted: boolean;
  /** Whether missed events are being requested. Meanwhile the number of unread messages is not certain. */
  readonly isBehind: boolean;
  /** The last known number of the group's log. */
  readonly head: number;
  /** The loaded messages: a section of the history without gaps, by ascending `seq`, at most `ChinwagOptions.held`. */
  readonly messages: readonly Message[];
  /** Whether there are older messages than the loaded ones. */
  readonly hasEarlier: boolean;
  /** Whether there are newer messages than the loaded ones, after `loadAround`, or after `loadEarlier` has dropped them. */
  readonly hasLater: boolean;
  /** The newest message, loaded or not; null if there is none. */
  readonly latest: Message | null;
  /**
   * The date of the newest message: ISO 8601, UTC. If there is none, the date at which this page received the new group, or that
   * of the group before it in the server's order of activity; empty if neither is known.
   */
  readonly date: string;
  /** The number of unread messages of others, counted up to 100: 100 means "100 or more". */
  readonly unread: number;
  /** The number of unread messages that mention this user, up to 100. Mentions by users whom it has blocked do not count. */
  readonly mentioned: number;
  /** This user's read mark: the number up to which it has read. */
  readonly lastRead: number;
  /** The read marks of other members by name, as far as they are known. */
  readonly reads: ReadonlyMap<string, number>;
  /** The names of the members who are typing. */
  readonly typing: readonly string[];
  /** This user's unsent messages in this group, in order. */
  readonly unsent: readonly Unsent[];
  /** The ids of the pinned messages, the most recently pinned first. `loadPins` loads the messages. */
  readonly pins: readonly string[];
  /** Returns a message by its id if it is loaded, also by `loadPins` or `findMessage`. */
  message(id: string): Message | undefined;
}

/** An entry of the history: changes of the group. The object is immutable: a change replaces it with a new one. */
export interface Entry {
  /** The number in the group's log. */
  readonly seq: number;
  /** ISO 8601, UTC. */
  readonly date: string;
  /** The name of the user who made the changes; null for the service, or for a user who was deleted. */
  readonly by: string | null;
  readonly changes: readonly EntryChange[];
}

/** One change of a group. Ignore unknown kinds. */
export interface EntryChange {
  /**
   * `created`; `renamed` to `name`; `changed` (`keys`: `description`, `avatar`, `data`, `open`, `slow`, `keep`); `joined`,
   * `left`, `removed`, `owner` (`who`); `role` (`who`, `role`); `pinned`, `unpinned` (`id`); `user_renamed` from `name` to
   * `new_name`; `user_deleted`.
   */
  readonly kind: string;
  /** The id of the message that was pinned or unpinned. */
  readonly id?: string;
  /** Whether that message was deleted while this page was open. */
  readonly deleted?: boolean;
  readonly name?: string | null;
  readonly new_name?: string;
  /** The details that changed. */
  readonly keys?: readonly string[];
  /** The names of the users; null for a deleted one. In an entry that arrives as an event, only the first 100. */
  readonly who?: readonly (string | null)[];
  /** The number of users if `who` omits some of them; else missing. */
  readonly count?: number;
  /** The users' new role. */
  readonly role?: "admin" | "member" | "restrict";
}

/** A member of a group. */
export interface Member {
  readonly name: string;
  readonly role: "owner" | "admin" | "member" | "restrict";
  /** The date of joining: ISO 8601, UTC. */
  readonly since: string;
  /** The number of the last message that the member has read; null if there is none, or this user cannot see it. */
  readonly read: number | null;
  /** Whether the member has yet to accept. */
  readonly pending: boolean;
}

/** This user's own settings of a group. `changeSettings` changes them. */
export interface GroupSettings {
  /** The messages of which the user wants notifications. */
  readonly notify: "all" | "mentions" | "none";
  /** The end of the muting: ISO 8601, UTC; null if it is not muted. */
  readonly mutedUntil: string | null;
  /** Whether it is hidden from the list. Its next message resets this. */
  readonly hidden: boolean;
  /** Whether it is shown above the others. */
  readonly pinned: boolean;
  /** Whether the user has marked it as unread. The next `markRead` resets this. */
  readonly markedUnread: boolean;
}

/** This user's relations: sets of names. */
export interface Relations {
  readonly contacts: ReadonlySet<string>;
  /** The users whom this user has blocked. */
  readonly blockeds: ReadonlySet<string>;
  /** The users who have blocked this user. Empty unless the server shows them (`users.show_blocked_by`). */
  readonly blocked_by: ReadonlySet<string>;
  /** The users whom this user has invited. */
  readonly invitations: ReadonlySet<string>;
  /** The users who have invited this user. */
  readonly invited_by: ReadonlySet<string>;
}

/** The appearance of a user. */
export interface Profile {
  /** The name to show; null: show the user's name. */
  readonly display_name: string | null;
  /**
   * The `https` address of a picture, or the path of an uploaded image: see `avatarUrl`. Null: draw initials. Load it with
   * `referrerpolicy="no-referrer"`.
   */
  readonly avatar: string | null;
  readonly kind: "person" | "bot";
}

/** A user as this user sees it: `settings` only of itself, `status` and `last_seen` only of itself and contacts. */
export interface User extends Profile {
  readonly name: string;
  /** An object of the host application, or null. */
  readonly data: Readonly<Record<string, unknown>> | null;
  /** The date of the user's creation: ISO 8601, UTC. */
  readonly created: string;
  readonly status?: Status;
  /**
   * The last time at which the user was not `disconnected`: ISO 8601, UTC; null if that has never happened. Missing if the user
   * hides it.
   */
  readonly last_seen?: string | null;
  readonly settings?: Readonly<UserSettings>;
}

/** A user's own settings. */
export interface UserSettings {
  /** The users who can add this user to groups. */
  added_by: "anyone" | "contacts" | "nobody";
  /** The users who can open a private conversation with this user. */
  write_first: "anyone" | "contacts" | "nobody";
  /** Whether `last_seen` is hidden from other users. */
  hide_last_seen: boolean;
  /** Whether read marks are hidden from other users. This user then sees nobody's either. */
  hide_reads: boolean;
}

/**
 * Changes of this user's own profile and settings. Missing keys keep their values; null clears one. `display_name` and `avatar`
 * require the feature `profile` of the server.
 */
export interface UserChange {
  /** 1 to 80 characters. */
  display_name?: string | null | undefined;
  /** The id of an image that `upload` has returned, or null; an address only with the feature `avatar_urls` of the server. */
  avatar?: string | null | undefined;
  settings?: Partial<UserSettings> | undefined;
}

/** The features and limits of a server. */
export interface ServerInfo {
  readonly version: string;
  /** The id of the server's history. It changes when an earlier state is restored. */
  readonly history: string;
  /** The version of Unicode whose emoji can be reactions. */
  readonly emoji: string;
  /** Whether anybody can sign up. */
  readonly signup: boolean;
  /** The provider of OpenID Connect for signing in on the server's own page, or null. Missing in older servers. */
  readonly oidc?: { readonly name: string } | null;
  /** The limits by their settings, such as `limits.message_chars`. */
  readonly limits: Readonly<Record<string, unknown>>;
  /** The names of its features, such as `search`: docs/protocol.md lists them under "Features". Ignore unknown names. */
  readonly features: readonly string[];
  /** The times within which authors can edit and delete their messages, in seconds; null for no limit. */
  readonly messages: { readonly edit_window: number | null; readonly delete_window: number | null };
  /**
   * The limits of files, in bytes; `types` lists the allowed media types, or is null if all are. Null or missing if the server
   * accepts no files.
   */
  readonly files?: { readonly max_size: number; readonly types: readonly string[] | null; readonly per_user: number } | null;
  /** Whether it pushes notifications to browsers and phones. */
  readonly push: boolean;
}

/** An operation has failed. `message` is a sentence that can be shown to the user. */
export class ChinwagError extends Error {
  /**
   * The HTTP status: 400, 401, 403, 404, 409, 413, 415, 421, 429, 500, 503 or 507. 0 if no answer arrived, or the call was
   * cancelled: the server may have carried out the request or not.
   */
  readonly code: number;
  /** The refused fields. `detail` completes a sentence that begins with the field's name. */
  readonly fields: readonly { field: string; detail: string }[];
  /** The reason as the server sent it. Unlike in `message`, the first letter is unchanged, because it can belong to a name. */
  readonly detail: string;
  /** The seconds to wait before the next attempt; null if the server demands none. */
  readonly retryAfter: number | null;
  /**
   * The part of your page that is configured incorrectly: its origin is not in `http.origins`, or its token function failed.
   */
  readonly setup: "origin" | "token" | null;
}

/** Changes of the details of a group. Missing keys keep their values; null clears one. */
export interface DetailsChange {
  /** At most 1,000 characters, with line breaks. */
  description?: string | null | undefined;
  /** The id of an image that `upload` has returned, or null; an address only with the feature `avatar_urls` of the server. */
  avatar?: string | null | undefined;
  /** An object of your application, at most 4 KiB of JSON. */
  data?: Record<string, unknown> | null | undefined;
  /** Whether anyone can join. */
  open?: boolean | undefined;
  /** Slow mode: the seconds between two messages of one member, 0 to 21,600; 0 for no limit. */
  slow?: number | undefined;
  /** The days after which messages are erased, 1 to 36,500; null for no limit. */
  keep?: number | null | undefined;
}

/** A group to create. The lists contain names of users; this user becomes the owner. */
export interface NewGroup extends DetailsChange {
  /** 1 to 200 characters. */
  name: string;
  admins?: string[] | undefined;
  members?: string[] | undefined;
  restricts?: string[] | undefined;
}

/**
 * Changes of the name, users and details of a group. Missing keys keep their values. `admins`, `members` and `restricts` add
 * the named users, or change their roles; other members are not affected.
 */
export interface GroupChange extends DetailsChange {
  /** 1 to 200 characters. */
  name?: string | undefined;
  /** The new owner, in a list of one name. The old owner becomes an admin. */
  owner?: string[] | undefined;
  admins?: string[] | undefined;
  members?: string[] | undefined;
  restricts?: string[] | undefined;
  /** Members to remove. */
  remove?: string[] | undefined;
  /** Users who can no longer join or be added. Members are also removed. */
  ban?: string[] | undefined;
  /** Users whose bans end, before any users are added. */
  unban?: string[] | undefined;
}

/** A group as shown to a user who is not in it. */
export interface InvitedGroup {
  readonly name: string;
  readonly description: string | null;
  /** See `Group.avatar`. */
  readonly avatar: string | null;
  /** The number of users in it. */
  readonly membersCount: number;
}

/** A group that anyone can join. */
export interface OpenGroup extends InvitedGroup {
  readonly id: string;
}

/** A session of the user, or a token that the service made for the user. Dates are in ISO 8601, UTC. */
export interface UserSession {
  readonly id: string;
  /** The date of the sign-in; null for a session of an earlier version of the server. */
  readonly created: string | null;
  /** The date of the last use, accurate to five minutes, or to an hour for an open connection; null before the first use. */
  readonly lastUsed: string | null;
  readonly expires: string;
  /** The `User-Agent` of the browser or program, at most 256 characters, or null. */
  readonly agent: string | null;
  /** The IP address of the browser or program, or null. */
  readonly address: string | null;
  /** Whether it is the session of this page. */
  readonly current: boolean;
}

/** A code with which anyone can join a group. */
export interface Invite {
  readonly code: string;
  /** ISO 8601, UTC. */
  readonly expires: string;
  /** The number of users who can still join with it; null for any number. */
  readonly uses: number | null;
}

/** A message that matches a search. */
export interface FoundMessage extends Message {
  /**
   * The matches in `body`, ascending: the position and the number of Unicode scalar values. These differ from the units of
   * JavaScript strings: apply them to `Array.from(body)`.
   */
  readonly marks: readonly (readonly [start: number, length: number])[];
}

/** The first results of a search, at most 5 of each kind. */
export interface Found {
  /** Users whose name or display name begins with the text, if this user can find them. */
  readonly people: readonly (Profile & { readonly name: string })[];
  /** This user's groups with a word in their name that begins with the text. */
  readonly groups: readonly { readonly id: string; readonly name: string; readonly avatar: string | null }[];
  /** The newest messages. */
  readonly messages: readonly FoundMessage[];
  /** The progress of the server's message index in percent while it is being built, else null. */
  readonly indexing: number | null;
}

/** A page of the messages that match a search. */
export interface FoundPage {
  messages: FoundMessage[];
  /** The `cursor` of the next page; null on the last page. */
  next: string | null;
  /**
   * The progress of the server's message index in percent while it is being built, else null. Until it is built, a search needs
   * more pages for the same hits.
   */
  indexing: number | null;
}

/** A search for messages. Missing or empty keys set no condition. */
export interface MessageSearch {
  /**
   * Words, `"a phrase"`, `prefix*`, `-excluded`: at most 256 characters. The search rejects with code 400 without a word to
   * find.
   */
  q: string;
  /** The id of a group. */
  group?: string | undefined;
  /** The name of a user. */
  author?: string | undefined;
  /** Only messages before a date, exclusive: ISO 8601. */
  before?: string | Date | undefined;
  /** Only messages after a date, exclusive: ISO 8601. */
  after?: string | Date | undefined;
  /** Only messages with a file, an image or a link. */
  has?: "file" | "image" | "link" | "" | undefined;
  /** `me`: only messages of other users that mention this user. */
  mentions?: "me" | "" | undefined;
  /** The maximum number of messages per page: 1 to 100. Default: 20. */
  limit?: number | undefined;
  /** The `next` of the previous page. */
  cursor?: string | null | undefined;
  /** Cancels the request. The promise then rejects with code 0. */
  signal?: AbortSignal | undefined;
}

/** The events of `Chinwag`. Each is dispatched after the change that it reports. */
export interface ChinwagEvents {
  /** `state`, `retryAt` or `me` has changed. */
  state: CustomEvent<{ state: State }>;
  /**
   * There is no valid credential any more: sign in again. `state` is `closed`. If the user is suspended, `problem` has `code`
   * 403 and a sentence with the end and the reason of the suspension.
   */
  signedout: CustomEvent<{ reason: "ended" | "signed out" | "deleted" }>;
  /** Groups were added to `groups` or removed from it. After a sign-in, `added` contains all loaded groups. */
  groups: CustomEvent<{ added: readonly Group[]; removed: readonly Group[] }>;
  /**
   * The name, people, details, `settings`, `pins`, `title`, `pending` or `muted` of a group have changed, or a message that
   * `loadPins` has loaded.
   */
  group: CustomEvent<{ group: Group }>;
  /**
   * The loaded messages or entries of a group have changed. `added` and `changed` are the numbers (`seq`) of loaded messages,
   * `removed` those of messages that are no longer loaded. `deleted` has the ids of deleted messages, loaded or not. With `reset`
   * all messages were replaced: read `messages` again. The lists are empty if only `hasEarlier`, `hasLater`, `latest`, `entries`
   * or a message that `findMessage` has loaded have changed.
   */
  messages: CustomEvent<{
    group: Group;
    added: readonly number[];
    changed: readonly number[];
    removed: readonly number[];
    deleted: readonly string[];
    reset: boolean;
  }>;
  /**
   * A message from another user has arrived, now or while disconnected: for notifications. Not dispatched for messages from
   * before the first connection, nor if so many messages were missed that the server did not send all of them.
   */
  message: CustomEvent<{ group: Group; message: Message }>;
  /** A property of a thread that `openThread` has returned has changed. */
  thread: CustomEvent<{ thread: Thread }>;
  /** `unread` or `mentioned` of a group has changed. With null, the number of unread messages in groups that are not loaded. */
  unread: CustomEvent<{ group: Group | null }>;
  /** The read mark of another member has moved to `seq`. */
  read: CustomEvent<{ group: Group; name: string; seq: number }>;
  /** `typing` of a group has changed. */
  typing: CustomEvent<{ group: Group }>;
  /** The unsent messages to a group have changed, or those to a person without a private group yet (`to`). */
  unsent: CustomEvent<{ group: Group | null; to: string | null }>;
  /** `persistent` has changed. */
  persistent: CustomEvent<{ persistent: boolean }>;
  /** `relations` has changed. */
  relations: CustomEvent<null>;
  /** The status of a user has changed; with null, of any number of users. See `statusOf`. */
  presence: CustomEvent<{ name: string | null }>;
  /** The profiles of these users have changed. See `profileOf`. */
  profile: CustomEvent<{ names: readonly string[] }>;
  /** A user, possibly this one, was renamed, or deleted (`newName` is null). Messages and lists already contain the change. */
  user: CustomEvent<{ name: string; newName: string | null }>;
}

/**
 * The connection of one user to a Chinwag server, and the state that it keeps up to date.
 *
 * ```js
 * const chat = new Chinwag({ server: "https://chat.example", token: () => fetch("/chat-token").then((r) => r.text()) });
 * chat.addEventListener("message", ({ detail }) => console.log(detail.message.author, detail.message.body));
 * await chat.connect();
 * await chat.send({ to: "bob" }, "hello").sent;
 * ```
 *
 * Promises reject with a `ChinwagError`, whose code is 0 if the server cannot be reached, 401 if nobody is signed in, and 404
 * for a group that is not loaded.
 */
export class Chinwag extends EventTarget {
  constructor(options?: ChinwagOptions);

  addEventListener<K extends keyof ChinwagEvents>(
    type: K,
    listener: (event: ChinwagEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof ChinwagEvents>(
    type: K,
    listener: (event: ChinwagEvents[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;

  // ── The connection ──

  /** The server's address, without a trailing slash. */
  readonly server: string;
  /** The name of the signed-in user; null until it is known. */
  readonly me: string | null;
  /** Distinguishes the user from earlier users of the same name: use it with `me` in keys of stored data. Empty until known. */
  readonly account: string;
  readonly state: State;
  /** The time of the next attempt to connect, in milliseconds since 1970; null unless `state` is `waiting`. */
  readonly retryAt: number | null;
  /** The reason for which the connection was lost, refused or not established; null while `state` is `ready`. */
  readonly problem: ChinwagError | null;
  /** Whether unsent messages outlive the page. */
  readonly persistent: boolean;

  /**
   * Connects, and reconnects after each loss until `close`. Resolves when the first summary has arrived, however long the
   * server is unreachable. Rejects with code 401 if there is no valid credential (sign in, or use another token), with 403 if
   * the user is suspended, with 404 if there is no Chinwag server at the address, and with 0 after `close`. Further calls have
   * no effect, and return a promise for the same connection.
   */
  connect(): Promise<void>;
  /**
   * Loads the user and the conversations of the latest connection, with the option `offline`, while the first attempts to
   * connect fail. Resolves with false if nothing is stored, or `state` is not `waiting`.
   */
  recall(): Promise<boolean>;
  /** Tries to connect at once if `state` is `waiting`. */
  retry(): void;
  /** Disconnects. Loaded data and unsent messages stay, and `connect` continues with them. */
  close(): void;

  // ── The account ──

  /** Loads the features and limits of the server, signed in or not. The result is cached, a failure is not. */
  serverInfo(): Promise<ServerInfo>;
  /** Loads the name of the signed-in user; null if nobody is signed in. Rejects if the request fails for another reason. */
  whoAmI(): Promise<string | null>;
  /** Signs up and stores the session: on the server's own origin in a cookie, otherwise in memory. Then call `connect`. */
  signUp(name: string, password: string): Promise<void>;
  /** Signs in, and stores the session like `signUp`. Then call `connect`. */
  signIn(name: string, password: string): Promise<void>;
  /** Creates the new user whom a provider of OpenID Connect has identified, on the server's own page. Then call `connect`. */
  chooseName(name: string): Promise<void>;
  /** Changes this user's password, and ends its other sessions. Rejects with code 403 if `old` is wrong. */
  changePassword(old: string, password: string): Promise<void>;
  /** Loads the sessions of this user, the newest first. */
  loadSessions(): Promise<UserSession[]>;
  /** Ends one session and closes its connections. */
  endSession(id: string): Promise<void>;
  /** Ends all sessions but this one. */
  endOtherSessions(): Promise<void>;
  /**
   * Ends this session, disconnects, and forgets all data, including unsent messages. Rejects if the server cannot be reached:
   * the user is then still signed in.
   */
  signOut(): Promise<void>;
  /** Ends all sessions of the user on all devices, and otherwise does the same as `signOut`. */
  signOutEverywhere(): Promise<void>;
  /** Loads all data of this user in one ZIP file: lines of JSON, and the uploaded files. */
  exportData(): Promise<Blob>;
  /** Changes this user's name. Requires the feature `rename` of the server. */
  rename(name: string): Promise<void>;
  /** Deletes this user with all messages, and otherwise does the same as `signOut`. This cannot be undone. */
  deleteAccount(): Promise<void>;

  /**
   * Lets the server push notifications to this browser, even while no page is open. Call it at each start, once the user is
   * signed in and the browser's permission is granted. The service worker of `registration` shows the notifications. Rejects if
   * the browser or the server refuses. Signing out ends the subscription.
   */
  subscribePush(registration: ServiceWorkerRegistration): Promise<void>;
  /** Ends the subscription of this browser. */
  unsubscribePush(registration: ServiceWorkerRegistration): Promise<void>;

  // ── Groups and messages ──

  /** The loaded groups by id. Without the option `groups` these are all groups of this user. */
  readonly groups: ReadonlyMap<string, Group>;
  /**
   * The number of this user's groups that are not loaded. The event `groups` is dispatched after it has changed, except for
   * changes of groups that are not loaded.
   */
  readonly moreGroups: number;
  /**
   * Loads the next groups in order of activity, at most `limit`: 1 to 100, by default 50. Resolves with their number; 0 if
   * there are no more. Simultaneous calls share one request.
   */
  loadGroups(limit?: number): Promise<number>;
  /** Returns a group by its id, and loads it if necessary. Rejects with code 404 if this user is not in it. */
  loadGroup(group: string): Promise<Group>;
  /** Returns the private group with a user, and loads it if necessary; undefined if there is none. */
  loadPrivate(name: string): Promise<Group | undefined>;
  /** The loaded groups, including hidden ones: pinned groups first, each part in order of `date`, latest first. */
  readonly conversations: readonly Group[];
  /**
   * The sum of the unread messages of others in all groups that are not muted, each counted up to 100. It includes groups that
   * are not loaded, shortly after the connection is established.
   */
  readonly unread: number;
  /**
   * Resolves with the stored name of the user that a typed name matches: it can differ in case and width, where the server
   * ignores these. Null if this user cannot find anybody by the name.
   */
  findUser(name: string): Promise<string | null>;
  /** Returns the private group with a user if it is loaded. Names are compared like in `sameName`. */
  privateWith(name: string): Group | undefined;
  /**
   * Returns whether two names belong to the same user. Case makes no difference, except in ASCII names on a server with the
   * feature `exact_names`, which is known once connected.
   */
  sameName(one: string, other: string): boolean;
  /** Returns the unsent messages to a user without a private group yet. */
  unsentTo(name: string): readonly Unsent[];
  /** The number of unsent messages, including failed ones. */
  readonly unsentCount: number;

  /**
   * Sends a message to a group (by its id) or to a user. It is in `unsent` at once, and is sent as soon as possible, exactly
   * once, even after a lost connection or, if `persistent`, a reload. Throws a TypeError for an invalid argument, such as
   * `data` that cannot be written as JSON.
   */
  send(where: string | { group: string } | { to: string }, body: string, options?: SendOptions): Sending;
  /** Sends a failed message again. */
  resend(clientId: string): void;
  /** Discards an unsent message. If it was being sent, it can still arrive. */
  discard(clientId: string): void;

  /**
   * Uploads a file, for `send` or as an avatar. A file of more than 1 MiB resumes after a lost connection; a `File` also
   * resumes after a reload, if it is passed again. Rejects with code 413 if the file is too large or exceeds the user's quota,
   * and with 415 if its type is not allowed. Use the file in a message or as an avatar within a day: otherwise the server
   * deletes it.
   */
  upload(blob: Blob, options?: UploadOptions): Promise<FileInfo>;
  /** Deletes an uploaded file that no message contains. Never rejects: the server deletes such files after a day anyway. */
  discardFile(id: string): Promise<void>;
  /**
   * Returns the address of a file or its thumbnail, for `src` and `href`. On pages of other origins, or with a token, it
   * contains a ticket and is valid for at least 5 minutes, but no longer than the token: call the method again when loading
   * fails.
   */
  fileUrl(file: FileInfo, options?: { thumbnail?: boolean | undefined }): Promise<string>;
  /**
   * Returns the address of an avatar for `src`, for an uploaded image that of its thumbnail. It is valid as long as that of a
   * file.
   */
  avatarUrl(avatar: string): Promise<string>;

  /** Changes the text of one of this user's messages, within `ServerInfo.messages.edit_window`. Without `mentions` they stay. */
  edit(messageId: string, body: string, options?: { mentions?: readonly string[] | undefined }): Promise<void>;
  /** Adds a reaction to a message, or removes it. `emoji` is one emoji, or a name such as `:tada:`. */
  react(messageId: string, emoji: string, on: boolean): Promise<void>;
  /**
   * Pins a message above the others of its group, or unpins it. Allowed for owner and admins, and for both users of a private
   * group.
   */
  pin(messageId: string, on: boolean): Promise<void>;
  /**
   * Reports a message to the admins of the server, with a reason of 1 to 1,000 characters. A new reason replaces the old one.
   */
  report(messageId: string, reason: string): Promise<void>;
  /**
   * Deletes one of this user's messages, within `ServerInfo.messages.delete_window`. Owner and admins of a group can delete
   * messages of others at any time, but only the owner those of admins.
   */
  delete(messageId: string): Promise<void>;

  /**
   * Loads older messages, at most `limit`: 1 to 100, by default 50. Entries count towards the limit. Resolves with the number
   * of messages, which can be 0 while `hasEarlier` is still true. Simultaneous calls share one request.
   */
  loadEarlier(group: string, limit?: number): Promise<number>;
  /** Loads newer messages if `hasLater`, with the same limits and result as `loadEarlier`. */
  loadLater(group: string, limit?: number): Promise<number>;
  /**
   * Replaces the loaded messages with those around a number (`seq`): up to half of `limit` (50) before it, and as many after
   * it.
   */
  loadAround(group: string, seq: number, limit?: number): Promise<void>;
  /** Replaces the loaded messages with the newest ones. */
  loadLatest(group: string): Promise<void>;
  /** Loads the `entries` that are missing among and after the loaded messages. */
  loadEntries(group: string): Promise<void>;
  /**
   * Follows the replies to a message (by its id) until `close`, and starts to load them. Throws with code 404 if the group is
   * not loaded.
   */
  openThread(group: string, root: string): Thread;
  /** Loads one message by its id. Rejects with code 404 if it does not exist, or this user cannot see it. */
  fetchMessage(messageId: string): Promise<Message>;
  /**
   * Loads one message of a group; null if it was deleted. `message` of the group then returns it, and events keep it up to
   * date.
   */
  findMessage(group: string, messageId: string): Promise<Message | null>;

  /** Loads the pinned messages of a group, the most recently pinned first. `message` of the group then returns them. */
  loadPins(group: string): Promise<Message[]>;

  /**
   * Marks messages as read up to a number (`seq`), by default all. A mark never moves back. It is sent within a third of a
   * second, or once connected again.
   */
  markRead(group: string, seq?: number): void;
  /**
   * Signals that the user is typing. Call it with each keystroke: it is sent no more often than necessary, and ends by itself 5
   * seconds after the last call, with a message, or with `writing` false.
   */
  typing(group: string, writing?: boolean): void;

  /**
   * Finds the first people, groups and messages for a text, for a search box. With a `*` at its end, messages also match longer
   * words. `signal` cancels an outdated request: the promise then rejects with code 0.
   */
  search(q: string, options?: { signal?: AbortSignal | undefined }): Promise<Found>;
  /**
   * Finds messages, newest date first, in pages. A page can be short, even empty, while there are more: continue until `next`
   * is null.
   */
  searchMessages(search: MessageSearch): Promise<FoundPage>;

  /** Creates a group that this user owns. */
  createGroup(group: NewGroup): Promise<Group>;
  /** Changes the name, users or details of a group. Rejects with code 403 if this user's role does not allow a change. */
  updateGroup(group: string, change: GroupChange): Promise<void>;
  /** Changes this user's own settings of a group. Missing keys keep their values. */
  changeSettings(group: string, change: Partial<GroupSettings>): Promise<void>;
  /** Leaves a group. A private group cannot be left. */
  quitGroup(group: string): Promise<void>;
  /**
   * Loads a page of a group's members, by role and then by joining; `next` is the `cursor` of the next page, or null. `query`
   * is the beginning of a name or display name, in any spelling. `like` is a text that the name or display name must look like,
   * and is used instead of `query`. `limit` is 1 to 1000, by default 50.
   */
  loadMembers(
    group: string,
    part?: { query?: string | undefined; like?: string | undefined; role?: Member["role"] | "" | undefined; cursor?: string | null | undefined; limit?: number | undefined },
  ): Promise<{ members: Member[]; next: string | null }>;
  /**
   * Loads `owner`, `admins` and `restricts` of a group of more than 100 users, which the option `groups` omits. Call it when
   * the group is opened. The event `group` follows if they have changed. Does nothing if the lists are complete.
   */
  loadRoles(group: string): Promise<void>;
  /** Loads the names of members who have not accepted yet. No event reports their acceptance. */
  pendingMembers(group: string): Promise<string[]>;
  /** Loads the names of the users who are banned from a group, for its owner and admins. No event reports bans. */
  bannedUsers(group: string): Promise<string[]>;
  /**
   * Loads a page of the groups that anyone can join, by name; `next` is the `cursor` of the next page, or null. `query` is the
   * beginning of a name, ignoring case, accents and width. `limit` is 1 to 1000, by default 50.
   */
  openGroups(part?: { query?: string | undefined; cursor?: string | null | undefined; limit?: number | undefined }): Promise<{ groups: OpenGroup[]; next: string | null }>;
  /** Joins an open group, and resolves with it. A member keeps its role. Rejects with code 403 for a banned user. */
  joinGroup(group: string): Promise<Group>;
  /**
   * Creates a code with which anyone can join a group, for its owner and admins. `uses` is the number of users who can join
   * with it: 1 to 10,000, or null for any number, by default 1. `ttl` is in seconds, at most 365 days, by default 7 days.
   */
  createInvite(group: string, invite?: { uses?: number | null | undefined; ttl?: number | undefined }): Promise<Invite>;
  /** Loads the valid codes of a group, the newest first, for its owner and admins. */
  loadInvites(group: string): Promise<Invite[]>;
  /** Ends a code, for the owner and admins of its group. */
  endInvite(group: string, code: string): Promise<void>;
  /** Loads the group of a code. Rejects with code 404 if the code is unknown, expired or used up. */
  lookAtInvite(code: string): Promise<InvitedGroup>;
  /** Joins a group with a code, and resolves with it. Rejects like `lookAtInvite`, and with code 403 for a banned user. */
  useInvite(code: string): Promise<Group>;
  /** Accepts a `pending` group. */
  acceptGroup(group: string): Promise<void>;
  /** Leaves a `pending` group. Afterwards only a contact can add this user again. */
  declineGroup(group: string): Promise<void>;
  /** Deletes a group, for its owner. */
  deleteGroup(group: string): Promise<void>;

  // ── People ──

  readonly relations: Relations;
  /** Returns the status of this user or of a contact; undefined for others, whose status is not visible. */
  statusOf(name: string): Status | undefined;
  /**
   * Returns the profile of a user. An unknown profile is requested, and an empty one is returned until the event `profile`
   * reports its arrival.
   */
  profileOf(name: string): Profile;
  /** Returns the display name of a user, or else the name. */
  nameOf(name: string): string;
  /** Returns whether a user's display name can be mistaken for another known user's: then show the name next to it. */
  isAmbiguous(name: string): boolean;
  /** Records that a user's current display name looks like that of an unknown user, for `isAmbiguous`. */
  noteAlike(name: string): void;
  /** Loads a user with everything that this user can see of it. Rejects with code 404 if there is none. */
  loadUser(name: string): Promise<User>;
  /** Changes this user's own profile and settings. */
  changeUser(change: UserChange): Promise<void>;
  /**
   * Sets this user's status on this connection, until the user signs out. `disconnected` makes the user appear offline, on all
   * connections.
   */
  setStatus(status: Status): void;
  /** Changes the relation to a user. Resolves with the result: `contact` if an `invitation` was mutual. */
  relate(name: string, operation: Operation): Promise<Operation>;
  /** Invites a user, or accepts its invitation: `relate(name, "invitation")`. */
  invite(name: string): Promise<Operation>;
  /** Accepts an invitation, or invites: `relate(name, "contact")`. */
  accept(name: string): Promise<Operation>;
  /** Deletes the invitation of a user: `relate(name, "deny")`. */
  deny(name: string): Promise<Operation>;
  /** Removes the relation to a user, in both directions unless the user has blocked this one: `relate(name, "remove")`. */
  remove(name: string): Promise<Operation>;
  /** Blocks a user: neither can then write to the other in private. `relate(name, "block")`. */
  block(name: string): Promise<Operation>;
  /** Ends a block: `relate(name, "remove")`. */
  unblock(name: string): Promise<Operation>;
}

export default Chinwag;
