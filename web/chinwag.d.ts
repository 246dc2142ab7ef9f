// The public face of chinwag.js. What stands here is what applications may rely on.

/** Where to connect, and as whom. */
export interface ChinwagOptions {
  /**
   * The server's address, such as `https://chat.example` or `https://app.example/chinwag`. Left out: the one that this
   * module was loaded from. Anything else is a TypeError at once.
   */
  server?: string | URL | undefined;
  /**
   * A user's token, or a function that gives one; it is called again when a token has ended, and after growing pauses where it
   * fails or gives no text. Left out: the cookie of this origin, which `signIn` and `signUp` set. Anything else is a TypeError at
   * once.
   */
  token?: string | (() => string | Promise<string>) | undefined;
  /**
   * How many groups the connection begins with, 1 to 2000: those with the latest activity. `moreGroups` says how many are not
   * here; `loadGroups`, `loadGroup` and `loadPrivate` bring them, and so does a message in one. Use it for a list that loads
   * more as it is scrolled. Left out: all groups are here from the start, each with its 20 newest messages.
   */
  groups?: number | undefined;
  /** With `groups`: how many of the newest messages a group begins with, 1 to 20. Left out: 1. */
  messages?: number | undefined;
  /** How many messages of a group are held at a time, at least 100. Left out: 400. */
  held?: number | undefined;
  /** Whether unsent messages are kept over reloads, in IndexedDB. Left out: true. */
  keep?: boolean | undefined;
  /**
   * Whether the latest conversations and their newest messages are kept in IndexedDB until the user signs out, for `recall`.
   * Left out: false.
   */
  offline?: boolean | undefined;
  /** Whether to say "afk" while the page has been hidden for a minute. Left out: false. */
  away?: boolean | undefined;
}

/**
 * - `closed`: not connected, and nothing is tried: before `connect`, after `close`, or signed out
 * - `connecting`: on the way to the server
 * - `ready`: connected, and the server's summary has come
 * - `waiting`: the connection is lost, or did not come about; the next try is at `retryAt`
 */
export type State = "closed" | "connecting" | "ready" | "waiting";
export type Status = "online" | "afk" | "disconnected";
export type Role = "owner" | "admins" | "members" | "restricts";
export type Operation = "invitation" | "contact" | "deny" | "remove" | "block";

/** A message. It is never changed: an edit puts another object in its place. */
export interface Message {
  readonly id: string;
  readonly group: string;
  readonly author: string;
  /** What was written: text, and never markup. */
  readonly body: string;
  /** ISO 8601, UTC. */
  readonly date: string;
  /** Its number in the group's log: messages are in order by it. */
  readonly seq: number;
  /** The id of the message that it answers. */
  readonly respond_to: string | null;
  /** When it was last edited. */
  readonly edited: string | null;
  readonly client_id?: string;
  /** The names of the users whom it mentions, after `@all` if it mentions everyone. They need not stand in its text. */
  readonly mentions: readonly string[];
  /** The reactions by emoji (or a name such as `:tada:`), in order of the first of each. See `react`. */
  readonly reactions: Readonly<Record<string, Reaction>>;
  /** Whether it is pinned. See `pin`. */
  readonly pinned: boolean;
  /** The object that the sender's application has added. */
  readonly data: Readonly<Record<string, unknown>> | null;
  /** The id of the root of its thread, if it is a reply in one and the root stands. */
  readonly thread: string | null;
  /** The replies to it, if there are any. */
  readonly replies: Replies | null;
  /** Its files, in the order sent; at most 10. Its body may be empty then. */
  readonly attachments: readonly FileInfo[];
}

/** A file that the server has. */
export interface FileInfo {
  readonly id: string;
  /** As its uploader called it, without a path. */
  readonly name: string;
  /** Its media type, found by its content, and not as the uploader claimed. */
  readonly type: string;
  /** In bytes. */
  readonly size: number;
  /** In pixels; null if it is no image, or not known. */
  readonly width: number | null;
  readonly height: number | null;
  /** A small picture of an image, and its ThumbHash in base64 to be shown before it has come; null if there is none. */
  readonly thumbnail: { readonly url: string; readonly width: number; readonly height: number; readonly hash: string } | null;
  /** The text that the sender of its message has given for those who cannot see or hear it; null if there is none. */
  readonly alt: string | null;
}

/** A file to send: bytes that are yet to be uploaded, a file that was uploaded before, or the id of one. */
export type Attachable = Blob | FileInfo | string | DescribedFile;

/** A file to send with a text for those who cannot see or hear it. */
export interface DescribedFile {
  file: Blob | FileInfo | string;
  /** At most 1,000 characters. */
  alt: string | null;
}

/** Options of `upload`. */
export interface UploadOptions {
  /** The file's name. Left out: that of a `File`. */
  name?: string | undefined;
  /** Cancels it. The promise rejects then. */
  signal?: AbortSignal | undefined;
  /** Told how many bytes the server has. The number falls where a part has to be sent again. */
  onprogress?: ((progress: { loaded: number; total: number }) => void) | undefined;
}

