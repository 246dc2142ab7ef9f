// The client's state: groups, people, and the user. Applies the server's events, and dispatches the changes.

import { Group } from "./group.js";
import { People } from "./people.js";
import { Sync } from "./sync.js";
import { Typing } from "./typing.js";

/** @typedef {import("./link.js").Frame} Frame */
/** @typedef {import("../chinwag.js").ChinwagEvents} Events */

/** Events with a number in a group's log. */
const NUMBERED = new Set(["message.text", "message.update", "message.delete", "group.update"]);

/**
 * @typedef {object} Home
 * @property {import("./link.js").Link} link
 * @property {import("./rest.js").Rest} rest
 * @property {import("./outbox.js").Outbox} outbox
 * @property {number} held
 * @property {(type: keyof Events, detail: any) => void} emit
 */

export class Store {
  /** @type {string | null} */ me = null;
  /** @type {Map<string, Group>} */ groups = new Map();
  /** Whether ASCII names that differ in case alone are several users', as the server says. */
  exactNames = false;
  people = new People();
  /** What is unread in groups that the server has not shown. */
  unshown = 0;
  typing;
  sync;
  #home;
  /** @type {Group[]} */ #added = [];
  /** @type {Group[]} */ #removed = [];

  /** @param {Home} home */
  constructor(home) {
    this.#home = home;
    const { link, rest, outbox } = home;
    const tell = (/** @type {Group} */ group) => this.tell(group);
    this.typing = new Typing({ link, tell, group: (id) => this.groups.get(id) });
    this.sync = new Sync({
      groups: this.groups,
      link,
      rest,
      tell,
      make: (data) => this.#make(data),
      drop: (id) => this.#gone(id),
      acknowledge: (message) => message.author === this.me && outbox.settle(message.client_id, message),
      caughtUp: ({ id }) => outbox.pump(id),
    });
  }

  get held() {
    return this.#home.held;
  }

  /** @param {string} group */
  unsentOf(group) {
    return this.#home.outbox.of(group);
  }

  /** @param {string} name */
  privateWith(name) {
    const groups = [...this.groups.values()];
    if (this.me !== null && this.sameName(this.me, name)) return groups.find((group) => group.notes);
    const other = groups.find((group) => group.other === name);
    return other ?? groups.find((group) => group.other !== null && this.sameName(group.other, name));
  }

  /** What is unread in all groups. */
  get unread() {
    return [...this.groups.values()].reduce((sum, { unread }) => sum + unread, this.unshown);
  }

  /**
   * Whether two names are one user's.
   * @param {string} one
   * @param {string} other
   */
  sameName(one, other) {
    if (this.exactNames && isAscii(one) && isAscii(other)) return one === other;
    return one.toLowerCase() === other.toLowerCase();
  }

  /** @param {Frame} frame */
  take(frame) {
    if (NUMBERED.has(frame.type)) this.sync.take(frame);
    else this.#told(frame);
    this.#tellGroups();
  }

  /**
   * @param {string} from
   * @param {string | null} to null if the user was deleted
   */
  renamed(from, to) {
    const { outbox, emit } = this.#home;
    this.people.rename(from, to);
    for (const group of this.groups.values()) if (group.unlisted || group.roleOf(from)) group.skips++;
    if (to === null) {
      for (const group of this.groups.values()) group.forget(from);
      for (const group of this.groups.values()) this.tell(group);
    } else {
      if (from === this.me) {
        this.me = to;
        outbox.renamed(to);
      }
      outbox.rename(from, to);
      for (const group of this.groups.values()) group.rename(from, to);
      for (const group of this.groups.values()) this.tell(group);
    }
    emit("relations", null);
    emit("user", { name: from, newName: to });
  }

  /** Forgets everything except unsent messages. */
  forget() {
    for (const id of [...this.groups.keys()]) this.#drop(id);
    this.people.summary({});
    this.unshown = 0;
    this.me = null;
    this.#tellGroups();
    this.#home.emit("relations", null);
  }

  /**
   * Dispatches the changes of a group.
   * @param {Group} group
   */
  tell(group) {
    if (this.groups.get(group.id) !== group) return;
    const { emit } = this.#home;
    const { added, changed, removed, reset, edges, people, unread, typing, arrived } = group.takeNews();
    if (people) emit("group", { group });
    if (added.size || changed.size || removed.size || reset || edges)
      emit("messages", { group, added: [...added], changed: [...changed], removed: [...removed], reset });
    if (unread) emit("unread", { group });
    if (typing) emit("typing", { group });
    for (const message of arrived) emit("message", { group, message });
  }

  /** @param {Frame} frame */
  #told({ type, data, history }) {
    const { emit } = this.#home;
    const mine = data?.author === this.me;
    switch (type) {
      case "group.summary":
        this.unshown = 0;
        return this.sync.summary(data, history);
      case "summary.more":
        this.unshown = data.unread;
        return emit("unread", { group: null });
      case "contact.summary":
        this.people.summary(data);
        emit("relations", null);
        return emit("presence", { name: null });
      case "message.read":
        return this.#read(data);
      case "group.quit":
        return data.name === this.me && this.#gone(data.group);
      case "group.delete":
        return this.#gone(data);
      case "contact.update":
        this.people.apply(data.operation, mine ? data.name : data.author, mine);
        if (mine) this.#blocked(data.name);
        return emit("relations", null);
      case "status.update":
        // The user's own status is set by this page; this is the server's echo.
        if (mine) return;
        this.people.statuses.set(data.author, data.status);
        return emit("presence", { name: data.author });
      case "typing.start":
      case "typing.stop":
        return this.typing.heard(data.group, data.author, type === "typing.start");
      case "user.update":
        return this.renamed(data.name, data.new_name);
      case "user.delete":
        return this.renamed(data.name, null);
    }
  }

  /**
   * This user's block may have changed. The private group shows it, but the log does not contain it.
   * @param {string} name
   */
  #blocked(name) {
    const group = this.privateWith(name);
    const blocked = this.people.blockeds.has(name) || this.people.blocked_by.has(name);
    if (!group || blocked === group.restricts.length > 0) return;
    group.restrict(blocked);
    this.tell(group);
  }

  /** @param {{ group: string, author: string, seq: number }} mark */
  #read({ group: id, author, seq }) {
    const group = this.groups.get(id);
    if (!group) return;
    group.read(author, seq);
    if (author !== this.me) this.#home.emit("read", { group, name: author, seq });
    this.tell(group);
  }

  /**
   * @param {any} data
   * @returns {Group}
   */
  #make(data) {
    const group = new Group(data, this);
    this.groups.set(group.id, group);
    this.#added.push(group);
    return group;
  }

  /** @param {string} id */
  #gone(id) {
    this.#home.outbox.dropGroup(id);
    this.#drop(id);
  }

  /** @param {string} id */
  #drop(id) {
    const group = this.groups.get(id);
    if (group && this.groups.delete(id)) this.#removed.push(group);
  }

  #tellGroups() {
    if (!this.#added.length && !this.#removed.length) return;
    const [added, removed] = [this.#added, this.#removed];
    [this.#added, this.#removed] = [[], []];
    this.#home.emit("groups", { added, removed });
  }
}

/** @param {string} name */
const isAscii = (name) => /^[!-~]*$/.test(name);
