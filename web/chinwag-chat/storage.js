// Drafts, which survive reloads. Each tab has its own; a new tab starts with the latest ones. Without storage they are kept
// in memory.

const PREFIX = "chinwag:";
const ABOUT = "about ";
const MENTIONS = "at ";
/** The prefix of the key of a conversation without a group; a name follows. */
export const TO = "to:";

/** The storage key of a server's last known features. */
const OFFER = `${PREFIX}offer:`;

export function keptOffer(server) {
  try {
    return JSON.parse(localStorage.getItem(OFFER + server));
  } catch {
    return null;
  }
}

export function keepOffer(server, offer) {
  try {
    localStorage.setItem(OFFER + server, JSON.stringify(offer));
  } catch {
    // Without storage, fewer functions are offered while the server is unreachable.
  }
}

/** Names and addresses have no spaces. */
const prefix = (server, name, account = "") => `${PREFIX}draft:${server} ${name} ${account && `${account} `}`;

function opened(kind) {
  try {
    const storage = globalThis[kind];
    const probe = `${PREFIX}probe`;
    storage.setItem(probe, "1");
    storage.removeItem(probe);
    return storage;
  } catch {
    return null;
  }
}

/**
 * The drafts of one user on one server, by conversation. `account` distinguishes the user from an earlier one of the same
 * name, whose drafts are deleted.
 */
export class Drafts {
  #shared = opened("localStorage");
  #own = opened("sessionStorage");
  #held = new Map();

  #account;

  constructor(server, name, account) {
    this.#account = account;
    this.prefix = prefix(server, name, account);
    this.#removeOthers(this.#shared, prefix(server, name));
    // Another user may have signed out elsewhere.
    this.#removeOthers(this.#own, `${PREFIX}draft:${server} `);
    for (const storage of [this.#shared, this.#own]) {
      for (const key of keysOf(storage, this.prefix)) this.#held.set(key.slice(this.prefix.length), storage.getItem(key));
    }
  }

  get(key) {
    return this.#held.get(key) ?? "";
  }

  set(key, text) {
    const before = this.get(key);
    if (text === before) return;
    if (text) this.#held.set(key, text);
    else this.#held.delete(key);
    const name = this.prefix + key;
    for (const storage of [this.#own, this.#shared]) {
      try {
        if (text) storage?.setItem(name, text);
        // The shared draft may have been overwritten by another tab.
        else if (storage === this.#own || storage?.getItem(name) === before) storage?.removeItem(name);
      } catch {
        // The storage is full. The draft stays in memory.
      }
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

  /** Everything that is being written in a conversation and its threads. */
  textsOf(key) {
    const isOf = (each) => each === key || each.startsWith(`${key}/`);
    const edits = this.#edited.filter(([each]) => isOf(each)).map(([, { text }]) => text);
    return [...this.conversations.filter(isOf).map((each) => this.get(each)), ...edits];
  }

  /** Whether anything is being written. */
  get hasText() {
    return this.conversations.length > 0 || this.#edited.length > 0;
  }

  /** The edits that differ from their messages, by conversation. */
  get #edited() {
    const keys = [...this.#held.keys()].filter((key) => key.startsWith(ABOUT)).map((key) => key.slice(ABOUT.length));
    return keys.map((key) => [key, this.context(key)]).filter(([, context]) => context?.edit && context.text !== context.edit.body);
  }

  /** The conversations that have a draft. */
  get conversations() {
    return [...this.#held.keys()].filter((key) => !key.startsWith(ABOUT) && !key.startsWith(MENTIONS));
  }

  /** The people who have a draft but no conversation yet. */
  get recipients() {
    return this.conversations.filter((key) => key.startsWith(TO)).map((key) => key.slice(TO.length));
  }

  /** Moves a draft when the key of a conversation changes: a group was created, or the other user was renamed. */
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

  /** Deletes all drafts, because another user may sign in next. */
  clear() {
    this.#held.clear();
    for (const storage of [this.#shared, this.#own]) for (const key of keysOf(storage, this.prefix)) storage.removeItem(key);
  }

  #removeOthers(storage, beginning) {
    for (const key of keysOf(storage, beginning)) if (!key.startsWith(this.prefix)) storage.removeItem(key);
  }
}

function keysOf(storage, beginning) {
  const all = storage ? Array.from({ length: storage.length }, (_, index) => storage.key(index)) : [];
  return all.filter((key) => key?.startsWith(beginning));
}