/** A file of a message on its way. */
export interface UnsentFile {
  /** Null until it is uploaded. */
  readonly id: string | null;
  /** Its bytes; null if it was uploaded before the message was sent. */
  readonly blob: Blob | null;
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly alt: string | null;
  /** How many of its bytes the server has. */
  readonly loaded: number;
}

/** The replies in a thread, as its root shows them. */
export interface Replies {
  /** How many there are, counted up to 1000: 1000 is "1000 or more". */
  readonly count: number;
  /** The date of the newest: ISO 8601, UTC. */
  readonly last: string;
  /** The newest different authors, newest first, at most 3. */
  readonly names: readonly string[];
}

/** A thread that is shown. It changes under the reader's eyes: the event `thread` says when. */
export interface Thread {
  readonly group: Group;
  /** The id of the root. */
  readonly id: string;
  /** The root; null while it is loading, and where it is gone. */
  readonly root: Message | null;
  /** The replies held, by ascending `seq`: the newest, with none missing between them. */
  readonly replies: readonly Message[];
  /** Whether there are older replies than those held. */
  readonly hasEarlier: boolean;
  /** Whether the root was deleted: its replies are messages like others, and nothing can be added. */
  readonly gone: boolean;
  readonly loading: boolean;
  /** The reason if it could not be loaded; `load` tries again. */
  readonly error: ChinwagError | null;
  /** This user's messages on their way to this thread, in order. */
  readonly unsent: readonly Unsent[];
  load(): Promise<void>;
  /** Holds older replies. Resolves with how many. */
  loadEarlier(limit?: number): Promise<number>;
  /** No longer follows it. */
  close(): void;
}

/** The people who have added one emoji to a message. */
export interface Reaction {
  readonly count: number;
  /** The names of the first, at most 20. */
  readonly names: readonly string[];
  /** Whether this user is one of them. */
  readonly mine: boolean;
}

/** A message on its way. It is never changed: another object takes its place. */
export interface Unsent {
  readonly client_id: string;
  /** The group, or null for the first message to `to`. */
  readonly group: string | null;
  /** Whom it is for where there is no private group yet. */
  readonly to: string | null;
  readonly body: string;
  readonly respond_to: string | null;
  readonly data: Readonly<Record<string, unknown>> | null;
  /** The id of the root of its thread. */
  readonly thread: string | null;
  readonly mentions: readonly string[];
  /** Its files. Another list takes its place as they are uploaded. */
  readonly attachments: readonly UnsentFile[];
  /** When it was written: ISO 8601, UTC. */
  readonly date: string;
  /** `waiting` for its turn or the connection; `sending`; `failed`: refused, see `error`, then retry or discard it. */
  readonly state: "waiting" | "sending" | "failed";
  /** When it is sent again, in milliseconds since the epoch, where the server has put it off (429); else null. */
  readonly retryAt: number | null;
  readonly error: ChinwagError | null;
}

/** Options of `send`. */
export interface SendOptions {
  /** The id of the message that it answers. */
  respondTo?: string | null | undefined;
  /** The names of users to mention, at most 50, or `@all` for everyone, which the owner and admins may use. */
  mentions?: readonly string[] | undefined;
  /** The id of a root, in whose thread it is: a message of the group that is no reply in a thread itself. */
  thread?: string | null | undefined;
  /** An object of your own, at most 4 KiB of JSON, which everybody receives with the message. */
  data?: Record<string, unknown> | null | undefined;
  /**
   * Its files, at most 10. Bytes are kept with the message, over reloads too, and uploaded when its turn comes: files of
   * more than 1 MiB in parts, which go on after an interruption.
   */
  attachments?: readonly Attachable[] | undefined;
}

/** What `send` gives back. */
export interface Sending {
  readonly client_id: string;
  /** Resolves when the server has the message on its disk. Rejects when it is refused or discarded. */
  readonly sent: Promise<Message>;
}

/**
 * A group. What it holds is read only, and changes under the reader's eyes: the events of `Chinwag` say when. After the
 * user is removed from it, it stays as it was last.
 */
