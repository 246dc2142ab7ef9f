// The last known conversations, for a page that opens while the server is unreachable. They are stored in IndexedDB until
// the user signs out.

import { answerOf, openDatabase } from "./database.js";
import { onWindow } from "./page.js";
import { newId } from "./rest.js";

/** @typedef {import("./group.js").Group} Group */
/** @typedef {import("./people.js").People} People */
/** @typedef {import("./profiles.js").Profiles} Profiles */
/**
 * @typedef {object} Recalled
 * @property {string} name
 * @property {string} account
 * @property {string} history the id of the server's history, which qualifies the numbers
 * @property {string} [since] the server's point up to which everything is known
 * @property {any[]} groups as in a summary
 * @property {Record<string, any>} people
 * @property {Record<string, string[]>} relations
 */
/** @typedef {{ me: string | null, account: string, sync: { history: string, since: string }, people: People, profiles: Profiles }} Known */

/** The maximum number of stored groups, of messages per group, and of characters per group. */
const GROUPS = 200;
const MESSAGES = 20;
const LONGEST = 50_000;
/** Members of larger groups are not stored. */
const LISTED = 100;
/** Changes within this time are written together, in ms. */
const PAUSE = 1_500;
/** The client's events about what is kept. */
const NOTED = new Set(["groups", "group", "messages", "unread", "relations", "user"]);
const MARK = "chinwag:known:";
const USERS = "users";
const STORE = "groups";

export class Recall {
  #server;
  #home;
  /** @type {Promise<IDBDatabase> | null} */
  #opening = null;
  /** @type {IDBDatabase | null} */
  #database = null;
  /** The id of this user's stored data, once the server has sent the groups to this page; else empty. */
  #mark = "";
  /** Groups that have changed since they were written. @type {Set<string>} */
  #changed = new Set();
  /** The ids of the groups that are kept. */
  #kept = new Set();
  /** @type {number | undefined} */
  #timer;
  /**
   * Aborted when the connection is closed.
   * @type {AbortSignal | null}
   */
  #connection = null;

  /**
   * @param {string} server
   * @param {boolean} wanted
   * @param {{ store: Known, groups(): Group[] }} home lists the most important groups first
   */
  constructor(server, wanted, home) {
    this.#server = server;
    this.#home = home;
    if (!wanted) return;
    this.#opening = openDatabase("chinwag-known", makeStores);
    this.#opening.then((database) => (this.#database = database), () => (this.#opening = null));
  }

