// The members of a group: their roles, how far each has read, and who is typing.

import { Details } from "./details.js";
import { nothing } from "./news.js";

/** @typedef {import("../chinwag.js").Role} Role */

/** @type {readonly Role[]} */
const ROLES = ["owner", "admins", "members", "restricts"];

export class Members extends Details {
  /** @type {string} */ name = "";
  /** @type {string[]} */ owner = [];
  /** @type {string[]} */ admins = [];
  /** @type {string[]} */ members = [];
  /** @type {string[]} */ restricts = [];
  membersCount = 0;
  /** Whether the lists of members may be outdated: events of large groups carry none. */
  unlisted = false;
  /** @type {Map<string, number>} */ reads = new Map();
  /** @type {Set<string>} */ typists = new Set();
  news = nothing();

  /** @returns {string | null} this user */
  get me() {
    return null;
  }

  get private() {
    return this.name === "@";
  }

  get other() {
    if (!this.private) return null;
    return [...this.members, ...this.restricts].find((name) => name !== this.me) ?? null;
  }

  /**
   * Whether these are the user's notes to itself. The other user of a private group with a deleted user is
   * restricted.
   */
  get notes() {
    return this.private && !this.restricts.length && this.members.length === 1;
  }

  get title() {
    return this.private ? this.other : this.name;
  }

  get role() {
    // The lists of a large group may be missing. Most of its users are members.
    return this.roleOf(this.me) ?? (this.unlisted ? "members" : "restricts");
  }

  get typing() {
    return [...this.typists];
  }

  /** When this user may send the next message; 0 if it may now, as far as is known. */
  get slowUntil() {
    const isSlow = this.slow > 0 && !["owner", "admins"].includes(this.role);
    const until = this.lastSent + this.slow * 1000;
    return isSlow && until > Date.now() ? until : 0;
  }

  /** @param {string | null} name */
  roleOf(name) {
    return ROLES.find((role) => name !== null && this[role].includes(name));
  }

  /**
   * Takes the name and the lists of members. Without lists the stored ones stay, except for those who are in others.
   * @param {any} data
   */
  list(data) {
    const before = this.#listed();
    this.name = data.name ?? this.name;
    this.unlisted = data.members === undefined;
    const given = new Set(ROLES.flatMap((role) => data[role] ?? []));
    for (const role of ROLES) this[role] = data[role] ?? this[role].filter((name) => !given.has(name));
    this.membersCount = data.members_count ?? ROLES.reduce((count, role) => count + this[role].length, 0);
    for (const [name, seq] of Object.entries(data.reads ?? {})) this.readBy(name, seq);
    if (before === this.#listed()) return;
    this.news.people = true;
    this.#forgetStrangers();
  }

  #listed() {
    return JSON.stringify([this.name, this.membersCount, ROLES.map((role) => this[role])]);
  }

  /** @param {string} name @param {number} seq */
  readBy(name, seq) {
    this.reads.set(name, Math.max(seq, this.reads.get(name) ?? 0));
  }

  /**
   * Takes the read marks of members from the server's view, which omits members who hide theirs.
   * @param {Record<string, number> | undefined} reads none in a large group
   */
  resetReads(reads) {
    if (reads) this.reads = new Map(Object.entries(reads));
  }

  /**
   * Shows both users of a private group according to the block between them, which is not in the log.
   * @param {boolean} blocked
   */
  restrict(blocked) {
    const both = [...this.members, ...this.restricts];
    this.members = blocked ? [] : both;
    this.restricts = blocked ? both : [];
    this.news.people = true;
  }

  /** @param {string} from @param {string} to */
  renameMember(from, to) {
    if (this.roleOf(from)) this.news.people = true;
    for (const role of ROLES) this[role] = this[role].map((name) => (name === from ? to : name));
    const read = this.reads.get(from);
    if (read !== undefined && this.reads.delete(from)) this.reads.set(to, read);
    // The end of typing arrives under the new name.
    if (this.typists.delete(from)) this.news.typing = true;
  }

  /** @param {string} gone a user who was deleted */
  forgetMember(gone) {
    this.reads.delete(gone);
    if (this.typists.delete(gone)) this.news.typing = true;
    if (!this.roleOf(gone)) return;
    for (const role of ROLES) this[role] = this[role].filter((name) => name !== gone);
    this.membersCount -= 1;
    this.news.people = true;
  }

  /** Former members neither read nor type here. */
  #forgetStrangers() {
    if (this.unlisted) return;
    for (const name of [...this.reads.keys()]) if (!this.roleOf(name)) this.reads.delete(name);
    for (const name of this.typists) if (!this.roleOf(name) && this.typists.delete(name)) this.news.typing = true;
  }
}
