// The public face of chinwag.js. What stands here is what applications may rely on.

/** Where to connect, and as whom. */
export interface ChinwagOptions {
  /**
   * The server's address, such as `https://chat.example` or `https://app.example/chinwag`. Left out: the one that this
   * module was loaded from. Anything else is a TypeError at once.
   */
  server?: string | URL;
  /**
   * A user's token, or a function that gives one; it is called again when a token has ended. Left out: the cookie of
   * this origin, which `signIn` and `signUp` set.
   */
  token?: string | (() => string | Promise<string>);
  /** How many messages of a group are held at a time, at least 100. Left out: 400. */
  held?: number;
  /** Whether unsent messages are kept over reloads, in IndexedDB. Left out: true. */
  keep?: boolean;
  /** Whether to say "afk" while the page has been hidden for a minute. Left out: false. */
  away?: boolean;
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
  /** When it was written: ISO 8601, UTC. */
  readonly date: string;
  /** `waiting` for its turn or the connection; `sending`; `failed`: refused, see `error`, then retry or discard it. */
  readonly state: "waiting" | "sending" | "failed";
  /** When it is sent again, in milliseconds since the epoch, where the server has put it off (429); else null. */
  readonly retryAt: number | null;
  readonly error: ChinwagError | null;
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
   * How many users are in it. In a group of more than 100 the lists above follow a change of its members after a while.
   */
  readonly membersCount: number;
  /** This user's role. */
  readonly role: Role;
  /**
   * Whether a stranger has added this user, who has not accepted: nothing of the group is sent until then. `acceptGroup`
   * or a message accepts, `declineGroup` leaves it.
   */
  readonly pending: boolean;
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
  /** The number up to which this user has read. */
  readonly lastRead: number;
  /** The numbers up to which others have read, as far as this client was told. */
  readonly reads: ReadonlyMap<string, number>;
  /** Who is writing just now. */
  readonly typing: readonly string[];
  /** What of this user's is on its way to this group, in order. */
  readonly unsent: readonly Unsent[];
  /** A held message by its id. */
  message(id: string): Message | undefined;
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

/** What a server offers. */
export interface ServerInfo {
  readonly version: string;
  /** Whether anybody may sign up. */
  readonly signup: boolean;
  /** Its limits by their settings, such as `limits.message_chars`. */
  readonly limits: Readonly<Record<string, unknown>>;
  /**
   * `consent` where users accept groups to which strangers add them, `directory` where everybody finds everybody,
   * `exact_names` where ASCII names differ by case, `rename` where users who signed up here may rename themselves, `windows`
   * where a socket may be shown a part of the summary. A client ignores those that it does not know.
   */
  readonly features: readonly string[];
  readonly oidc: { readonly name: string } | null;
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
}

/** What a group's members and name may be changed to. What is left out stays. */
export interface GroupChange {
  name?: string;
  /** Hands the group over: a list of one. */
  owner?: string[];
  admins?: string[];
  members?: string[];
  restricts?: string[];
  remove?: string[];
}

/** What changed, and no more than that: each is told after it has changed. */
export interface ChinwagEvents {
  /** `state`, `retryAt` or `me`. */
  state: CustomEvent<{ state: State }>;
  /** The credential has ended and there is no other: sign in again. The state is `closed`. */
  signedout: CustomEvent<{ reason: "ended" | "signed out" | "deleted" }>;
  /** Groups came or went. `groups` is all of them after a sign-in. */
  groups: CustomEvent<{ added: readonly Group[]; removed: readonly Group[] }>;
  /** A group's name or people, its `title` and `pending` included. */
  group: CustomEvent<{ group: Group }>;
  /**
   * A group's held messages. `added` and `changed` are numbers (`seq`) of messages held now, `removed` of such as no
   * longer are. With `reset` all of them are others: look at `messages` anew. Also told where `hasEarlier`, `hasLater`,
   * or `latest` alone have changed; then the lists are empty.
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
  /** What is unread of a group; with null, of groups that the server has not shown here. */
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
  /** Ends this session, closes, and forgets all, what is unsent included. */
  signOut(): Promise<void>;
  /** Ends all of the user's sessions, on every device, and does as `signOut`. */
  signOutEverywhere(): Promise<void>;
  /** Takes another name. */
  rename(name: string): Promise<void>;
  /** Deletes this user with all messages, and does as `signOut`. There is no way back. */
  deleteAccount(): Promise<void>;

  // ── Groups and messages ──

  /** By id. */
  readonly groups: ReadonlyMap<string, Group>;
  /** All groups, those written to last first. */
  readonly conversations: readonly Group[];
  /** How many of others' messages are unread in all groups together, of which each counts up to 100. */
  readonly unread: number;
  /**
   * The name of the user whom `name` finds, as that user writes it: names differ in case and width only where the server
   * lets them. Null if this user can find nobody by it.
   */
  findUser(name: string): Promise<string | null>;
  /** The private group with somebody, in whatever case the name is typed where that makes no other name. */
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
  send(where: string | { group: string } | { to: string }, body: string, options?: { respondTo?: string | null }): Sending;
  /** Sends a failed message again. */
  resend(clientId: string): void;
  /** Lets an unsent message go. One that was being sent may arrive all the same. */
  discard(clientId: string): void;

  edit(messageId: string, body: string): Promise<void>;
  delete(messageId: string): Promise<void>;

  /** Holds older messages, up to 100 at a time. Resolves with how many; 0: there are none. Calls at once are one. */
  loadEarlier(group: string, limit?: number): Promise<number>;
  /** Holds newer messages, where `hasLater`. */
  loadLater(group: string, limit?: number): Promise<number>;
  /** Holds the messages around a number (`seq`) in place of those held. */
  loadAround(group: string, seq: number, limit?: number): Promise<void>;
  /** Holds the newest messages in place of those held. */
  loadLatest(group: string): Promise<void>;
  /** One message by its id, held or not. */
  fetchMessage(messageId: string): Promise<Message>;

  /** Marks as read up to a number, or all. Marks never go back; the server is told a little later, and after an absence. */
  markRead(group: string, seq?: number): void;
  /** Says that the user is writing: call it with each keystroke; it is said no more often than needed, and ends by itself. */
  typing(group: string, writing?: boolean): void;

  createGroup(group: { name: string; admins?: string[]; members?: string[]; restricts?: string[] }): Promise<Group>;
  updateGroup(group: string, change: GroupChange): Promise<void>;
  quitGroup(group: string): Promise<void>;
  /** The names of members who were added and have not accepted yet. No event tells when they do. */
  pendingMembers(group: string): Promise<string[]>;
  /** Accepts a group that is `pending`. */
  acceptGroup(group: string): Promise<void>;
  /** Leaves a group that is `pending`: only a contact adds this user again. */
  declineGroup(group: string): Promise<void>;
  deleteGroup(group: string): Promise<void>;

  // ── People ──

  readonly relations: Relations;
  /** Of contacts and oneself; undefined for others, who do not say. */
  statusOf(name: string): Status | undefined;
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
