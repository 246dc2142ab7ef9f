// The profiles of users: sent by the server with messages, or requested in batches when an unknown one is needed.

import { looks } from "./looks.js";

/** @typedef {import("../chinwag.js").Profile} Profile */

/** @type {Profile} */
const NONE = Object.freeze({ display_name: null, avatar: null, kind: "person" });
/** The maximum number of names in one request. */
const AT_ONCE = 100;
/** The maximum number of profiles that the server sends with an event: if it is reached, others may be missing. */
const CARDS_MOST = 1000;
/** The maximum number of users with look-alikes to remember. */
const ALIKE_MOST = 1000;
const SOON = 30;
const FAILED_PAUSE = 5_000;
const FIELDS = "name+display_name+avatar+kind";

export class Profiles {
  /** @type {Map<string, Profile>} */ #known = new Map();
  /**
   * Names whose profiles are up to date on this connection, or requested.
   * @type {Set<string>}
   */
  #fresh = new Set();
  /** @type {Set<string>} */ #wanted = new Set();
  /**
   * Requested names. An event meanwhile is newer than the answer.
   * @type {Set<string>}
   */
  #asked = new Set();
  /**
   * The users by the look of their names and display names.
   * @type {Map<string, Set<string>> | null}
   */
  #looks = null;
  /**
   * Display names for which the server has found similar looking ones.
   * @type {Map<string, string>}
   */
  #alike = new Map();
  #waiting = false;
  #pause = SOON;
  /** Whether the server sends profiles beside messages. */
  covers = false;
  #home;

  /** @param {{ rest: import("./rest.js").Rest, dispatch(names: string[]): void }} home */
  constructor(home) {
    this.#home = home;
  }

  /** @param {string} name @returns {Profile} */
  of(name) {
    if (!this.#fresh.has(name)) this.#want(name);
    return this.#known.get(name) ?? NONE;
  }

  /**
   * The known profile of a user, without a request.
   * @param {string} name
   */
  known(name) {
    return this.#known.get(name);
  }

  /**
   * Whether a user's display name may be mistaken for another user's name or display name.
   * @param {string} name
   */
  isAmbiguous(name) {
    const shown = this.#known.get(name)?.display_name;
    if (!shown) return false;
    // Brackets can imitate a display name followed by a user's name.
    if (/[([{（【]/u.test(shown) || this.#alike.get(name) === shown) return true;
    if (!this.#looks) {
      this.#looks = new Map();
      for (const each of this.#fresh) this.#look(each, each);
      for (const [each, { display_name }] of this.#known) if (display_name) this.#look(display_name, each);
    }
    const users = this.#looks.get(looks(shown));
    return users !== undefined && [...users].some((each) => each !== name);
  }

  /** @param {string} name */
  noteAlike(name) {
    const shown = this.#known.get(name)?.display_name;
    if (!shown || this.#alike.get(name) === shown) return;
    if (this.#alike.size >= ALIKE_MOST) this.#alike.clear();
    this.#alike.set(name, shown);
    this.#home.dispatch([name]);
  }

  /** Marks all profiles as outdated on a new connection, because changes may have been missed. */
  begin() {
    this.#fresh.clear();
    this.#looks = null;
  }

  forget() {
    this.#known.clear();
    this.#alike.clear();
    this.#wanted.clear();
    this.#asked.clear();
    this.begin();
  }

  /**
   * Takes the profiles sent with an event. Other users in the event have none.
   * @param {Record<string, Profile> | undefined} people
   * @param {Iterable<string>} names
   */
  learn(people = {}, names = []) {
    const entries = Object.entries(people);
    for (const [name, profile] of entries) this.#set(name, profile);
    if (this.covers && entries.length < CARDS_MOST) for (const name of names) if (name && !(name in people)) this.#set(name, NONE);
    this.#home.dispatch(entries.map(([name]) => name));
  }

  /** @param {string} name @param {Profile} profile */
  update(name, { display_name, avatar, kind }) {
    // Servers of earlier versions send no profiles.
    if (display_name === undefined) return;
    this.#set(name, { display_name, avatar, kind });
    this.#home.dispatch([name]);
  }

  /** @param {string} from @param {string | null} to null if the user was deleted */
  rename(from, to) {
    const profile = this.#known.get(from);
    this.#known.delete(from);
    this.#fresh.delete(from);
    this.#asked.delete(from);
    this.#looks = null;
    if (to !== null && profile) this.#set(to, profile);
  }

  /** @param {string} name @param {Profile} profile */
  #set(name, profile) {
    this.#known.set(name, profile);
    this.#fresh.add(name);
    this.#wanted.delete(name);
    this.#asked.delete(name);
    this.#looks = null;
  }

  /** @param {string} text @param {string} name */
  #look(text, name) {
    const key = looks(text);
    this.#looks?.set(key, (this.#looks.get(key) ?? new Set()).add(name));
  }

  /** @param {string} name */
  #want(name) {
    this.#fresh.add(name);
    this.#wanted.add(name);
    if (!this.#waiting) this.#askLater();
  }

  #askLater() {
    this.#waiting = true;
    setTimeout(() => this.#ask(), this.#pause);
  }

  async #ask() {
    const names = [...this.#wanted].slice(0, AT_ONCE);
    for (const name of names) this.#wanted.delete(name);
    this.#asked = new Set(names);
    this.#pause = SOON;
    try {
      const query = names.map((name) => `name=${encodeURIComponent(name)}`).join("&");
      /** @type {(Profile & { name: string })[]} */
      const found = names.length ? await this.#home.rest.call("GET", `users/?${query}&fields=${FIELDS}`) : [];
      const current = found.filter(({ name }) => this.#asked.has(name));
      for (const { name, display_name, avatar, kind } of current) this.#set(name, { display_name, avatar, kind });
      const shown = current.filter(({ display_name, avatar, kind }) => display_name || avatar || kind !== "person");
      if (shown.length) this.#home.dispatch(shown.map(({ name }) => name));
    } catch {
      // Names are shown instead until the next request.
      for (const name of this.#asked) this.#fresh.delete(name);
      this.#pause = FAILED_PAUSE;
    }
    this.#waiting = false;
    if (this.#wanted.size) this.#askLater();
  }
}