export interface Group {
  readonly id: string;
  /** `@` where it is private. See `title`. */
  readonly name: string;
  /** Whether it is between two people. */
  readonly private: boolean;
  /** What to call it: its name, or the other's; null in `notes`, and where the other of a private group was deleted. */
  readonly title: string | null;
  /** Whether it is private and this user's alone: notes to itself, which a message to its own name begins. */
  readonly notes: boolean;
  /** The other of a private group; null in others, in `notes`, and where the other was deleted. */
  readonly other: string | null;
  readonly owner: readonly string[];
  readonly admins: readonly string[];
  readonly members: readonly string[];
  readonly restricts: readonly string[];
  /**
   * How many users are in it. In a group of more than 100 the lists above follow a change of its members after a while, and
   * are empty before that with the option `groups`.
   */
  readonly membersCount: number;
  /** This user's role. In a group of more than 100, with the option `groups`, `members` until `loadRoles`, unless the user owns it. */
  readonly role: Role;
  /**
   * Whether a stranger has added this user, who has not accepted: nothing of the group is sent until then. `acceptGroup`
   * or a message accepts, `declineGroup` leaves it.
   */
  readonly pending: boolean;
  /** Its description, with line breaks; null if there is none. */
  readonly description: string | null;
  /** The `https` address of a picture, or the path of an uploaded one: see `avatarUrl`. Load it with `referrerpolicy="no-referrer"`. */
  readonly avatar: string | null;
  /** The host application's own object. */
  readonly data: Readonly<Record<string, unknown>> | null;
  /** Whether anyone may join. */
  readonly open: boolean;
  /** Seconds between two messages of one member; 0 for no limit. It does not hold the owner and admins back. */
  readonly slow: number;
  /** Days after which its messages are erased; null if it sets none. The server may erase them earlier. */
  readonly keep: number | null;
  /** Until when slow mode holds this user back, in milliseconds since the epoch; 0 if it does not, as far as is known. */
  readonly slowUntil: number;
  /** Its changes, among the held messages, by ascending `seq`. See `loadEntries`. Another list takes its place. */
  readonly entries: readonly Entry[];
  /** Whether entries may be missing, so that `loadEntries` has something to do. */
  readonly lacksEntries: boolean;
  /** This user's own settings of it, which nobody else sees. Another object takes its place when they change. */
  readonly settings: GroupSettings;
  /** Whether it is muted now: `mutedUntil` has not passed, or `notify` is `none`. */
  readonly muted: boolean;
  /** Whether events that were missed are being requested, so that what is unread is not known yet. */
  readonly isBehind: boolean;
  /** The last number of its log that is known here. */
  readonly head: number;
  /** The messages held, by ascending `seq`, with none missing between them. At most `ChinwagOptions.held`. */
  readonly messages: readonly Message[];
  /** Whether there are older ones than those held. */
  readonly hasEarlier: boolean;
  /** Whether there are newer ones than those held: after `loadEarlier` had to let go of them, or `loadAround`. */
  readonly hasLater: boolean;
  /** The newest message, held or not. */
  readonly latest: Message | null;
  /** When it was last written to; when it was made, if it never was. ISO 8601, UTC. */
  readonly date: string;
  /** How many of others' messages are unread, counted up to 100: 100 is "100 or more". */
  readonly unread: number;
  /** How many of them mention this user, counted likewise. Mentions by users whom it has blocked do not count. */
  readonly mentioned: number;
  /** The number up to which this user has read. */
  readonly lastRead: number;
  /** The numbers up to which others have read, as far as this client was told. */
  readonly reads: ReadonlyMap<string, number>;
  /** Who is writing just now. */
  readonly typing: readonly string[];
  /** What of this user's is on its way to this group, in order. */
  readonly unsent: readonly Unsent[];
  /** The ids of its pinned messages, the most recently pinned first. `loadPins` brings the messages. */
  readonly pins: readonly string[];
  /** A held message by its id, or one that `loadPins` or `findMessage` has loaded. */
  message(id: string): Message | undefined;
}

/** Changes of a group, as its history shows them. Never changed: another object takes its place. */
export interface Entry {
  readonly seq: number;
  /** ISO 8601, UTC. */
  readonly date: string;
  /** Who made the changes; null: the service, or a user who was deleted. */
  readonly by: string | null;
  readonly changes: readonly EntryChange[];
}

/** One change of a group. Ignore kinds that you do not know. */
export interface EntryChange {
  /**
   * `created`; `renamed` to `name`; `changed` (`keys`: `description`, `avatar`, `data`, `open`, `slow`, `keep`); `joined`,
   * `left`, `removed`, `owner` (`who`); `role` (`who`, `role`); `pinned`, `unpinned` (`id`); `user_renamed` from `name` to
   * `new_name`; `user_deleted`.
   */
  readonly kind: string;
  /** The message that was pinned or unpinned. */
  readonly id?: string;
  /** Whether that message was deleted while this page was open. */
  readonly deleted?: boolean;
  readonly name?: string | null;
  readonly new_name?: string;
  readonly keys?: readonly string[];
  /** The users; null for a deleted one. Live the first 100, with `count` where there are more. */
  readonly who?: readonly (string | null)[];
  readonly count?: number;
  readonly role?: "admin" | "member" | "restrict";
}

/** A member of a group, as the server lists it. */
export interface Member {
  readonly name: string;
  readonly role: "owner" | "admin" | "member" | "restrict";
  /** Since when: ISO 8601, UTC. */
  readonly since: string;
  /** The number of the last message read, if this user may see it. */
  readonly read: number | null;
  /** Whether the member has yet to accept. */
  readonly pending: boolean;
}

