// The outbox storage: keeps unsent messages across reloads in IndexedDB, shared by all tabs of an origin. A record belongs
// to a tab; when that has closed and released its lock, another tab takes the record over.

import { answerOf, openDatabase } from "./database.js";
import { newId } from "./rest.js";

const STORE = "unsent";

/**
 * A file of a message. Without an id it is not uploaded yet.
 * @typedef {object} KeptFile
 * @property {string | null} id
 * @property {Blob | null} blob null for a file that was uploaded before
 * @property {string | null} place the id of its upload, once that has begun
 * @property {string} name
 * @property {string} type
 * @property {number} size
 * @property {string | null} [alt] none in what an earlier version has kept
 */
/**
 * @typedef {object} Kept
 * @property {string} client_id
 * @property {string} owner server and user
 * @property {string} tab
 * @property {number} [key] in order of writing, over all tabs
 * @property {string | null} group
 * @property {string | null} to
 * @property {string} body
 * @property {string | null} respond_to
 * @property {Record<string, unknown> | null} [data]
 * @property {string | null} [thread]
 * @property {readonly string[]} [mentions] none in what an earlier version has kept
 * @property {KeptFile[]} [attachments]
 * @property {string} date
 * @property {{ code: number, detail: string } | null} failed
 */

export class OutboxStorage {
  /** Whether what is put here outlives the page: believed until it turns out otherwise. */
  persistent = true;
  #tab = newId();
  /** @type {Promise<IDBDatabase> | null} */
  #database = null;
  /** @type {(() => void) | null} */
  #release = null;
  /** The user whose records may be taken over. */
  #owner = "";
  /** Tabs whose locks are awaited. @type {Set<string>} */
  #awaited = new Set();
  /** Cancels the awaited locks. */
  #waiting = new AbortController();

  /** @param {boolean} wanted @param {() => void} onChange called when storing fails */
  constructor(wanted, onChange) {
    this.onChange = onChange;
    this.persistent = wanted;
    if (!wanted) return;
    this.#database = openDatabase("chinwag", makeStore);
    this.#database.catch(() => {
      this.#database = null;
      this.#failed();
    });
  }

  /** Releases this tab's records, so that another tab can take them over. */
  leave() {
    this.#owner = "";
    this.#waiting.abort();
    this.#waiting = new AbortController();
    this.#release?.();
    this.#release = null;
    this.#tab = newId();
  }

  /**
   * Stores a record or its new state. Resolves when it is stored, or cannot be.
   * @param {Kept} kept
   */
  put(kept) {
    return this.#do("readwrite", async (store) => {
      const key = await answerOf(store.put({ ...kept, tab: this.#tab }));
      kept.key = Number(key);
    });
  }

  /** @param {number | undefined} key */
  delete(key) {
    return key === undefined ? Promise.resolve() : this.#do("readwrite", (store) => answerOf(store.delete(key)));
  }

  /**
   * Takes over the records of other tabs of this user as soon as they have closed.
   * @param {string} owner
   * @param {(kept: Kept[]) => void} take
   */
  async takeOver(owner, take) {
    this.#owner = owner;
    this.#hold();
    /** @type {Set<string>} */
    const tabs = new Set();
    await this.#do("readonly", async (store) => {
      for (const kept of await all(store, owner)) if (kept.tab !== this.#tab) tabs.add(kept.tab);
    });
    for (const tab of tabs) {
      if (this.#awaited.has(tab)) continue;
      this.#awaited.add(tab);
      const adopt = () => this.#adopt(tab, take);
      const adopted = navigator.locks ? navigator.locks.request(lockOf(tab), { signal: this.#waiting.signal }, adopt) : adopt();
      void adopted.catch(() => {}).finally(() => this.#awaited.delete(tab));
    }
  }

  /**
   * Moves a user's records to the user's new name.
   * @param {string} from
   * @param {string} to
   */
  rename(from, to) {
    this.#owner = to;
    return this.#do("readwrite", async (store) => {
      for (const kept of await all(store, from)) store.put({ ...kept, owner: to });
    });
  }

  /** @param {string} owner */
  clear(owner) {
    return this.#do("readwrite", async (store) => {
      for (const { key } of await all(store, owner)) store.delete(/** @type {number} */ (key));
    });
  }

  /**
   * Deletes the records of owners who begin with `prefix`, except for one.
   * @param {string} prefix
   * @param {string} kept
   */
  clearOthers(prefix, kept) {
    return this.#do("readwrite", async (store) => {
      const owners = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
      /** @type {Kept[]} */
      const found = await answerOf(store.index("owner").getAll(owners));
      for (const { key, owner } of found) if (owner !== kept) store.delete(/** @type {number} */ (key));
    });
  }

  /** @param {string} tab @param {(kept: Kept[]) => void} take */
  async #adopt(tab, take) {
    /** @type {Kept[]} */
    let mine = [];
    await this.#do("readwrite", async (store) => {
      // Another user may have signed in meanwhile, and must not send these.
      mine = (await all(store, this.#owner)).filter((kept) => kept.tab === tab);
      for (const kept of mine) store.put({ ...kept, tab: this.#tab });
    });
    if (mine.length) take(mine);
  }

  /** @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => Promise<unknown>} work */
  async #do(mode, work) {
    if (!this.#database) return;
    try {
      const transaction = (await this.#database).transaction(STORE, mode);
      const complete = new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = transaction.onerror = () => reject(transaction.error);
      });
      complete.catch(() => {});
      await work(transaction.objectStore(STORE));
      await complete;
    } catch {
      // Full, denied, or deleted by the user. Earlier records can still be deleted if it is only full.
      this.#failed();
    }
  }

  /**
   * Holds this tab's lock until the tab leaves or closes. Without locks, two tabs may send a record, and the server drops the
   * repetition.
   */
  #hold() {
    if (this.#release || !this.#database) return;
    const end = new Promise((resolve) => (this.#release = () => resolve(null)));
    navigator.locks?.request(lockOf(this.#tab), () => end).catch(() => {});
  }

  #failed() {
    if (!this.persistent) return;
    this.persistent = false;
    this.onChange();
  }
}

/** @param {string} tab */
const lockOf = (tab) => `chinwag:${tab}`;

/** @param {IDBDatabase} database */
function makeStore(database) {
  database.createObjectStore(STORE, { keyPath: "key", autoIncrement: true }).createIndex("owner", "owner");
}

/**
 * In order of writing.
 * @param {IDBObjectStore} store
 * @param {string} owner
 * @returns {Promise<Kept[]>}
 */
const all = (store, owner) => answerOf(store.index("owner").getAll(owner));
