// One group: its people, a part of its messages without gaps, and its read marks. sync.js applies events in the order
// of the log; this file only stores them.

/** @typedef {import("../chinwag.js").Message} Message */
/** @typedef {import("../chinwag.js").Role} Role */
/** @typedef {import("./link.js").Frame} Frame */

/** The number of messages in the server's summary. If there are fewer, there are no older ones. */
const SUMMARY = 20;
const UNREAD_MOST = 100;
/** @type {readonly Role[]} */
const ROLES = ["owner", "admins", "members", "restricts"];

/**
 * The changes of a group since the last event.
 * @typedef {object} News
 * @property {Set<number>} added
 * @property {Set<number>} changed
 * @property {Set<number>} removed
 * @property {boolean} reset
 * @property {boolean} edges
 * @property {boolean} people
 * @property {boolean} unread
 * @property {boolean} typing
 * @property {Message[]} arrived
 */

/** @returns {News} */
const nothing = () => ({
  added: new Set(),
  changed: new Set(),
  removed: new Set(),
  reset: false,
  edges: false,
  people: false,
  unread: false,
  typing: false,
  arrived: [],
});

/**
 * Changes of messages while a page of history is requested. The page may show an earlier state.
 * @typedef {object} Flight
 * @property {Map<number, Message | null>} seen by number; null if it was deleted
 * @property {Set<string>} gone the ids of deleted messages
 */

export class Group {
  /** @type {string} */ id;
  /** @type {string} */ name = "";
  /** @type {string[]} */ owner = [];
  /** @type {string[]} */ admins = [];
  /** @type {string[]} */ members = [];
  /** @type {string[]} */ restricts = [];
  /** @type {Message[]} */ messages = [];
  /** @type {Message | null} */ latest = null;
  membersCount = 0;
  /** Whether the lists of members may be outdated: events of large groups carry none. */
  unlisted = false;
  /** Numbers of the log for which no event is sent: they belong to a user's rename or deletion. */
  skips = 0;
  head = 0;
  /** Whether somebody who is not a contact added this user, who has not accepted. Until then no events arrive. */
  pending = false;
  hasEarlier = false;
  hasLater = false;
  lastRead = 0;
  unread = 0;
  /** @type {Map<string, number>} */ reads = new Map();
  /** @type {Set<string>} */ typists = new Set();
  news = nothing();
  /**
   * Frames that cannot be applied yet, because earlier ones are missing.
   * @type {Frame[] | null}
   */
  behind = null;
  /**
   * The group in the last summary, in case too many events were missed.
   * @type {any}
   */
  fresh = null;
  /** @type {Set<Flight>} */ flights = new Set();
  /** The number of times that all messages were replaced. */
  era = 0;
  /** Whether the reader moves back in time. Then the newest messages are dropped. */
  lookingBack = false;
  #home;

  /**
   * @param {any} data a group as the server sends it
   * @param {{ me: string | null, held: number, unsentOf(group: string): readonly import("../chinwag.js").Unsent[] }} home
   */
  constructor(data, home) {
    this.id = data.id;
    this.#home = home;
    this.reset(data);
    this.news = nothing();
  }

  get private() {
    return this.name === "@";
  }

