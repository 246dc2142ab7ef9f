// The groups that the server has not shown: a connection may be shown only those of the latest activity. The others come by
// pages in that order, by their ids where an event or the application asks for them, or as the private group with somebody.
// Groups that are here from an earlier connection, and were not shown by this one, are compared with the server's.

import { ChinwagError, lost } from "./error.js";

/** @typedef {import("./group.js").Group} Group */
/** @typedef {import("./link.js").Frame} Frame */

const PAGE = 50;
const PAGE_MOST = 100;
/** The server answers so many ids in one request. */
const AT_ONCE = 100;
/** The longest list of ids alone. */
const IDS_MOST = 1000;
const PAUSE = 300;
const FAILED_PAUSE = 3_000;
const COUNT_PAUSE = 500;
const COUNT_TRIES = 3;
/** So many messages of a group that is being loaded are remembered, for notifications. */
const HEARD_MOST = 20;
/** A count of so many is "so many or more". */
const UNREAD_MOST = 100;
const ALL = "__all__";
/** The parts of a group that change without an event in its log. */
const MARKS = "id,head,reads,pins,last_read,last_read_seq,unread,me";
const ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const NOT_IN = "You are not in this group.";
const LOST = "The connection was lost. Try again.";

/**
 * A group that is asked for.
 * @typedef {object} Asked
 * @property {Promise<Group>} promise
 * @property {(group: Group) => void} resolve
 * @property {(error: ChinwagError) => void} reject
 * @property {any[]} heard its messages that came as events meanwhile
 * @property {number} seq the highest number of its events
 * @property {boolean} again whether something without a number has changed meanwhile
 */
/**
 * @typedef {object} Home
 * @property {Map<string, Group>} groups
 * @property {import("./link.js").Link} link
 * @property {import("./rest.js").Rest} rest
 * @property {number} messages how many messages are asked for of each group
 * @property {(data: any, isNew: boolean) => boolean} show takes the server's view of a group; false if it has to be asked for again
 * @property {(group: Group) => void} lack asks for missing events
 * @property {(id: string) => void} drop
 * @property {(id: string) => void} missing a group that is not here does not exist for this user
 * @property {(group: Group, message: any) => void} arrive a message has come that the group was loaded with
 * @property {() => void} tell dispatches that groups have come
 * @property {() => void} compared the groups of an earlier connection are as the server has them
 * @property {() => void} counted
 * @property {() => Promise<void>} flush sends this user's waiting read marks
 */

/**
 * What is unread in those of the groups that are not muted.
 * @param {Map<string, Group>} groups
 */
export function unreadIn(groups) {
  return [...groups.values()].reduce((sum, { muted, unread }) => sum + (muted ? 0 : unread), 0);
}

export class Listing {
  /** How many groups are not here. Until the last page it is at least 1: one that came by its id may be newer than the summary. */
  left = 0;
  /** Whether this connection was shown a part of the groups. */
  #isPart = false;
  /** The number of unread messages in those of them that are not muted. */
  unread = 0;
  /**
   * Groups to compare with the server's, and whether that is of another history.
   * @type {Map<string, boolean>}
   */
  #stale = new Map();
  /** @type {Map<string, Asked>} */
  #asked = new Map();
  /**
   * Those of them whose answer is awaited.
   * @type {Set<string>}
   */
  #flying = new Set();
  /** So many of the groups to compare are not the user's any more. */
  #gone = 0;
  /**
   * The end of the pages so far: undefined before the first, null after the last.
   * @type {string | null | undefined}
   */
  #cursor;
  /** @type {Promise<number> | null} */
  #paging = null;
  /** The number of the current connection. Answers to requests of earlier ones are void. */
  #era = 0;
  #busy = false;
  /** @type {number | undefined} */
  #counting;
  /** Whether groups have come since the server counted. */
  #isSpent = false;
  /** Whether the count that is on its way may be older than what it was asked for. */
  #isOutdated = false;
  /** The number of all groups, of a connection that was shown none and asks for what has changed; else null. */
  #all = /** @type {number | null} */ (null);
  #home;

  /** @param {Home} home */
  constructor(home) {
    this.#home = home;
  }

