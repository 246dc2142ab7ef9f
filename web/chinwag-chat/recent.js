// The latest searches of the user in this browser, until it signs out.

const MOST = 8;
const PREFIX = "chinwag:searches:";

export class Recent {
  #key;
  #user;
  /** Without storage, searches are kept in memory. */
  #held = [];

  /** @param account distinguishes the user from earlier ones of the same name */
  constructor(server, name, account) {
    this.#key = PREFIX + server;
    this.#user = { name, account };
    this.#held = this.#read();
  }

  /** The newest first. */
  get list() {
    return this.#held;
  }

  add(text) {
    const words = text.trim();
    // Another tab may have added some.
    if (words) this.#keep([words, ...this.#read().filter((each) => each !== words)].slice(0, MOST));
  }

  remove(text) {
    this.#keep(this.#read().filter((each) => each !== text));
  }

  clear() {
    this.#keep([]);
  }

  /** The user was renamed. */
  rename(name) {
    const held = this.#read();
    this.#user.name = name;
    this.#keep(held);
  }

  #read() {
    try {
      const { name, account, list } = JSON.parse(localStorage.getItem(this.#key)) ?? {};
      if (name !== this.#user.name || account !== this.#user.account || !Array.isArray(list)) return [];
      return list.filter((each) => typeof each === "string").slice(0, MOST);
    } catch {
      return this.#held;
    }
  }

  #keep(list) {
    this.#held = list;
    try {
      if (list.length) localStorage.setItem(this.#key, JSON.stringify({ ...this.#user, list }));
      else localStorage.removeItem(this.#key);
    } catch {
      // They are kept in memory.
    }
  }
}