  /** @param {AbortSignal} signal */
  watch(signal) {
    this.#connection = signal;
    onWindow("pagehide", () => this.keep(), { signal });
    signal.addEventListener("abort", () => this.#end());
  }

  /** Starts to store changes. */
  async begin() {
    const { me, account } = this.#home.store;
    const connection = this.#connection;
    if (!this.#opening || this.#mark) return;
    const before = markOf(this.#server);
    const isSame = before?.name === me && before?.account === account;
    if (!isSame) await this.clear();
    const ids = await this.#read((_, store) => store.getAllKeys(this.#range));
    if (!ids || me !== this.#home.store.me || connection?.aborted) return;
    this.#kept = new Set(ids.map((key) => /** @type {string[]} */ (key)[1]));
    this.#mark = isSame ? before.id : newId();
    if (!isSame) setMark(this.#server, { name: me, account, id: this.#mark });
    for (const { id } of this.#home.groups().slice(0, GROUPS)) this.#changed.add(id);
    this.#later();
  }

  /**
   * Records a change to be written.
   * @param {string} type the type of the event
   * @param {any} detail
   */
  note(type, detail) {
    if (!this.#mark || !NOTED.has(type)) return;
    // The numbers of messages are in `added` as well.
    const groups = type === "groups" ? detail.added : [];
    for (const { id } of detail?.group ? [detail.group] : groups) this.#changed.add(id);
    this.#later();
  }

  /** Writes all changes in one transaction, because the page may end. */
  keep() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { me, account, people, profiles, sync } = this.#home.store;
    if (!this.#mark || !this.#database || me === null) return;
    // The user has signed out in another tab.
    if (markOf(this.#server)?.id !== this.#mark) return void (this.#mark = "");
    const groups = this.#home.groups().slice(0, GROUPS);
    const order = groups.map(({ id }) => id);
    const relations = Object.fromEntries(["contacts", "blockeds", "invitations", "invited_by"].map((list) => [list, [.../** @type {any} */ (people)[list]]]));
    const names = new Set([me, ...relations.contacts, ...groups.flatMap(peopleOf)]);
    const cards = Object.fromEntries([...names].filter(Boolean).map((name) => [name, profiles.known(name)]).filter(([, card]) => card));
    try {
      const transaction = this.#database.transaction([USERS, STORE], "readwrite");
      const store = transaction.objectStore(STORE);
      for (const id of this.#kept) if (!order.includes(id)) store.delete([this.#server, id]);
      for (const group of groups) if (this.#changed.has(group.id)) store.put(summaryOf(group), [this.#server, group.id]);
      const user = { id: this.#mark, name: me, account, history: sync.history, since: sync.since, order, people: cards, relations };
      transaction.objectStore(USERS).put(user, this.#server);
      const written = this.#changed;
      // The storage is full: these are written with the next changes.
      transaction.onabort = () => written.forEach((id) => this.#changed.add(id));
      transaction.commit();
      this.#kept = new Set(order);
      this.#changed = new Set();
    } catch {
      // The storage is denied: less is available offline.
    }
  }

  /** @returns {Promise<Recalled | null>} */
  async read() {
    const mark = markOf(this.#server);
    if (!mark || !this.#opening) return null;
    const user = await this.#read((users) => users.get(this.#server));
    const groups = await this.#read((_, store) => store.getAll(this.#range));
    return user?.id === mark.id && groups ? { ...user, groups } : null;
  }

  /** Deletes everything. A later write by another tab will not be read. */
  async clear() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#mark = "";
    this.#changed.clear();
    this.#kept.clear();
    if (!this.#opening) return;
    setMark(this.#server, null);
    try {
      const transaction = (await this.#opening).transaction([USERS, STORE], "readwrite");
      transaction.objectStore(USERS).delete(this.#server);
      await answerOf(transaction.objectStore(STORE).delete(this.#range));
    } catch {
      // Without storage there is nothing to delete.
    }
  }

  /** Stops storing when the connection is closed: outdated data must not replace newer ones. */
  #end() {
    if (this.#timer !== undefined) this.keep();
    this.#mark = "";
  }

  get #range() {
    return IDBKeyRange.bound([this.#server], [this.#server, []]);
  }

  #later() {
    this.#timer ??= setTimeout(() => this.keep(), PAUSE);
  }

  /**
   * @template T
   * @param {(users: IDBObjectStore, store: IDBObjectStore) => IDBRequest<T>} ask
   * @returns {Promise<T | undefined>} undefined without storage
   */
  async #read(ask) {
    try {
      const transaction = (await this.#opening)?.transaction([USERS, STORE], "readonly");
      return transaction && (await answerOf(ask(transaction.objectStore(USERS), transaction.objectStore(STORE))));
    } catch {
      return undefined;
    }
  }
}

/**
 * The user whose conversations are stored; visible to all tabs at once.
 * @param {string} server
 * @returns {{ name: string, account: string, id: string } | null}
 */
function markOf(server) {
  try {
    return JSON.parse(localStorage.getItem(`${MARK}${server}`) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} server @param {object | null} mark */
function setMark(server, mark) {
  try {
    if (mark) localStorage.setItem(`${MARK}${server}`, JSON.stringify(mark));
    else localStorage.removeItem(`${MARK}${server}`);
  } catch {
    // Without local storage nothing is stored.
  }
}

/** @param {IDBDatabase} database */
function makeStores(database) {
  for (const name of [USERS, STORE]) database.createObjectStore(name);
}

/** @param {Group} group */
const newestOf = ({ hasLater, latest, messages }) => (!hasLater ? messages.slice(-MESSAGES) : latest ? [latest] : []);

/** @param {Group} group */
const peopleOf = (group) => [...(group.private ? [...group.members, ...group.restricts] : []), ...newestOf(group).map(({ author }) => author)];

/**
 * A group in the form of the server's summary.
 * @param {Group} group
 */
function summaryOf(group) {
  const { id, name, owner, admins, members, restricts, membersCount, head, pending, settings, lastRead, unread, mentioned, pins } = group;
  const { description, avatar, data, open, slow, keep } = group;
  const { notify, mutedUntil, hidden, pinned, markedUnread } = settings;
  const newest = newestOf(group);
  const size = (/** @type {unknown} */ each) => JSON.stringify(each).length;
  let room = LONGEST - newest.reduce((sum, each) => sum + size(each), 0);
  while (room < 0 && newest.length > 1) room += size(newest.shift());
  // Members of large groups are loaded in pages.
  const listed = membersCount > LISTED ? { owner } : { owner, admins, members, restricts };
  const isWhole = newest.length === group.messages.length && !group.hasEarlier && !group.hasLater;
  return {
    ...{ id, name, ...listed, members_count: membersCount, head, unread, last_read_seq: lastRead, pins, active: group.date },
    ...{ description, avatar, data, open, slow, keep, shown: isWhole ? newest.length + 1 : newest.length },
    me: { notify, muted_until: mutedUntil, hidden, pinned, marked_unread: markedUnread, pending, mentioned },
    reads: Object.fromEntries(group.reads),
    messages: newest.reverse(),
  };
}
