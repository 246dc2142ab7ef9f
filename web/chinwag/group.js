// One group: its people, a part of its messages without gaps, and its read marks. sync.js applies events in the order
// of the log; this file only stores them.

import { count, countedAfter, recount, recountMention, take } from "./counts.js";
import { Entries } from "./entries.js";
import { landed } from "./flight.js";
import { Found } from "./found.js";
import { Members } from "./members.js";
import { message, react, renamePeople, unquoted } from "./message.js";
import { nothing } from "./news.js";
import { Pins } from "./pins.js";
import { Threads } from "./thread.js";

/** @typedef {import("../chinwag.js").Message} Message */
/** @typedef {import("./flight.js").Flight} Flight */
/** @typedef {import("./link.js").Frame} Frame */

/** The number of messages that the server shows of a group, unless a part is asked for. If there are fewer, there are no older ones. */
const SUMMARY = 20;

export class Group extends Members {
  /** @type {string} */ id;
  /** @type {Message[]} */ messages = [];
  /** @type {Message | null} */ latest = null;
  /** Numbers of the log for which no event is sent: they belong to a user's rename or deletion. */
  skips = 0;
  head = 0;
  /** Whether a stranger added this user, who has not accepted. Until then no events arrive. */
  pending = false;
  history = new Entries();
  pinned = new Pins();
  found = new Found();
  hasEarlier = false;
  hasLater = false;
  lastRead = 0;
  /** Messages up to this number do not count as unread, since this user joined after them. */
  joined = 0;
  unread = 0;
  mentioned = 0;
  /** Whether the number of unread messages is no longer certain. */
  uncounted = false;
  /**
   * Frames that cannot be applied yet, because earlier ones are missing.
   * @type {Frame[] | null}
   */
  behind = null;
  /** @type {any} The group in the last summary, in case too many events were missed. */
  fresh = null;
  /** @type {Set<Flight>} */ flights = new Set();
  threads = new Threads(this);
  /** The number of times that all messages were replaced. */
  era = 0;
  /** Whether the reader scrolls back. Then surplus messages are dropped at the end. */
  lookingBack = false;
  #home;
  #arrived;

  /**
   * @param {any} data a group as the server sends it
   * @param {import("./counts.js").Counter & { held: number, unsentOf(group: string): readonly import("../chinwag.js").Unsent[] }} home
   * @param {string} arrived the date of its arrival if it is new; empty if it is from a summary
   */
  constructor(data, home, arrived) {
    super();
    this.id = data.id;
    this.#home = home;
    this.#arrived = arrived;
    this.reset(data);
    this.news = nothing();
  }

  get me() {
    return this.#home.me;
  }

  get date() {
    return this.latest?.date ?? this.#arrived;
  }

  /** Whether the newest message is unknown, because the one after it was deleted. */
  get lacksLatest() {
    return this.latest === null && (this.hasEarlier || this.hasLater) && !this.pending;
  }

  get isBehind() {
    return this.behind !== null;
  }

  get entries() {
    return this.history.list;
  }

  get lacksEntries() {
    return this.history.isBehind && !this.hasLater;
  }

  get pins() {
    return this.pinned.ids;
  }

  get unsent() {
    return this.#home.unsentOf(this.id);
  }

  /** @param {string} id */
  message(id) {
    return this.messages.find((message) => message.id === id) ?? this.pinned.message(id) ?? this.found.message(id);
  }