  /**
   * A summary has shown the groups, on a new connection.
   * @param {number | null} more the number of groups that it left out; null if it is no part
   * @param {string[]} held those of them that are here
   * @param {boolean | null} isOther whether the server has another history; null where it says what has changed, so that nothing
   *   is compared
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

  /** Call it when the connection is ready. */
  ready() {
    if (this.left && this.#all === null) void this.#pinned();
    void this.#pump();
  }

  /** The chat is closed: the next connection counts. */
  end() {
    clearTimeout(this.#counting);
    this.#counting = undefined;
  }

  /** What has changed since the last connection has come. */
  settle() {
    if (this.#all === null) return;
    this.left = Math.max(0, this.#all - this.#home.groups.size);
    // How far others have read is not told of.
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
   * A group by its id.
   * @param {string} id
   * @returns {Promise<Group>}
   */
  async want(id) {
    const held = this.#home.groups.get(id);
    if (held) return held;
    // The server would refuse the whole list that has another text among its ids.
    if (!this.#isPart || !ID.test(id)) throw new ChinwagError(404, { detail: NOT_IN });
    return this.#ask(id).promise;
  }

  /**
   * An event of a group that is not here.
   * @param {Frame} frame
   * @param {string} id
   */
  heard({ type, seq = 0, data }, id) {
    if (!this.#isPart) return;
    if (type === "message.read" || type === "group.quit" || type === "group.delete") {
      if (type !== "message.read") this.#less();
      return this.recount();
    }
    if (type !== "message.text" && type !== "group.me" && !this.#asked.has(id)) {
      // Nothing of it is shown. What is unread may have become less.
      if (type === "message.delete" || type === "message.update" || data.head !== undefined) this.recount();
      return;
    }
    const asked = this.#ask(id);
    asked.seq = Math.max(asked.seq, seq);
    if (!seq && this.#flying.has(id)) asked.again = true;
    if (type === "message.text" && asked.heard.length < HEARD_MOST) asked.heard.push(data);
    if (type === "group.me") this.recount();
  }

  /**
   * The server has counted what is unread in the groups that its summary left out.
   * @param {number} unread
   */
  counted(unread) {
    // It has counted the groups that are here, too.
    if (this.#all !== null) return;
    if (this.#isSpent || this.#stale.size) return this.recount();
    this.unread = unread;
    this.#home.counted();
  }

  /** Has the server count again, in a moment. */
  recount() {
    this.#isOutdated = true;
    this.#counting ??= setTimeout(() => void this.#count(COUNT_TRIES), COUNT_PAUSE);
  }

  /**
   * The next groups in order of activity. Resolves with how many have come; 0: there are none.
   * @param {number} [limit]
   */
  page(limit = PAGE) {
    this.#paging ??= this.#page(Math.min(PAGE_MOST, Math.max(1, Math.floor(limit)))).finally(() => (this.#paging = null));
    return this.#paging;
  }

  /**
   * The private group with somebody.
   * @param {string} name
   * @returns {Promise<Group | undefined>}
   */
  async with(name) {
    if (!this.left) return undefined;
    const { rows } = await this.#list({ with: name, limit: 1 });
    for (const row of rows) this.#show(row, []);
    this.#home.tell();
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
      for (const row of rows) {
        if (this.#home.groups.has(row.id)) continue;
        this.#show(row, []);
        came++;
      }
    }
    // A group that is not on any page has moved to the front, and its event has brought it.
    if (this.#cursor === null) this.left = 0;
    this.#home.tell();
    return came;
  }

  /** Goes past the groups that are here, in one list of ids. */
  async #seek() {
    const era = this.#era;
    const limit = Math.min(IDS_MOST, Math.max(1, this.#home.groups.size));
    const { rows, next } = await this.#list({ fields: "id", messages: 0, limit });
    if (era !== this.#era) return;
    this.#cursor = next;
    for (const { id } of rows) if (!this.#home.groups.has(id)) this.#ask(id);
  }

  /** Those that stand above the others. */
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
    const asked = { heard: [], seq: 0, again: false };
    asked.promise = new Promise((resolve, reject) => Object.assign(asked, { resolve, reject }));
    // Whoever only wants it to be here need not handle the rejection.
    asked.promise.catch(() => {});
    this.#asked.set(id, asked);
    // Several within a moment are one request.
    setTimeout(() => void this.#pump());
    return asked;
  }

  /** One request at a time: first for groups that somebody waits for. */
  async #pump() {
    if (this.#busy || !this.#home.link.ready || (!this.#asked.size && !this.#stale.size)) return;
    const era = this.#era;
    this.#busy = true;
    let pause = PAUSE;
    try {
      if (this.#asked.size) await this.#bring([...this.#asked.keys()].slice(0, AT_ONCE));
      else await this.#compare();
      this.#home.tell();
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
      this.#show(row, asked.heard);
      const group = /** @type {Group} */ (this.#home.groups.get(id));
      if (asked.seq > group.head && !group.behind) this.#home.lack(group);
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

  /** @param {any} row @param {any[]} heard its messages that have come as events */
  #show(row, heard) {
    const { groups, show, arrive } = this.#home;
    const before = groups.get(row.id);
    const head = before?.head ?? row.head;
    show(row, false);
    const group = groups.get(row.id);
    if (!group) return;
    // Later ones come as events.
    const came = heard.filter(({ author, seq }) => author !== group.me && seq <= head);
    if (!before) this.#spend(group, came.filter(({ seq }) => seq > group.lastRead).length);
    // The group is told of before its messages.
    if (came.length) this.#home.tell();
    for (const each of came) arrive(group, each);
  }

  #less() {
    const least = this.#cursor === null ? 0 : Math.min(1, this.left);
    this.left = Math.max(least, this.left - 1);
  }

  /**
   * A group counts by itself from now on, and no longer among those that are not here.
   * @param {Group} group
   * @param {number} since how many of its unread messages came since the server counted
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
      // An event came meanwhile, which the server may or may not have counted.
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