  get other() {
    if (!this.private) return null;
    return [...this.members, ...this.restricts].find((name) => name !== this.#home.me) ?? null;
  }

  /**
   * Whether these are the user's notes to itself. The other user of a private group with a deleted user is
   * restricted.
   */
  get notes() {
    return this.private && !this.restricts.length && this.members.length === 1;
  }

  get title() {
    return this.private ? this.other : this.name;
  }

  get role() {
    return this.roleOf(this.#home.me) ?? "restricts";
  }

  get date() {
    return this.latest?.date ?? dateOfId(this.id);
  }

  get typing() {
    return [...this.typists];
  }

  get unsent() {
    return this.#home.unsentOf(this.id);
  }

  /** @param {string} id */
  message(id) {
    return this.messages.find((message) => message.id === id);
  }

  /** @param {string | null} name */
  roleOf(name) {
    return ROLES.find((role) => name !== null && this[role].includes(name));
  }

  /**
   * Takes everything from the server's view of the group.
   * @param {any} data
   */
  reset(data) {
    const pending = data.me?.pending === true;
    if (pending !== this.pending) this.news.people = true;
    this.pending = pending;
    this.head = data.head;
    // A restored server knows less than before.
    this.lastRead = Math.min(this.lastRead, data.head);
    this.describe(data);
    const messages = data.messages.map((/** @type {any} */ each) => message(each, this.id)).reverse();
    // A private group that existed before is shown only with its newest message.
    const cut = this.private && messages.length === 1 && messages[0].seq > 1;
    this.replace(messages, messages.length >= SUMMARY || cut || pending, false);
    this.latest = this.messages[this.messages.length - 1] ?? null;
    this.marks(data);
  }

  /** Read marks of other messages with the same numbers do not apply to these. */
  forgetMarks() {
    this.lastRead = 0;
    this.reads.clear();
  }

  /**
   * Takes name and people. Without lists of members the stored lists stay, except for the owner.
   * @param {any} data
   */
  describe(data) {
    const before = JSON.stringify([this.name, this.membersCount, ROLES.map((role) => this[role])]);
    this.name = data.name ?? this.name;
    this.unlisted = data.members === undefined;
    for (const role of ROLES) {
      if (data[role]) this[role] = data[role];
      else this[role] = this[role].filter((name) => !data.owner.includes(name));
    }
    this.membersCount = data.members_count ?? ROLES.reduce((count, role) => count + this[role].length, 0);
    if (before !== JSON.stringify([this.name, this.membersCount, ROLES.map((role) => this[role])])) this.news.people = true;
  }

  /**
   * Shows both users of a private group according to the block between them, which is not in the log.
   * @param {boolean} blocked
   */
  restrict(blocked) {
    const both = [...this.members, ...this.restricts];
    this.members = blocked ? [] : both;
    this.restricts = blocked ? both : [];
    this.news.people = true;
  }

  /**
   * Takes this user's marks, which not every view of a group contains.
   * @param {any} data
   */
  marks(data) {
    const [mark, unread] = [this.lastRead, this.unread];
    const theirs = data.last_read_seq ?? 0;
    this.lastRead = Math.max(mark, theirs);
    // The server counts from its own mark, which may be older than the mark here.
    if (data.unread === undefined || theirs < mark) this.#recount();
    else this.unread = data.unread;
    if (mark !== this.lastRead || unread !== this.unread) this.news.unread = true;
  }

  /**
   * Replaces all messages.
   * @param {Message[]} messages ascending
   * @param {boolean} hasEarlier
   * @param {boolean} hasLater
   */
  replace(messages, hasEarlier, hasLater) {
    this.era++;
    this.messages = messages;
    Object.assign(this, { hasEarlier, hasLater, lookingBack: hasLater });
    this.news.reset = true;
    this.#trim();
  }

  // ── Events of the log ──

  /**
   * A new message.
   * @param {Message} message
   */
  arrive(message) {
    this.#noteInFlight(message.seq, message);
    if (!this.latest || this.latest.seq < message.seq) this.latest = message;
    this.news.edges = true;
    // Without the messages between, it would be in a wrong position.
    if (!this.hasLater) this.#put(message);
    if (this.typists.delete(message.author)) this.news.typing = true;
    // Nobody writes in a private group during a block.
    if (this.private && this.restricts.length) this.restrict(false);
    if (message.author === this.#home.me) return;
    this.news.arrived.push(message);
    if (message.seq > this.lastRead) this.#setUnread(this.unread + 1);
  }

  /**
   * The current state of a message.
   * @param {Message} message
   */
  update(message) {
    this.#noteInFlight(message.seq, message);
    const at = this.#at(message.seq);
    if (this.messages[at]?.seq === message.seq) {
      this.messages[at] = message;
      this.news.changed.add(message.seq);
    }
    if (this.latest?.id === message.id) {
      this.latest = message;
      this.news.edges = true;
    }
  }

  /** @param {string} id @param {number} seq the message's own */
  erase(id, seq) {
    this.#noteInFlight(seq, null);
    for (const flight of this.flights) flight.gone.add(id);
    const at = this.#at(seq);
    const held = this.messages[at]?.seq === seq ? this.messages[at] : null;
    if (held) {
      this.messages.splice(at, 1);
      this.#removed(seq);
    }
    for (const [at, message] of this.messages.entries()) {
      if (message.respond_to !== id) continue;
      this.messages[at] = { ...message, respond_to: null };
      this.news.changed.add(message.seq);
    }
    const gone = held ?? (this.latest?.id === id ? this.latest : null);
    if (this.latest?.id === id) {
      this.latest = this.messages[this.messages.length - 1] ?? null;
      this.news.edges = true;
    }
    // The author of a message that is not stored here is unknown; the next summary counts again.
    if (gone && gone.author !== this.#home.me && seq > this.lastRead && this.unread < UNREAD_MOST) this.#setUnread(this.unread - 1);
  }

  /** @param {string[]} ids several messages, deleted together */
  eraseTogether(ids) {
    const gone = new Set(ids);
    for (const flight of this.flights) for (const id of ids) flight.gone.add(id);
    const held = this.messages.filter(({ id }) => gone.has(id));
    if (this.latest && gone.has(this.latest.id) && !held.includes(this.latest)) held.push(this.latest);
    for (const { id, seq } of held) this.erase(id, seq);
    for (const [at, message] of this.messages.entries()) {
      if (!message.respond_to || !gone.has(message.respond_to)) continue;
      this.messages[at] = { ...message, respond_to: null };
      this.news.changed.add(message.seq);
    }
  }

  /** @param {string} name @param {number} seq */
  read(name, seq) {
    if (name === this.#home.me) {
      if (seq <= this.lastRead) return;
      this.lastRead = seq;
      this.#recount();
      this.news.unread = true;
    } else {
      this.reads.set(name, Math.max(seq, this.reads.get(name) ?? 0));
    }
  }

  // ── Pages of history ──

  /** Begins to record changes of messages. The page is given to `land`. */
  takeOff() {
    /** @type {Flight} */
    const flight = { seen: new Map(), gone: new Set() };
    this.flights.add(flight);
    return flight;
  }

  /**
   * A page in its current state, ascending.
   * @param {Flight} flight
   * @param {any[]} page
   * @param {number} end the number after which messages that arrived meanwhile follow the page
   * @returns {Message[]}
   */
  land(flight, page, end) {
    const found = new Map(page.map((each) => [each.seq, message(each, this.id)]));
    const last = Math.max(end, ...found.keys());
    for (const [seq, seen] of flight.seen) {
      if (seen === null) found.delete(seq);
      else if (found.has(seq) || seq > last) found.set(seq, seen);
    }
    const messages = [...found.values()].sort((a, b) => a.seq - b.seq);
    return messages.map((each) => (each.respond_to && flight.gone.has(each.respond_to) ? { ...each, respond_to: null } : each));
  }

  /** @param {Message[]} page @param {boolean} more whether there are older ones still */
  prepend(page, more) {
    this.lookingBack = true;
    this.hasEarlier = more;
    for (const each of page) this.#put(each);
    this.news.edges = true;
  }

  /** @param {Message[]} page @param {boolean} more whether there are newer ones still */
  append(page, more) {
    this.lookingBack = false;
    this.hasLater = more;
    for (const each of page) this.#put(each);
    this.news.edges = true;
  }

  // ── People ──

  /** @param {string} from @param {string} to */
  rename(from, to) {
    const renamed = (/** @type {string} */ name) => (name === from ? to : name);
    if (this.roleOf(from)) this.news.people = true;
    for (const role of ROLES) this[role] = this[role].map(renamed);
    for (const [at, message] of this.messages.entries()) {
      if (message.author !== from) continue;
      this.messages[at] = { ...message, author: to };
      this.news.changed.add(message.seq);
    }
    if (this.latest?.author === from) this.latest = { ...this.latest, author: to };
    for (const { data } of this.behind ?? []) if (data?.author === from) data.author = to;
    const read = this.reads.get(from);
    if (read !== undefined && this.reads.delete(from)) this.reads.set(to, read);
    if (this.typists.delete(from)) this.typists.add(to);
  }

  /**
   * A user was deleted.
   * @param {string} gone
   */
  forget(gone) {
    this.reads.delete(gone);
    if (!this.roleOf(gone)) return;
    for (const role of ROLES) this[role] = this[role].filter((name) => name !== gone);
    this.membersCount -= 1;
    this.news.people = true;
  }

  /** The changes since the last call. */
  takeNews() {
    const news = this.news;
    this.news = nothing();
    return news;
  }

  /**
   * The index of a number, or the index where it would be.
   * @param {number} seq
   */
  #at(seq) {
    let [low, high] = [0, this.messages.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.messages[middle].seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Inserts a message at the index of its number, once.
   * @param {Message} message
   */
  #put(message) {
    const at = this.#at(message.seq);
    const held = this.messages[at]?.seq === message.seq;
    this.messages.splice(at, held ? 1 : 0, message);
    (held ? this.news.changed : this.news.added).add(message.seq);
    this.news.removed.delete(message.seq);
    this.#trim();
  }

  /** Drops surplus messages at the end that is farther from the reader. */
  #trim() {
    const over = this.messages.length - this.#home.held;
    if (over <= 0) return;
    const gone = this.lookingBack ? this.messages.splice(-over) : this.messages.splice(0, over);
    if (this.lookingBack) this.hasLater = true;
    else this.hasEarlier = true;
    for (const { seq } of gone) this.#removed(seq);
    this.news.edges = true;
  }

  /** @param {number} seq */
  #removed(seq) {
    this.news.changed.delete(seq);
    if (!this.news.added.delete(seq)) this.news.removed.add(seq);
  }

  /** @param {number} seq @param {Message | null} message */
  #noteInFlight(seq, message) {
    for (const { seen } of this.flights) seen.set(seq, message);
  }

  /** Counts the stored messages. This is exact unless the mark lies before them or there are many. */
  #recount() {
    const count = this.messages.filter(({ author, seq }) => author !== this.#home.me && seq > this.lastRead).length;
    const all = !this.hasLater && (!this.hasEarlier || (this.messages[0]?.seq ?? 0) <= this.lastRead + 1);
    const none = !this.latest || this.latest.seq <= this.lastRead;
    this.#setUnread(none ? 0 : all ? count : Math.max(count, Math.min(this.unread, UNREAD_MOST)));
  }

  /** @param {number} unread */
  #setUnread(unread) {
    const now = Math.min(UNREAD_MOST, Math.max(0, unread));
    if (now !== this.unread) this.news.unread = true;
    this.unread = now;
  }
}

/**
 * A message in the form for applications.
 * @param {any} data
 * @param {string} group
 * @returns {Message}
 */
function message(data, group) {
  return data.group ? data : { ...data, group };
}

/**
 * Ids of version 7 begin with their time.
 * @param {string} id
 */
function dateOfId(id) {
  const date = new Date(parseInt(id.replace("-", "").slice(0, 12), 16));
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}
