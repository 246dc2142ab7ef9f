// Pages of a group's history, joined to the stored messages without a gap.

/** @typedef {import("./group.js").Group} Group */

const PAGE = 50;
const PAGE_MOST = 100;
/** The maximum number of pages of entries requested at once. */
const ENTRY_PAGES = 8;

export class History {
  /**
   * Requests in progress. A second caller of the same request gets the same promise.
   * @type {Map<string, Promise<any>>}
   */
  #asked = new Map();
  #home;

  /** @param {{ rest: import("./rest.js").Rest, dispatch(group: Group): void }} home */
  constructor(home) {
    this.#home = home;
  }

  /** @param {Group} group @param {number} limit */
  earlier(group, limit = PAGE) {
    return this.#once(group, "earlier", async () => {
      if (!group.hasEarlier) return 0;
      const { era } = group;
      // All messages and entries from this number on are held. Surplus entries may have been dropped among the messages.
      const first = group.history.from;
      group.lookingBack = true;
      // A pending group receives no events, so its head is outdated.
      const where = group.pending && !group.messages.length ? "" : `before=${first}`;
      const { page, more, entries, low } = await this.#page(group, where, limit);
      // The rows after the page were dropped meanwhile, so it does not fit.
      if (era !== group.era || first < group.history.from) return 0;
      group.prepend(page, more);
      group.history.take(entries, more ? low : 0, first - 1);
      return page.length;
    });
  }

  /** @param {Group} group @param {number} limit */
  later(group, limit = PAGE) {
    return this.#once(group, "later", async () => {
      if (!group.hasLater) return 0;
      const { era } = group;
      const held = lastOf(group);
      const last = Math.max(held, group.history.isBehind ? group.history.to : 0);
      group.lookingBack = false;
      const { page, more, entries, high } = await this.#page(group, `after=${last}`, limit, (more) => (more ? Infinity : last));
      if (era !== group.era || held > lastOf(group)) return 0;
      group.append(page, more);
      group.history.take(entries, last + 1, more ? high : Infinity);
      return page.length;
    });
  }

  /** @param {Group} group @param {number} seq @param {number} limit */
  around(group, seq, limit = PAGE) {
    return this.#once(group, `around ${seq}`, async () => {
      const half = Math.ceil(limit / 2);
      const after = Math.max(0, seq);
      // One flight for both pages: changes until the later one arrives also apply to the earlier one.
      const flight = group.takeOff();
      const asked = [this.#rows(group, `before=${after + 1}`, half), this.#rows(group, `after=${after}`, half)];
      const [before, rest] = await Promise.all(asked).finally(() => group.flights.delete(flight));
      const page = group.land(flight, [...before.messages, ...rest.messages], rest.more ? Infinity : after);
      group.replace(page, before.more, rest.more);
      group.history.reset(after);
      group.history.take(before.entries, before.more ? before.low : 0, after);
      group.history.take(rest.more ? rest.entries : [...rest.entries, ...flight.entries], after + 1, rest.more ? rest.high : Infinity);
    });
  }

  /** @param {Group} group */
  latest(group) {
    return this.#once(group, "latest", async () => {
      const { page, more, entries, low } = await this.#page(group, "", PAGE, () => 0);
      group.replace(page, more, false);
      group.history.reset(more ? low - 1 : 0);
      group.history.take(entries, more ? low : 0, Infinity);
    });
  }

  /**
   * Loads the entries that are missing among the held messages and after them.
   * @param {Group} group
   */
  entries(group) {
    return this.#once(group, "entries", async () => {
      for (let pages = 0; group.history.isBehind && !group.hasLater && pages < ENTRY_PAGES; pages++) {
        const { era } = group;
        const after = group.history.to;
        const { more, entries, high } = await this.#page(group, `after=${after}`, PAGE_MOST, (more) => (more ? Infinity : after));
        if (era !== group.era || after !== group.history.to) return;
        group.history.take(entries, after + 1, more ? high : Infinity);
        group.news.edges = true;
      }
    });
  }

  /**
   * @param {Group} group
   * @param {string} where
   * @param {number} limit
   * @param {(more: boolean) => number} [end] the number after which messages and entries that arrive meanwhile belong to
   *   the page; by default none do
   */
  async #page(group, where, limit, end = () => Infinity) {
    const flight = group.takeOff();
    try {
      const { messages, more, entries, ...rest } = await this.#rows(group, where, limit);
      const page = group.land(flight, messages, end(more));
      return { page, more, entries: end(more) === Infinity ? entries : [...entries, ...flight.entries], ...rest };
    } finally {
      group.flights.delete(flight);
    }
  }

  /**
   * The messages and entries of a page from the server, and its lowest and highest number.
   * @param {Group} group
   * @param {string} where
   * @param {number} limit
   */
  async #rows(group, where, limit) {
    const count = Math.min(PAGE_MOST, Math.max(1, Math.floor(limit)));
    /** @type {any[]} */
    const rows = await this.#home.rest.call("GET", `groups/${group.id}/messages/?entries=all&limit=${count}&${where}`);
    const numbers = rows.map(({ seq }) => seq);
    const [messages, entries] = [rows.filter((row) => !row.changes), rows.filter((row) => row.changes)];
    return { messages, more: rows.length >= count, entries, low: Math.min(...numbers), high: Math.max(...numbers) };
  }

  /**
   * @template T
   * @param {Group} group
   * @param {string} what
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  #once(group, what, work) {
    const key = `${group.id} ${what}`;
    const asked = this.#asked.get(key) ?? work().finally(() => {
      this.#asked.delete(key);
      group.trim();
      this.#home.dispatch(group);
    });
    this.#asked.set(key, asked);
    return asked;
  }
}

/** @param {Group} group */
const lastOf = ({ messages }) => messages[messages.length - 1]?.seq ?? 0;
