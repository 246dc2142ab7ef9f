// Drafts, which outlive the page. If the browser denies storage, they last as long as the page.

const PREFIX = "chinwag:";

const prefix = (server, name) => `${PREFIX}draft:${server}:${name}:`;

function opened() {
  try {
    const storage = globalThis.localStorage;
    const probe = `${PREFIX}probe`;
    storage.setItem(probe, "1");
    storage.removeItem(probe);
    return storage;
  } catch {
    return null;
  }
}

/** The drafts of one user on one server, by conversation. */
export class Drafts {
  #storage = opened();
  #held = new Map();

  constructor(server, name) {
    this.prefix = prefix(server, name);
    for (const key of this.#keys()) this.#held.set(key.slice(this.prefix.length), this.#storage.getItem(key));
  }

  get(key) {
    return this.#held.get(key) ?? "";
  }

  set(key, text) {
    if (text === this.get(key)) return;
    if (text) this.#held.set(key, text);
    else this.#held.delete(key);
    try {
      if (text) this.#storage?.setItem(this.prefix + key, text);
      else this.#storage?.removeItem(this.prefix + key);
    } catch {
      // The storage is full. The draft stays in memory.
    }
  }

  /** A conversation has another key: its first message has made a group, or the other user was renamed. */
  move(from, to) {
    const text = this.get(from);
    if (!text) return;
    this.set(from, "");
    this.set(to, text);
  }

  /** The user was renamed. */
  rename(server, name) {
    const held = [...this.#held];
    this.clear();
    this.prefix = prefix(server, name);
    for (const [key, text] of held) this.set(key, text);
  }

  /** The next user who signs in here may be another one. */
  clear() {
    for (const key of [...this.#held.keys()]) this.set(key, "");
  }

  #keys() {
    const all = this.#storage ? Array.from({ length: this.#storage.length }, (_, index) => this.#storage.key(index)) : [];
    return all.filter((key) => key?.startsWith(this.prefix));
  }
}
