// Groups outside of the summary, which may contain only the most recently active ones. The others are loaded in pages in
// that order, by id if an event or the application needs them, or as the private group with a user. Groups from an earlier
// connection that are not in this summary are compared with the server's.

import { ChinwagError, lost } from "./error.js";

/** @typedef {import("./group.js").Group} Group */
/** @typedef {import("./link.js").Frame} Frame */

const PAGE = 50;
const PAGE_MOST = 100;
/** The maximum number of ids in one request. */
const AT_ONCE = 100;
/** The maximum length of a list of ids only. */
const IDS_MOST = 1000;
const PAUSE = 300;
const FAILED_PAUSE = 3_000;
const COUNT_PAUSE = 500;
const COUNT_TRIES = 3;
/** The number of messages that are kept of a group while it is loaded, for notifications. */
const ARRIVED_MOST = 20;
/** A count of 100 means 100 or more. */
const UNREAD_MOST = 100;
const ALL = "__all__";
/** The fields of a group that change without an event in its log. */
const MARKS = "id,head,reads,pins,last_read,last_read_seq,unread,me";
const ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const NOT_IN = "You are not in this group.";
const LOST = "The connection was lost. Try again.";

/**
 * A requested group.
 * @typedef {object} Asked
 * @property {Promise<Group>} promise
 * @property {(group: Group) => void} resolve
 * @property {(error: ChinwagError) => void} reject
 * @property {any[]} arrived its messages that have arrived as events meanwhile
 * @property {number} seq the highest number of its events
 * @property {boolean} again whether anything without a number has changed meanwhile
 */
/**
 * @typedef {object} Home
 * @property {Map<string, Group>} groups
 * @property {import("./link.js").Link} link
 * @property {import("./rest.js").Rest} rest
 * @property {number} messages the number of messages to request per group
 * @property {(data: any, isNew: boolean) => boolean} show takes the server's view of a group; false if it must be requested again
 * @property {(group: Group) => void} requestMissing requests missing events
 * @property {(id: string) => void} drop
 * @property {(id: string) => void} missing a group that is not here does not exist for this user
 * @property {(group: Group, message: any) => void} arrive reports a message that arrived while the group was loaded
 * @property {() => void} dispatch dispatches that groups were loaded
 * @property {() => void} compared the groups of an earlier connection equal the server's
 * @property {() => void} counted
 * @property {() => Promise<void>} flush sends this user's waiting read marks
 */

/**
 * The number of unread messages in groups that are not muted.
 * @param {Map<string, Group>} groups
 */
export function unreadIn(groups) {
  return [...groups.values()].reduce((sum, { muted, unread }) => sum + (muted ? 0 : unread), 0);
}

export class Listing {
  /** The number of groups that are not loaded. At least 1 until the last page, since a group loaded by id may be newer than the summary. */
  left = 0;
  /** Whether this connection's summary was only a part of the groups. */
  #isPart = false;
  /** The number of unread messages in the groups that are not loaded and not muted. */
  unread = 0;
  /**
   * Groups to compare with the server's; true if the server's history has changed.
   * @type {Map<string, boolean>}
   */
  #stale = new Map();
  /** @type {Map<string, Asked>} */
  #asked = new Map();
  /**
   * Requested groups in flight.
   * @type {Set<string>}
   */
  #flying = new Set();
  /** The number of compared groups of which the user is no longer a member. */
  #gone = 0;
  /**
   * The cursor of the next page: undefined before the first page, null after the last.
   * @type {string | null | undefined}
   */
  #cursor;
  /** The date of the latest activity in the last group of the list; empty if it is unknown. */
  #active = "";
  /** @type {Promise<number> | null} */
  #paging = null;
  /** The number of the current connection. Answers to requests of earlier ones are void. */
  #era = 0;
  #busy = false;
  /** @type {number | undefined} */
  #counting;
  /** Whether groups were loaded since the server's count. */
  #isSpent = false;
  /** Whether the requested count may be older than the reason for the request. */
  #isOutdated = false;
  /** The number of all groups on a connection that resumes without a summary; else null. */
  #all = /** @type {number | null} */ (null);
  #home;

  /** @param {Home} home */
  constructor(home) {
    this.#home = home;
  }

