// The conversations as last known, for a page that opens while the server cannot be reached. They are in
// the browser's storage until the user signs out.

/** @typedef {import("./group.js").Group} Group */
/** @typedef {import("./people.js").People} People */
/** @typedef {import("./profiles.js").Profiles} Profiles */
/**
 * @typedef {object} Recalled
 * @property {string} name
 * @property {string} account
 * @property {any[]} groups as in a summary
 * @property {Record<string, any>} people
 * @property {Record<string, string[]>} relations
 */

/** The number of messages of a group, and of characters of all that is kept. */
const MESSAGES = 20;
const LONGEST = 1_000_000;

export class Recall {
  #key;
  #home;
  /** Whether the server has shown the groups to this page. */
  #isBegun = false;

  /**
   * @param {string} server
   * @param {boolean} wanted
   * @param {{ store: { me: string | null, account: string, people: People, profiles: Profiles }, groups(): Group[] }} home
   *   with the groups that matter most first
   */
  constructor(server, wanted, home) {
    this.#key = wanted ? `chinwag:known:${server}` : "";
    this.#home = home;
    if (wanted) addEventListener("pagehide", () => this.keep());
  }

  /** From here on there is something to keep. */
  begin() {
    this.#isBegun = true;
  }

  /** Keeps the newest conversations, as many as there is room for. */
  keep() {
    const { me, account, people, profiles } = this.#home.store;
    if (!this.#key || !this.#isBegun || me === null) return;
    let room = LONGEST;
    const kept = [];
    for (const group of this.#home.groups()) {
      const data = summaryOf(group);
      room -= JSON.stringify(data).length;
      if (room < 0) break;
      kept.push(data);
    }
    const relations = Object.fromEntries(["contacts", "blockeds", "invitations", "invited_by"].map((list) => [list, [.../** @type {any} */ (people)[list]]]));
    const names = new Set([me, ...relations.contacts, ...kept.flatMap((group) => [...(group.members ?? []), ...group.messages.map((/** @type {any} */ { author }) => author)])]);
    const cards = Object.fromEntries([...names].filter(Boolean).map((name) => [name, profiles.known(name)]).filter(([, card]) => card));
    this.#write(JSON.stringify({ name: me, account, groups: kept, people: cards, relations }));
  }

  /** @returns {Recalled | null} */
  read() {
    try {
      return this.#key ? JSON.parse(localStorage.getItem(this.#key) ?? "null") : null;
    } catch {
      return null;
    }
  }

  clear() {
    this.#isBegun = false;
    this.#write(null);
  }

  /** @param {string | null} text */
  #write(text) {
    if (!this.#key) return;
    try {
      if (text === null) localStorage.removeItem(this.#key);
      else localStorage.setItem(this.#key, text);
    } catch {
      // The storage is full or denied: nothing is known then.
    }
  }
}

/**
 * A group as the server's summary shows it.
 * @param {Group} group
 */
function summaryOf(group) {
  const { id, name, owner, admins, members, restricts, membersCount, head, pending, settings, lastRead, unread } = group;
  const { notify, mutedUntil, hidden, pinned, markedUnread } = settings;
  const newest = group.hasLater ? [group.latest] : group.messages.slice(-MESSAGES);
  return {
    ...{ id, name, owner, admins, members, restricts, members_count: membersCount, head, unread, last_read_seq: lastRead },
    me: { notify, muted_until: mutedUntil, hidden, pinned, marked_unread: markedUnread, pending },
    reads: Object.fromEntries(group.reads),
    messages: newest.filter(Boolean).reverse(),
  };
}
