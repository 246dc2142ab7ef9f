// Drafts, which outlive the page. If the browser denies storage, they last as long as the page.

const PREFIX = "chinwag:";
const ABOUT = "about ";
const MENTIONS = "at ";
/** The beginning of the key of a conversation that has yet to be made; a name follows. */
export const TO = "to:";

/** Names and addresses have no spaces. */
const prefix = (server, name, account = "") => `${PREFIX}draft:${server} ${name} ${account && `${account} `}`;

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

/**
 * The drafts of one user on one server, by conversation. `account` tells the user from an earlier one of the same name,
 * whose drafts are deleted.
 */
export class Drafts {
  #storage = opened();
  #held = new Map();

  #account;

  constructor(server, name, account) {
    this.#account = account;
    this.prefix = prefix(server, name, account);
    const others = this.#keys(prefix(server, name)).filter((key) => !key.startsWith(this.prefix));
    for (const key of others) this.#storage.removeItem(key);
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

  /** The message that a draft replies to, `{reply}`, or an edit with its text, `{edit, text}`; null if there is none. */
  context(key) {
    try {
      return JSON.parse(this.get(ABOUT + key) || "null");
    } catch {
      return null;
    }
  }

  setContext(key, context) {
    this.set(ABOUT + key, context ? JSON.stringify(context) : "");
  }

  /** The chosen mentions of a draft. */
  mentions(key) {
    try {
      return JSON.parse(this.get(MENTIONS + key) || "[]");
    } catch {
      return [];
    }
  }

  setMentions(key, mentions) {
    this.set(MENTIONS + key, mentions.length ? JSON.stringify(mentions) : "");
  }

  /** The conversations that have a draft. */
  get conversations() {
    return [...this.#held.keys()].filter((key) => !key.startsWith(ABOUT) && !key.startsWith(MENTIONS));
  }

  /** The people who have a draft but no conversation yet. */
  get recipients() {
    return this.conversations.filter((key) => key.startsWith(TO)).map((key) => key.slice(TO.length));
  }

  /** A conversation has another key: its first message has made a group, or the other user was renamed. */
  move(from, to) {
    for (const about of ["", ABOUT, MENTIONS]) {
      const text = this.get(about + from);
      if (!text) continue;
      this.set(about + from, "");
      this.set(about + to, text);
    }
  }

  /** The user was renamed. */
  rename(server, name) {
    const held = [...this.#held];
    this.clear();
    this.prefix = prefix(server, name, this.#account);
    for (const [key, text] of held) this.set(key, text);
  }

  /** The next user who signs in here may be another one. */
  clear() {
    for (const key of [...this.#held.keys()]) this.set(key, "");
  }

  #keys(beginning = this.prefix) {
    const all = this.#storage ? Array.from({ length: this.#storage.length }, (_, index) => this.#storage.key(index)) : [];
    return all.filter((key) => key?.startsWith(beginning));
  }
}