/** A user's own settings of a group. `changeSettings` sets them. */
export interface GroupSettings {
  /** The messages of which the user wants notifications. */
  readonly notify: "all" | "mentions" | "none";
  /** Until when it is muted: ISO 8601, UTC; null if it is not. */
  readonly mutedUntil: string | null;
  /** Whether it is hidden from the list. Its next message ends that. */
  readonly hidden: boolean;
  /** Whether it stands above the others. */
  readonly pinned: boolean;
  /** Whether the user has marked it as unread. The next `markRead` ends that. */
  readonly markedUnread: boolean;
}

/** Who is what to this user. */
export interface Relations {
  readonly contacts: ReadonlySet<string>;
  readonly blockeds: ReadonlySet<string>;
  readonly blocked_by: ReadonlySet<string>;
  /** Whom this user has invited. */
  readonly invitations: ReadonlySet<string>;
  /** Who has invited this user. */
  readonly invited_by: ReadonlySet<string>;
}

/** How a user appears to others. */
export interface Profile {
  /** The name that people see; null: show the user's name. */
  readonly display_name: string | null;
  /**
   * The `https` address of a picture, or the path of an uploaded one: see `avatarUrl`. Null: draw initials. Load it with
   * `referrerpolicy="no-referrer"`.
   */
  readonly avatar: string | null;
  readonly kind: "person" | "bot";
}

/** A user as the server shows it to this user: `settings` only of oneself, `status` and `last_seen` only of contacts. */
export interface User extends Profile {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly created: string;
  readonly status?: Status;
  /** When the user was last not `disconnected`: null before the first time. Left out if the user hides it. */
  readonly last_seen?: string | null;
  readonly settings?: Readonly<UserSettings>;
}

/** A user's own settings. */
export interface UserSettings {
  added_by: "anyone" | "contacts" | "nobody";
  write_first: "anyone" | "contacts" | "nobody";
  hide_last_seen: boolean;
  hide_reads: boolean;
}

/** Changes of one's own profile and settings. What is left out stays; null clears. */
export interface UserChange {
  display_name?: string | null | undefined;
  /** The id of an image that `upload` has returned, or null; an address only where the server allows it (`avatar_urls`). */
  avatar?: string | null | undefined;
  settings?: Partial<UserSettings> | undefined;
}

/** What a server offers. */
export interface ServerInfo {
  readonly version: string;
  /** The id of its history: another one after an earlier state was restored. */
  readonly history: string;
  /** The version of Unicode whose emoji may be reactions. */
  readonly emoji: string;
  /** Whether anybody may sign up. */
  readonly signup: boolean;
  /** The provider of OpenID Connect through which people sign in on the server's own page, or null. Left out by older servers. */
  readonly oidc?: { readonly name: string } | null;
  /** Its limits by their settings, such as `limits.message_chars`. */
  readonly limits: Readonly<Record<string, unknown>>;
  /** Its features by name, such as `search`: the table is in docs/protocol.md, at "Features". Ignore names that you do not know. */
  readonly features: readonly string[];
  /** The times within which authors may edit and delete their messages, in seconds; null: at any time. */
  readonly messages: { readonly edit_window: number | null; readonly delete_window: number | null };
  /** The bounds of files, in bytes; `types` is null if any are allowed. Null or left out if there are no files. */
  readonly files?: { readonly max_size: number; readonly types: readonly string[] | null; readonly per_user: number } | null;
  /** Whether it pushes notifications to browsers and phones. */
  readonly push: boolean;
}

/** Something that did not come about. Its `message` is a sentence for people. */
export class ChinwagError extends Error {
  /** As over HTTP: 400, 401, 403, 404, 409, 413, 421, 429, 500, 503, 507. 0: no answer came, and what was asked may have been done. */
  readonly code: number;
  /** What is wrong with which field. */
  readonly fields: readonly { field: string; detail: string }[];
  /** The reason as the server wrote it: the beginning of a sentence may be a name, and is as it is. */
  readonly detail: string;
  /** After how many seconds to try again, if the server says so. */
  readonly retryAfter: number | null;
  /** The part of the host page's set-up that failed: its origin is not in `http.origins`, or its token function failed. */
  readonly setup: "origin" | "token" | null;
}

/** The details of a group. What is left out stays; null clears. */
export interface DetailsChange {
  /** At most 1,000 characters, with line breaks. */
  description?: string | null | undefined;
  /** The id of an image that `upload` has returned, or null; an address only where the server allows it (`avatar_urls`). */
  avatar?: string | null | undefined;
  data?: Record<string, unknown> | null | undefined;
  open?: boolean | undefined;
  slow?: number | undefined;
  /** Days from 1, or null for no end. */
  keep?: number | null | undefined;
}

/** A group to make. */
export interface NewGroup extends DetailsChange {
  name: string;
  admins?: string[] | undefined;
  members?: string[] | undefined;
  restricts?: string[] | undefined;
}

