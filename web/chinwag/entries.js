// The entries of a group: its changes, which the history shows among the messages. A contiguous range is loaded; missing
// entries are requested on demand.

/** @typedef {import("../chinwag.js").Entry} Entry */

export class Entries {
  /**
   * Ascending.
   * @type {Entry[]}
   */
  list = [];
  /** All entries with numbers from `from` to `to` are here. */
  from = 1;
  to = 0;

  /** Whether entries may be missing at the end. */
  get isBehind() {
    return this.to !== Infinity;
  }

  /**
   * Discards all entries; those after this number are not known yet.
   * @param {number} after
   */
  reset(after) {
    Object.assign(this, { list: [], from: after + 1, to: after });
  }

  /**
   * Entries after this number are not known.
   * @param {number} number
   */
  knownUntil(number) {
    this.to = Math.min(this.to, number);
  }

  /**
   * Adds a live entry, unless earlier ones are missing.
   * @param {Entry} entry
   */
  arrive(entry) {
    if (!this.isBehind) this.#put([entry]);
  }

  /**
   * Adds the entries of a page that covers these numbers.
   * @param {Entry[]} page
   * @param {number} from
   * @param {number} to
   */
  take(page, from, to) {
    // A page with a gap before it is ignored; it is requested again later.
    if (from > this.to + 1 || to < this.from - 1) return;
    this.#put(page);
    this.from = Math.min(this.from, from);
    this.to = Math.max(this.to, to);
  }

  /**
   * Drops entries outside a range of numbers.
   * @param {number} first
   * @param {number} last
   */
  keep(first, last) {
    this.list = this.list.filter(({ seq }) => seq >= first && seq <= last);
    this.from = Math.min(Math.max(this.from, first), last + 1);
    // If no remaining entry is known, requests start from here.
    this.to = Math.max(Math.min(this.to, last), this.from - 1);
  }

  /**
   * A user was renamed or deleted.
   * @param {string} from
   * @param {string | null} to
   */
  rename(from, to) {
    const renamed = (/** @type {string | null} */ name) => (name === from ? to : name);
    this.list = this.list.map((entry) => ({
      ...entry,
      by: renamed(entry.by),
      changes: entry.changes.map((change) => (change.who ? { ...change, who: change.who.map(renamed) } : change)),
    }));
  }

  /**
   * Removes the references to deleted messages. Their pin entries stay.
   * @param {ReadonlySet<string>} ids
   */
  erase(ids) {
    const names = (/** @type {import("../chinwag.js").EntryChange} */ { id, deleted }) => id !== undefined && !deleted && ids.has(id);
    this.list = this.list.map((entry) => {
      if (!entry.changes.some(names)) return entry;
      return { ...entry, changes: entry.changes.map((change) => (names(change) ? { ...change, deleted: true } : change)) };
    });
  }

  /** @param {Entry[]} entries */
  #put(entries) {
    const found = new Map([...this.list, ...entries].map((entry) => [entry.seq, entry]));
    this.list = [...found.values()].sort((a, b) => a.seq - b.seq);
  }
}