  /**
   * Starts with the summary of a new connection.
   * @param {number | null} more the number of groups that it omits; null if it is complete
   * @param {string[]} held the omitted groups that are loaded
   * @param {boolean | null} isOther whether the server's history has changed; null if the server sends the changes, so that
   *   nothing is compared
   */
  begin(more, held, isOther) {
    const left = more ?? 0;
    this.#all = isOther === null ? left : null;
    this.#isPart = more !== null;
    this.#era++;
    this.#busy = false;
    this.#flying.clear();
    this.#cursor = undefined;
    this.#isSpent = false;
    clearTimeout(this.#counting);
    this.#counting = undefined;
    this.#stale = isOther === null ? new Map() : new Map(held.map((id) => [id, isOther]));
    this.left = Math.max(0, left - held.length);
    this.#gone = isOther === null ? 0 : Math.max(0, held.length - left);
    this.unread = 0;
  }

  /**
   * Adds their latest activity to groups in order of activity. It is unknown of a group without messages, and then at most that
   * of the group before it.
   * @param {any[]} rows
   * @param {string} [before] the latest activity in the group before these; by default the last one of the previous call
   */
  date(rows, before = this.#active) {
    this.#active = before;
    for (const row of rows) row.active = this.#active = row.messages[0]?.date ?? this.#active;
  }

  /** Call it when the connection is ready. */
  ready() {
    if (this.left && this.#all === null) void this.#pinned();
    void this.#pump();
  }

  /** The chat is closed: the next connection counts, and nobody waits for a group any longer. */
  end() {
    clearTimeout(this.#counting);
    this.#counting = undefined;
    for (const id of [...this.#asked.keys()]) this.#refuse(id, lost("The connection was closed."));
  }

  /** What has changed since the last connection has come. */
  settle() {
    if (this.#all === null) return;
    this.left = Math.max(0, this.#all - this.#home.groups.size);
    // These changes do not include the read marks of others.
    const isOwn = (/** @type {Group} */ { latest, me, unlisted }) => latest?.author === me && !unlisted;
    for (const group of this.#home.groups.values()) if (isOwn(group)) this.#stale.set(group.id, false);
    this.recount();
    void this.#pump();
  }

  get #isOpen() {
    return this.#home.link.state !== "closed";
  }

  get isCompared() {
    return this.#stale.size === 0;
  }

  forget() {
    this.begin(null, [], false);
    for (const id of [...this.#asked.keys()]) this.#refuse(id, lost(LOST));
  }

  /**
   * Loads a group by its id.
   * @param {string} id
   * @returns {Promise<Group>}
   */
  async want(id) {
    const held = this.#home.groups.get(id);
    if (held) return held;
    // An invalid id would make the server refuse the whole list.
    if (!this.#isPart || !ID.test(id)) throw new ChinwagError(404, { detail: NOT_IN });
    return this.#ask(id).promise;
  }

  /**
   * Handles an event of a group that is not loaded.
   * @param {Frame} frame
   * @param {string} id
   */
  receive({ type, seq = 0, data }, id) {
    if (!this.#isPart) return;
    if (type === "message.read" || type === "group.quit" || type === "group.delete") {
      if (type !== "message.read") this.#less();
      return this.recount();
    }
    if (type !== "message.text" && type !== "group.me" && !this.#asked.has(id)) {
      // This does not load the group, but there may be fewer unread messages.
      if (type === "message.delete" || type === "message.update" || data.head !== undefined) this.recount();
      return;
    }
    const asked = this.#ask(id);
    asked.seq = Math.max(asked.seq, seq);
    if (!seq && this.#flying.has(id)) asked.again = true;
    if (type === "message.text" && asked.arrived.length < ARRIVED_MOST) asked.arrived.push(data);
    if (type === "group.me") this.recount();
  }

  /**
   * Takes the server's count of unread messages in the groups that its summary omits.
   * @param {number} unread
   */
  counted(unread) {
    // This count includes the loaded groups.
    if (this.#all !== null) return;
    if (this.#isSpent || this.#stale.size) return this.recount();
    this.unread = unread;
    this.#home.counted();
  }

  /** Requests the server's count again after a moment. */
  recount() {
    this.#isOutdated = true;
    this.#counting ??= setTimeout(() => void this.#count(COUNT_TRIES), COUNT_PAUSE);
  }

  /**
   * Loads the next groups in order of activity. Resolves with their number; 0 if there are no more.
   * @param {number} [limit]
   */
  page(limit = PAGE) {
    this.#paging ??= this.#page(Math.min(PAGE_MOST, Math.max(1, Math.floor(limit)))).finally(() => (this.#paging = null));
    return this.#paging;
  }

  /**
   * Loads the private group with a user.
   * @param {string} name
   * @returns {Promise<Group | undefined>}
   */
  async with(name) {
    if (!this.left) return undefined;
    const { rows } = await this.#list({ with: name, limit: 1 });
    for (const row of rows) this.#show(row, []);
    this.#home.dispatch();
    return this.#home.groups.get(rows[0]?.id);
  }

  /** @param {number} limit */
  async #page(limit) {
    let came = 0;
    while (this.left && !came && this.#cursor !== null) {
      const era = this.#era;
      if (this.#cursor === undefined) await this.#seek();
      if (era !== this.#era) throw lost(LOST);
      if (this.#cursor === null) break;
      const cursor = /** @type {string} */ (this.#cursor);
      const { rows, next } = await this.#list({ limit, cursor });
      if (era !== this.#era) throw lost(LOST);
      this.#cursor = next;
      this.date(rows);
      for (const row of rows) {
        if (this.#home.groups.has(row.id)) continue;
        this.#show(row, []);
        came++;
      }
    }
    // A group that was on no page has moved to the front, and its event has loaded it.
    if (this.#cursor === null) this.left = 0;
    this.#home.dispatch();
    return came;
  }

  /** Skips the loaded groups with one list of ids. */
  async #seek() {
    const era = this.#era;
    const limit = Math.min(IDS_MOST, Math.max(1, this.#home.groups.size));
    const { rows, next } = await this.#list({ fields: "id", messages: 0, limit });
    if (era !== this.#era) return;
    this.#cursor = next;
    for (const { id } of rows) if (!this.#home.groups.has(id)) this.#ask(id);
  }

  /** Loads the pinned groups. */
  async #pinned() {
    const era = this.#era;
    try {
      const { rows } = await this.#list({ pinned: true, fields: "id", messages: 0, limit: AT_ONCE });
      if (era === this.#era) for (const { id } of rows) if (!this.#home.groups.has(id)) this.#ask(id);
    } catch (error) {
      if (!(error instanceof ChinwagError)) throw error;
      if (error.passing && this.#isOpen) setTimeout(() => era === this.#era && void this.#pinned(), FAILED_PAUSE);
    }
  }

  /** @param {string} id @returns {Asked} */
  #ask(id) {
    const before = this.#asked.get(id);
    if (before) return before;
    /** @type {any} */
    const asked = { arrived: [], seq: 0, again: false };
    asked.promise = new Promise((resolve, reject) => Object.assign(asked, { resolve, reject }));
    // A caller that only triggers the load need not handle the rejection.
    asked.promise.catch(() => {});
    this.#asked.set(id, asked);
    // Several groups within a moment share a request.
    setTimeout(() => void this.#pump());
    return asked;
  }

  /** Makes one request at a time, first for groups that were asked for. */
  async #pump() {
    if (this.#busy || !this.#home.link.ready || (!this.#asked.size && !this.#stale.size)) return;
    const era = this.#era;
    this.#busy = true;
    let pause = PAUSE;
    try {
      if (this.#asked.size) await this.#bring([...this.#asked.keys()].slice(0, AT_ONCE));
      else await this.#compare();
      this.#home.dispatch();
    } catch (error) {
      if (!(error instanceof ChinwagError)) throw error;
      if (!error.passing) for (const id of this.#flying) this.#refuse(id, error);
      if (!error.passing) this.#stale.clear();
      pause = FAILED_PAUSE;
    }
    if (era !== this.#era) return;
    this.#flying.clear();
    const goOn = () => {
      if (era !== this.#era) return;
      this.#busy = false;
      void this.#pump();
    };
    if (this.#asked.size && pause === PAUSE) goOn();
    else setTimeout(goOn, pause);
  }

  /** @param {string[]} ids */
  async #bring(ids) {
    const era = this.#era;
    this.#flying = new Set(ids);
    const { rows } = await this.#list({ ids: ids.join(","), limit: AT_ONCE });
    if (era !== this.#era) return;
    const found = new Map(rows.map((row) => [row.id, row]));
    for (const id of ids) {
      const [row, asked] = [found.get(id), this.#asked.get(id)];
      if (!asked) continue;
      if (!row) {
        this.#refuse(id, new ChinwagError(404, { detail: NOT_IN }));
        this.#home.missing(id);
        continue;
      }
      if (asked.again) {
        asked.again = false;
        continue;
      }
      this.#asked.delete(id);
      this.#show(row, asked.arrived);
      const group = /** @type {Group} */ (this.#home.groups.get(id));
      if (asked.seq > group.head && !group.behind) this.#home.requestMissing(group);
      asked.resolve(group);
    }
  }

  /** Compares groups of an earlier connection with the server's. */
  async #compare() {
    const era = this.#era;
    const isOther = [...this.#stale.values()].includes(true);
    const ids = [...this.#stale].filter(([, other]) => other === isOther).map(([id]) => id).slice(0, AT_ONCE);
    const part = isOther ? ALL : MARKS;
    const { rows } = await this.#list({ ids: ids.join(","), limit: AT_ONCE, fields: part, messages: isOther ? this.#home.messages : 0 });
    if (era !== this.#era) return;
    const found = new Set(rows.map((row) => row.id));
    for (const id of ids) {
      if (found.has(id)) continue;
      this.#stale.delete(id);
      if (this.#gone) this.#gone--;
      else this.left++;
      this.#home.drop(id);
    }
    for (const row of rows) if (!this.#home.groups.has(row.id) || this.#home.show(row, isOther)) this.#stale.delete(row.id);
    if (this.#stale.size) return;
    this.recount();
    this.#home.compared();
  }

  /** @param {any} row @param {any[]} arrived its messages that arrived as events */
  #show(row, arrived) {
    const { groups, show, arrive } = this.#home;
    const before = groups.get(row.id);
    const head = before?.head ?? row.head;
    show(row, false);
    const group = groups.get(row.id);
    if (!group) return;
    // Later ones arrive as events.
    const came = arrived.filter(({ author, seq }) => author !== group.me && seq <= head);
    if (!before) this.#spend(group, came.filter(({ seq }) => seq > group.lastRead).length);
    // The group is announced before its messages.
    if (came.length) this.#home.dispatch();
    for (const each of came) arrive(group, each);
  }

  #less() {
    const least = this.#cursor === null ? 0 : Math.min(1, this.left);
    this.left = Math.max(least, this.left - 1);
  }

  /**
   * From now on, a group counts its own unread messages, and is not in the server's count.
   * @param {Group} group
   * @param {number} since the number of its unread messages since the server's count
   */
  #spend(group, since) {
    this.#isSpent = true;
    this.#less();
    if (group.muted || group.pending) return;
    const counted = group.unread < UNREAD_MOST ? group.unread - since : UNREAD_MOST;
    this.unread = Math.max(0, this.unread - Math.max(0, counted));
  }

  /** @param {string} id @param {ChinwagError} error */
  #refuse(id, error) {
    this.#asked.get(id)?.reject(error);
    this.#asked.delete(id);
  }

  /** @param {number} tries */
  async #count(tries) {
    const era = this.#era;
    const sum = () => unreadIn(this.#home.groups);
    try {
      await this.#home.flush();
      const before = sum();
      this.#isOutdated = false;
      const { unread } = this.left ? await this.#home.rest.call("GET", "unread/") : { unread: before };
      if (era !== this.#era) return;
      this.#counting = undefined;
      // The server's count may or may not include an event that arrived meanwhile.
      if ((before !== sum() || this.#isOutdated) && tries > 1) {
        this.#counting = setTimeout(() => void this.#count(tries - 1), COUNT_PAUSE);
        return;
      }
      this.unread = Math.max(0, unread - before);
      this.#home.counted();
    } catch (error) {
      if (!(error instanceof ChinwagError)) throw error;
      if (era !== this.#era) return;
      this.#counting = error.passing && this.#isOpen ? setTimeout(() => void this.#count(tries), FAILED_PAUSE) : undefined;
    }
  }

  /** @param {Record<string, string | number | boolean>} asked */
  async #list(asked) {
    const query = { order: "recent", fields: ALL, messages: this.#home.messages, ...asked };
    const text = Object.entries(query).map(([key, value]) => [key, String(value)]);
    const { rows, next } = await this.#home.rest.list(`groups/?${new URLSearchParams(text)}`);
    return { rows: rows.map((row) => ({ ...row, shown: query.messages })), next };
  }
}