/** What a group's members, name and details may be changed to. What is left out stays. */
export interface GroupChange extends DetailsChange {
  name?: string | undefined;
  /** Hands the group over: a list of one. */
  owner?: string[] | undefined;
  admins?: string[] | undefined;
  members?: string[] | undefined;
  restricts?: string[] | undefined;
  remove?: string[] | undefined;
  /** They cannot join, nor be added. Members among them are removed. */
  ban?: string[] | undefined;
  /** Their bans end, before anybody is added. */
  unban?: string[] | undefined;
}

/** A group, as it is shown to somebody who is not in it. */
export interface InvitedGroup {
  readonly name: string;
  readonly description: string | null;
  readonly avatar: string | null;
  readonly membersCount: number;
}

/** A group that anyone may join. */
export interface OpenGroup extends InvitedGroup {
  readonly id: string;
}

/** A place at which the user is signed in. */
export interface UserSession {
  readonly id: string;
  /** The date of the sign-in; null if an earlier version of the server made it. */
  readonly created: string | null;
  /** The date of its last use, to within five minutes, for an open connection to within an hour. */
  readonly lastUsed: string | null;
  readonly expires: string;
  /** The `User-Agent` of the browser or program, at most 256 characters. */
  readonly agent: string | null;
  readonly address: string | null;
  /** Whether it is the session of this page. */
  readonly current: boolean;
}

/** A code with which anyone joins a group. */
export interface Invite {
  readonly code: string;
  readonly expires: string;
  /** How many may still join with it; null for any number. */
  readonly uses: number | null;
}

/** A message that was found. */
export interface FoundMessage extends Message {
  /**
   * The places in `body` that were found, ascending: the first Unicode scalar value and the number of them. Scalar values are
   * not the units of JavaScript's strings: count in `Array.from(body)`.
   */
  readonly marks: readonly (readonly [start: number, length: number])[];
}

/** The first results of a search, at most 5 of each. */
export interface Found {
  /** Users whose name or display name begins so, as far as this user can find them. */
  readonly people: readonly (Profile & { readonly name: string })[];
  /** This user's groups with a word in their name that begins so. */
  readonly groups: readonly { readonly id: string; readonly name: string; readonly avatar: string | null }[];
  readonly messages: readonly FoundMessage[];
  /** The percentage of the server's index of messages while it is being built, else null. */
  readonly indexing: number | null;
}

/** A page of the messages that a search finds. */
export interface FoundPage {
  messages: FoundMessage[];
  /** The `cursor` of the next page, or null. */
  next: string | null;
  /**
   * The percentage of the server's index of messages while it is being built, else null. Meanwhile a search needs more pages to
   * find the same.
   */
  indexing: number | null;
}

/** A search for messages. What is left out, or empty, sets no condition. */
export interface MessageSearch {
  /** Words, `"a phrase"`, `prefix*`, `-excluded`. Without a word to look for the search rejects with code 400. */
  q: string;
  /** The id of a group. */
  group?: string | undefined;
  /** The name of a user. */
  author?: string | undefined;
  /** Only messages before a date: ISO 8601. */
  before?: string | Date | undefined;
  /** Only messages after a date. */
  after?: string | Date | undefined;
  has?: "file" | "image" | "link" | "" | undefined;
  /** `me`: only messages of others that mention this user. */
  mentions?: "me" | "" | undefined;
  /** How many messages a page has at most: 1 to 100, 20 if it is left out. */
  limit?: number | undefined;
  /** The `next` of the page before. */
  cursor?: string | null | undefined;
  /** Cancels the request. The promise rejects then. */
  signal?: AbortSignal | undefined;
}

/** What changed, and no more than that: each is told after it has changed. */
export interface ChinwagEvents {
  /** `state`, `retryAt` or `me`. */
  state: CustomEvent<{ state: State }>;
  /**
   * The credential has ended and there is no other: sign in again. The state is `closed`. If the user is suspended, `problem` has
   * `code` 403 and says until when, and why.
   */
  signedout: CustomEvent<{ reason: "ended" | "signed out" | "deleted" }>;
  /** Groups came or went. `groups` is all of them after a sign-in. */
  groups: CustomEvent<{ added: readonly Group[]; removed: readonly Group[] }>;
  /** A group's name, people, details, `settings` or `pins`, its `title`, `pending` and `muted` included; or a pinned message that was loaded. */
  group: CustomEvent<{ group: Group }>;
  /**
   * A group's held messages and entries. `added` and `changed` are numbers (`seq`) of messages held now, `removed` of such as no
   * longer are. With `reset` all of them are others: look at `messages` anew. Also told where `hasEarlier`, `hasLater`,
   * `latest`, `entries` or a message that `findMessage` has loaded have changed alone; then the lists are empty.
   */
  messages: CustomEvent<{
    group: Group;
    added: readonly number[];
    changed: readonly number[];
    removed: readonly number[];
    reset: boolean;
  }>;
  /**
   * A message of somebody else has come, just now or while away: for notifications. Not told of messages of before the
   * connection was first made, nor where so many were missed that they were not listed.
   */
  message: CustomEvent<{ group: Group; message: Message }>;
  /** A thread that `openThread` has opened. */
  thread: CustomEvent<{ thread: Thread }>;
  /** What is unread of a group, `mentioned` included; with null, of groups that the server has not shown here. */
  unread: CustomEvent<{ group: Group | null }>;
  /** Somebody else has read up to somewhere. */
  read: CustomEvent<{ group: Group; name: string; seq: number }>;
  /** A group's `typing`. */
  typing: CustomEvent<{ group: Group }>;
  /** Messages on their way to a group, or to a person where there is no private group yet. */
  unsent: CustomEvent<{ group: Group | null; to: string | null }>;
  /** `persistent`. */
  persistent: CustomEvent<{ persistent: boolean }>;
  /** `relations`. */
  relations: CustomEvent<null>;
  /** Somebody's `statusOf`; with null, anybody's. */
  presence: CustomEvent<{ name: string | null }>;
  /** `profileOf` these users. */
  profile: CustomEvent<{ names: readonly string[] }>;
  /** Somebody, this user perhaps, has another name, or none any more (`newName` null). Messages and lists have changed already. */
  user: CustomEvent<{ name: string; newName: string | null }>;
}