  /**
   * Takes everything from the server's view of the group, with up to `shown` messages.
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
    const messages = data.messages.map((/** @type {any} */ each) => message(each, this.id, this.#home.me)).reverse();
    // An event shows an existing private group with its newest message only.
    const cut = this.private && messages.length === 1 && messages[0].seq > 1;
    const { shown = SUMMARY } = data;
    this.found.clear();
    this.replace(messages, (messages.length >= shown && messages[0]?.seq !== 1) || cut || pending, false);
    this.latest = this.messages[this.messages.length - 1] ?? null;
    this.history.reset(this.hasEarlier ? (this.messages[0]?.seq ?? this.head + 1) - 1 : 0);
    this.noteSent(this.messages.filter(({ author }) => author === this.#home.me).pop()?.date);
    this.#begin(data);
    this.marks(data);
  }

  /**
   * Determines from where on messages count. An event that shows a group has no count.
   * @param {any} data
   */
  #begin({ unread, joined, head }) {
    const isWholeLog = this.private && !this.hasEarlier;
    const isKnown = unread !== undefined || joined !== undefined || isWholeLog;
    this.joined = joined ?? (isKnown ? 0 : head);
    if (!isKnown && !this.pending) this.uncounted = true;
  }

  /** Read marks of other messages with the same numbers do not apply to these. */
  forgetMarks() {
    this.lastRead = 0;
    this.reads.clear();
  }

  /**
   * Takes name and people.
   * @param {any} data
   */
  describe(data) {
    if (this.takeDetails(data)) this.news.people = true;
    this.list(data);
  }

  /**
   * Takes this user's marks, which not every view of a group contains.
   * @param {any} data
   */
  marks(data) {
    if (data.me) this.settle(data.me);
    if (this.pinned.take(data.pins)) this.news.people = true;
    take(this, data, this.#home);
  }

  /** Requests the counts again after a change of a relation, on which they depend. */
  recount() {
    if (this.unread) this.uncounted = true;
  }

  /**
   * Takes this user's own settings, as the server sends them.
   * @param {any} me
   */
  settle({ notify, muted_until, hidden, pinned, marked_unread }) {
    if (notify === undefined) return;
    this.#set({ notify, mutedUntil: muted_until, hidden, pinned, markedUnread: marked_unread });
  }

  /** @param {Partial<import("../chinwag.js").GroupSettings>} change */
  #set(change) {
    /** @type {import("../chinwag.js").GroupSettings} */ const settings = { ...this.settings, ...change };
    if (JSON.stringify(settings) === JSON.stringify(this.settings)) return;
    this.settings = settings;
    this.news.people = true;
    this.news.unread = true;
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
    this.trim();
  }

  // ── Events of the log ──

  /** @param {any} data a new message */
  arrive(data) {
    const message = this.received(data);
    this.#noteInFlight(message.seq, message);
    if (!this.latest || this.latest.seq < message.seq) this.latest = message;
    this.#set({ hidden: false });
    this.news.edges = true;
    // Without the messages between, it would be in a wrong position.
    if (!this.hasLater) this.#put(message);
    if (this.typists.delete(message.author)) this.news.typing = true;
    // Nobody writes in a private group during a block.
    if (this.private && this.restricts.length) this.restrict(false);
    if (message.author === this.#home.me) return void (this.lastSent = Date.now());
    this.news.arrived.push(message);
    count(this, message, 1, this.#home);
  }

  /** @param {any} data a message of this group, which need not be held */
  received(data) {
    return message(data, this.id, this.#home.me, this.#held(data.id));
  }

  /** @param {any} data the current state of a message */
  update(data) {
    const message = this.received(data);
    recountMention(this, this.#held(data.id), message, this.#home);
    this.#change(message);
  }

  /** @param {import("./message.js").Reacted} change */
  react(change) {
    for (const flight of this.flights) flight.reacted.push(change);
    const held = this.#held(change.id);
    if (held) this.#change(react(held, change, this.#home.me));
  }

  /** @param {{ id: string, on: boolean }} change */
  pin({ id, on }) {
    for (const { pinned } of this.flights) pinned.set(id, on);
    if (this.pinned.set(id, on)) this.news.people = true;
    const held = this.#held(id);
    if (held) this.#change({ ...held, pinned: on });
  }

  /** @param {string} id */
  #held(id) {
    return this.message(id) ?? (this.latest?.id === id ? this.latest : undefined);
  }

  /** @param {Message} message */
  #change(message) {
    this.#noteInFlight(message.seq, message);
    if (this.pinned.note(message)) this.news.people = true;
    if (this.found.note(message)) this.news.edges = true;
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
    this.#rewrite((message) => unquoted(message, new Set([id])));
    if (this.pinned.set(id, false)) this.news.people = true;
    this.#forgotten(new Set([id]));
    const gone = held ?? (this.latest?.id === id ? this.latest : null);
    if (this.latest?.id === id) {
      // Until the message before it is known, the group keeps its date.
      this.#arrived = this.latest.date;
      this.latest = (!this.hasLater && this.messages[this.messages.length - 1]) || null;
      this.news.edges = true;
    }
    // The author of a message that is not stored here is unknown: the server's count is requested.
    if (!gone && seq > countedAfter(this) && this.unread) this.uncounted = true;
    if (gone) count(this, gone, -1, this.#home);
  }

  /** @param {string[]} ids several messages, deleted together */
  eraseTogether(ids) {
    const gone = new Set(ids);
    for (const flight of this.flights) for (const id of ids) flight.gone.add(id);
    for (const id of ids) if (this.pinned.set(id, false)) this.news.people = true;
    const held = this.messages.filter(({ id }) => gone.has(id));
    if (held.length < ids.length && this.unread) this.uncounted = true;
    if (this.latest && gone.has(this.latest.id) && !held.includes(this.latest)) held.push(this.latest);
    for (const { id, seq } of held) this.erase(id, seq);
    this.#rewrite((message) => unquoted(message, gone));
    this.#forgotten(gone);
  }

  /** @param {ReadonlySet<string>} gone ids of deleted messages, which entries may name and which may have been found */
  #forgotten(gone) {
    for (const id of gone) this.news.deleted.add(id);
    this.found.erase(gone);
    const { list } = this.history;
    this.history.erase(gone);
    if (this.history.list.some((entry, at) => entry !== list[at])) this.news.edges = true;
  }

  /** @param {string} name @param {number} seq */
  read(name, seq) {
    if (name === this.#home.me) {
      this.#set({ markedUnread: false });
      if (seq <= this.lastRead) return;
      this.lastRead = seq;
      // Messages from before this user joined do not count, although they may be stored here.
      const { unread, mentioned } = this;
      recount(this, this.#home);
      this.unread = Math.min(unread, this.unread);
      this.mentioned = Math.min(mentioned, this.mentioned);
      this.news.unread = true;
    } else {
      this.readBy(name, seq);
    }
  }

  /**
   * A change of the group. Without its entry, as in a resume, the entries are requested again.
   * @param {import("../chinwag.js").Entry | undefined} entry
   */
  enter(entry) {
    if (entry) for (const flight of this.flights) flight.entries.push(entry);
    if (!entry) this.history.knownUntil(this.head - 1);
    else if (!this.hasLater) this.history.arrive(entry);
    this.trim();
    this.news.edges = true;
  }

  // ── Pages of history ──

  /** Begins to record changes while a page is in flight. Pass the page to `land`. */
  takeOff() {
    /** @type {Flight} */
    const flight = { seen: new Map(), gone: new Set(), reacted: [], pinned: new Map(), roots: new Map(), entries: [] };
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
    return landed(flight, page, end, this.id, this.#home.me);
  }

  /** @param {Message[]} page @param {boolean} more whether there are older ones */
  prepend(page, more) {
    this.lookingBack = true;
    this.hasEarlier = more;
    for (const each of page) this.#put(each);
    this.news.edges = true;
  }

  /** @param {Message[]} page @param {boolean} more whether there are newer ones */
  append(page, more) {
    this.lookingBack = false;
    this.hasLater = more;
    for (const each of page) this.#put(each);
    this.news.edges = true;
  }

  // ── People ──

  /** @param {string} from @param {string} to */
  rename(from, to) {
    this.#missEntry(from, to);
    this.renameMember(from, to);
    this.#rewrite((message) => {
      const renamed = renamePeople(message, from, to);
      return message.author === from ? { ...renamed, author: to } : renamed;
    });
    if (this.latest?.author === from) this.latest = { ...this.latest, author: to };
    for (const { data } of this.behind ?? []) if (data?.author === from) data.author = to;
  }

  /**
   * A user was deleted.
   * @param {string} gone
   */
  forget(gone) {
    this.#missEntry(gone, null);
    this.forgetMember(gone);
    this.#rewrite((message) => renamePeople(message, gone, null));
  }

  /**
   * Entries contain current names. The rename's own entry is in no event and must be requested.
   * @param {string} name @param {string | null} to
   */
  #missEntry(name, to) {
    this.history.rename(name, to);
    if (this.roleOf(name) && !this.unlisted) this.history.knownUntil(this.head);
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
   * Replaces message objects.
   * @param {(message: Message) => Message} change
   */
  #rewrite(change) {
    this.pinned.rewrite(change);
    this.found.rewrite(change);
    for (const [at, message] of this.messages.entries()) {
      const changed = change(message);
      if (changed === message) continue;
      this.messages[at] = changed;
      this.news.changed.add(message.seq);
    }
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
    this.trim();
  }

  /** Drops surplus messages and entries at the end that is farther from the reader. */
  trim() {
    const { messages, entries } = this;
    const { held } = this.#home;
    const [over, entriesOver] = [messages.length - held, entries.length - held];
    if (over <= 0 && entriesOver <= 0) return;
    if (this.lookingBack) {
      const last = Math.min(messages[held]?.seq ?? Infinity, entries[held]?.seq ?? Infinity) - 1;
      for (const { seq } of messages.splice(this.#at(last + 1))) this.#removed(seq);
      this.history.keep(0, last);
      this.hasLater = true;
    } else {
      for (const { seq } of messages.splice(0, Math.max(0, over))) this.#removed(seq);
      this.history.keep(Math.max(over > 0 ? messages[0].seq : 0, entriesOver > 0 ? entries[entriesOver].seq : 0), Infinity);
      this.hasEarlier = true;
    }
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
}