/**
 * One user's connection to a Chinwag server, and all that is known by it.
 *
 * ```js
 * const chat = new Chinwag({ server: "https://chat.example", token: () => fetch("/chat-token").then((r) => r.text()) });
 * chat.addEventListener("message", ({ detail }) => console.log(detail.message.author, detail.message.body));
 * await chat.connect();
 * await chat.send({ to: "bob" }, "hello").sent;
 * ```
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

  /** The server's address, without a slash at its end. */
  readonly server: string;
  /** The signed-in user's name; null until it is known. */
  readonly me: string | null;
  /** Tells the user from earlier ones of the same name, for what is kept by name; empty until it is known. */
  readonly account: string;
  readonly state: State;
  /** When the next try is, in milliseconds since 1970; null unless `waiting`. */
  readonly retryAt: number | null;
  /** Why the connection was lost or did not come about, for people; null while `ready`. */
  readonly problem: ChinwagError | null;
  /** Whether unsent messages outlive the page. */
  readonly persistent: boolean;

  /**
   * Connects, and stays connected until `close`: what is lost is tried again by itself. Resolves when everything of the
   * start has come, which takes as long as the server is away. Rejects with code 401 if there is no good credential;
   * then sign in, or give another token. Calling it again is harmless.
   */
  connect(): Promise<void>;
  /**
   * While the first connection waits for the server: shows the user and the conversations as they were when the
   * connection was last there. With the option `offline`. False if nothing is known.
   */
  recall(): Promise<boolean>;
  /** Tries at once where the state is `waiting`. */
  retry(): void;
  /** Disconnects. What is known and what is unsent stays, and `connect` goes on. */
  close(): void;

  // ── The account ──

  /** Says what the server offers, signed in or not. Asked once; a failure is not kept. */
  serverInfo(): Promise<ServerInfo>;
  /** The signed-in user, or null if nobody is. Rejects with code 0 or 5xx if the server does not say. */
  whoAmI(): Promise<string | null>;
  /** Signs up and keeps the session: in a cookie on the server's own pages, else in memory. Then `connect`. */
  signUp(name: string, password: string): Promise<void>;
  /** Signs in, and keeps the session likewise. Then `connect`. */
  signIn(name: string, password: string): Promise<void>;
  /** Makes the new user whom a provider of OpenID Connect has identified, on the server's own page. Then `connect`. */
  chooseName(name: string): Promise<void>;
  /** Changes this user's password, and ends its other sessions. Rejects with code 403 if `old` is wrong. */
  changePassword(old: string, password: string): Promise<void>;
  /** Where this user is signed in, the newest first. */
  loadSessions(): Promise<UserSession[]>;
  /** Ends one of them: its connections close. */
  endSession(id: string): Promise<void>;
  /** Ends all but this one. */
  endOtherSessions(): Promise<void>;
  /** Ends this session, closes, and forgets all, what is unsent included. */
  signOut(): Promise<void>;
  /** Ends all of the user's sessions, on every device, and does as `signOut`. */
  signOutEverywhere(): Promise<void>;
  /** All data of this user in one ZIP: lines of JSON, and the uploaded files. */
  exportData(): Promise<Blob>;
  /** Takes another name. */
  rename(name: string): Promise<void>;
  /** Deletes this user with all messages, and does as `signOut`. There is no way back. */
  deleteAccount(): Promise<void>;

  /**
   * Lets the server push notifications to this browser, also while no page is open: call it at each start, once the user is
   * signed in and the browser's permission is granted. The service worker of `registration` shows them. Rejects if the browser
   * or the server refuses. Signing out ends it.
   */
  subscribePush(registration: ServiceWorkerRegistration): Promise<void>;
  /** Ends that. */
  unsubscribePush(registration: ServiceWorkerRegistration): Promise<void>;

  // ── Groups and messages ──

  /** By id: those that are here. Without the option `groups` that is all of them. */
  readonly groups: ReadonlyMap<string, Group>;
  /** How many further groups this user is in. The event `groups` says when it has changed, unless only groups elsewhere have. */
  readonly moreGroups: number;
  /**
   * Loads further groups in order of their activity, 50 if it is left out, 100 at most. Resolves with how many have come; 0:
   * there are none. Calls at once are one.
   */
  loadGroups(limit?: number): Promise<number>;
  /** A group by its id, loaded if it is not here. Rejects with code 404 if this user is not in it. */
  loadGroup(group: string): Promise<Group>;
  /** The private group with somebody, loaded if it is not here; undefined if there is none. */
  loadPrivate(name: string): Promise<Group | undefined>;
  /** The groups that are here, hidden ones too: pinned ones first, and of these and the others those written to last first. */
  readonly conversations: readonly Group[];
  /**
   * How many of others' messages are unread in all groups together that are not muted, of which each counts up to 100; groups
   * that are not here count as well, from a moment after the connection on.
   */
  readonly unread: number;
  /**
   * The name of the user whom `name` finds, as that user writes it: names differ in case and width only where the server
   * lets them. Null if this user can find nobody by it.
   */
  findUser(name: string): Promise<string | null>;
  /** The private group with somebody if it is here, in whatever case the name is typed where that makes no other name. */
  privateWith(name: string): Group | undefined;
  /**
   * Whether two names are one user's: as a rule case makes no other name, but on a server with `exact_names` it does in ASCII
   * names. Known once connected.
   */
  sameName(one: string, other: string): boolean;
  /** What is on its way to somebody with whom there is no private group yet. */
  unsentTo(name: string): readonly Unsent[];
  /** How many messages are on their way, failed ones included. */
  readonly unsentCount: number;

  /** Writes to a group (by its id), or to somebody. It is shown as unsent at once, and sent as soon as can be, once. */
  send(where: string | { group: string } | { to: string }, body: string, options?: SendOptions): Sending;
  /** Sends a failed message again. */
  resend(clientId: string): void;
  /** Lets an unsent message go. One that was being sent may arrive all the same. */
  discard(clientId: string): void;

  /**
   * Uploads a file, for `send`. Files of more than 1 MiB go on after a lost connection, those of the disk after a reload as
   * well. Rejects with code 413 if it is too large, or there is no room for it, and with 415 if its type is not allowed. A
   * file that no message carries, and that is no avatar, is gone after a day.
   */
  upload(blob: Blob, options?: UploadOptions): Promise<FileInfo>;
  /** Deletes a file of this user's that no message carries. */
  discardFile(id: string): Promise<void>;
  /**
   * The address of a file, or of its thumbnail, for `src` and `href`. Where the server's cookie does not reach this page it holds
   * a ticket, and is good for 5 minutes: ask again when it fails.
   */
  fileUrl(file: FileInfo, options?: { thumbnail?: boolean | undefined }): Promise<string>;
  /** The address of an avatar for `src`, as long good as that of a file: of an uploaded picture its thumbnail. */
  avatarUrl(avatar: string): Promise<string>;

  /** Gives a message of this user's another text. Mentions that are left out stay. */
  edit(messageId: string, body: string, options?: { mentions?: readonly string[] | undefined }): Promise<void>;
  /** Adds a reaction to a message, or removes it: one emoji, or a name such as `:tada:`. */
  react(messageId: string, emoji: string, on: boolean): Promise<void>;
  /** Pins a message above the others of its group, or unpins it: owner and admins, and both users of a private group. */
  pin(messageId: string, on: boolean): Promise<void>;
  /** Reports a message to the admins of the server, with a reason of 1 to 1,000 characters. Another reason replaces the first. */
  report(messageId: string, reason: string): Promise<void>;
  delete(messageId: string): Promise<void>;

  /** Holds older messages, up to 100 at a time. Resolves with how many; 0: there are none. Calls at once are one. */
  loadEarlier(group: string, limit?: number): Promise<number>;
  /** Holds newer messages, where `hasLater`. */
  loadLater(group: string, limit?: number): Promise<number>;
  /** Holds the messages around a number (`seq`) in place of those held. */
  loadAround(group: string, seq: number, limit?: number): Promise<void>;
  /** Holds the newest messages in place of those held. */
  loadLatest(group: string): Promise<void>;
  /** Holds the `entries` that are missing among the held messages and after them. */
  loadEntries(group: string): Promise<void>;
  /** Follows the replies to a message (by its id), until `close`. They are loaded at once. */
  openThread(group: string, root: string): Thread;
  /** One message by its id, held or not. */
  fetchMessage(messageId: string): Promise<Message>;
  /** The same of a group: null if it was deleted. The group's `message` finds it from then on, as it changes. */
  findMessage(group: string, messageId: string): Promise<Message | null>;

  /** The pinned messages of a group, the most recently pinned first. The group's `message` finds them from then on. */
  loadPins(group: string): Promise<Message[]>;

  /** Marks as read up to a number, or all. Marks never go back; the server is told a little later, and after an absence. */
  markRead(group: string, seq?: number): void;
  /** Says that the user is writing: call it with each keystroke; it is said no more often than needed, and ends by itself. */
  typing(group: string, writing?: boolean): void;

  /**
   * The first people, groups and messages that a text finds, for a search box. A `*` at the end of the text finds longer words of
   * messages, too. `signal` cancels an outdated request: the promise rejects then.
   */
  search(q: string, options?: { signal?: AbortSignal | undefined }): Promise<Found>;
  /**
   * A page of the messages that a search finds, newest date first; `next` is the `cursor` of the next page. A page may be short, even
   * empty, while there are more.
   */
  searchMessages(search: MessageSearch): Promise<FoundPage>;

  createGroup(group: NewGroup): Promise<Group>;
  updateGroup(group: string, change: GroupChange): Promise<void>;
  /** Changes this user's own settings of a group. What is left out stays. */
  changeSettings(group: string, change: Partial<GroupSettings>): Promise<void>;
  quitGroup(group: string): Promise<void>;
  /**
   * A page of a group's members, by role and then by joining; `next` is the `cursor` of the next page. `query` is the
   * beginning of a name or display name, in any spelling.
   */
  loadMembers(
    group: string,
    part?: { query?: string | undefined; like?: string | undefined; role?: Member["role"] | "" | undefined; cursor?: string | null | undefined; limit?: number | undefined },
  ): Promise<{ members: Member[]; next: string | null }>;
  /**
   * Loads `owner`, `admins` and `restricts` of a group of more than 100, which the option `groups` omits. Call it when the group
   * is opened. The event `group` follows once they are loaded. Does nothing if they are known.
   */
  loadRoles(group: string): Promise<void>;
  /** The names of members who were added and have not accepted yet. No event tells when they do. */
  pendingMembers(group: string): Promise<string[]>;
  /** The names of the users who are banned from a group, for its owner and admins. No event tells of bans. */
  bannedUsers(group: string): Promise<string[]>;
  /**
   * A page of the groups that anyone may join, by name; `next` is the `cursor` of the next page. `query` is the beginning
   * of a name, in any spelling.
   */
  openGroups(part?: { query?: string | undefined; cursor?: string | null | undefined; limit?: number | undefined }): Promise<{ groups: OpenGroup[]; next: string | null }>;
  /** Joins an open group, and resolves with it. A member stays as it is. */
  joinGroup(group: string): Promise<Group>;
  /**
   * Makes a code with which anyone joins a group, for its owner and admins. `uses`: how many may, null for any number, 1 if it is
   * left out. `ttl`: for how many seconds, 7 days if it is left out.
   */
  createInvite(group: string, invite?: { uses?: number | null | undefined; ttl?: number | undefined }): Promise<Invite>;
  /** The codes of a group that are good, the newest first, for its owner and admins. */
  loadInvites(group: string): Promise<Invite[]>;
  endInvite(group: string, code: string): Promise<void>;
  /** The group to which a code leads. */
  lookAtInvite(code: string): Promise<InvitedGroup>;
  /** Joins a group with a code, and resolves with it. */
  useInvite(code: string): Promise<Group>;
  /** Accepts a group that is `pending`. */
  acceptGroup(group: string): Promise<void>;
  /** Leaves a group that is `pending`: only a contact adds this user again. */
  declineGroup(group: string): Promise<void>;
  deleteGroup(group: string): Promise<void>;

  // ── People ──

  readonly relations: Relations;
  /** Of contacts and oneself; undefined for others, who do not say. */
  statusOf(name: string): Status | undefined;
  /**
   * How a user appears. An unknown profile is looked up, and the event `profile` says when it has come; until then it is
   * empty.
   */
  profileOf(name: string): Profile;
  /** A user's display name, or else its name. */
  nameOf(name: string): string;
  /** Whether a user's display name looks like another known user's: then show the name beside it. */
  isAmbiguous(name: string): boolean;
  /** Notes that a user's present display name looks like that of a user who is not known. */
  noteAlike(name: string): void;
  /** All that this user may see of a user, from the server. */
  loadUser(name: string): Promise<User>;
  /** Changes this user's own profile and settings. */
  changeUser(change: UserChange): Promise<void>;
  /** Says how this user is shown, as far as this page goes. */
  setStatus(status: Status): void;
  /** Changes the relation to somebody. Resolves with what stands: an `invitation` may make a `contact`. */
  relate(name: string, operation: Operation): Promise<Operation>;
  /** `relate(name, "invitation")`: invites, or accepts an invitation. */
  invite(name: string): Promise<Operation>;
  accept(name: string): Promise<Operation>;
  deny(name: string): Promise<Operation>;
  remove(name: string): Promise<Operation>;
  block(name: string): Promise<Operation>;
  unblock(name: string): Promise<Operation>;
}

export default Chinwag;
