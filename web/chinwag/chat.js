// The module's one class: puts the parts together, takes what the server says, and tells what has changed.

import { ChinwagError, lost } from "./error.js";
import { Drawer } from "./drawer.js";
import { Group } from "./group.js";
import { History } from "./history.js";
import { Link } from "./link.js";
import { Outbox } from "./outbox.js";
import { People } from "./people.js";
import { Reader } from "./reader.js";
import { Rest } from "./rest.js";
import { Sync } from "./sync.js";
import { Typing } from "./typing.js";

/** @typedef {import("./link.js").Frame} Frame */
/** @typedef {import("../chinwag.js").ChinwagOptions} ChinwagOptions */
/** @typedef {import("../chinwag.js").ChinwagEvents} Events */
/** @typedef {import("../chinwag.js").Operation} Operation */
/** @typedef {import("../chinwag.js").Status} Status */

const HELD = 400;
const HELD_LEAST = 100;
/** A server takes no longer frame than 64 KiB, unless it was told to. */
const FRAME_MOST = 60_000;
const AWAY_AFTER = 60_000;
/** Events with a number in a group's log. */
const NUMBERED = new Set(["message.text", "message.update", "message.delete", "group.update"]);

export class Chinwag extends EventTarget {
  /** @type {string | null} */ me = null;
  /** @type {Map<string, Group>} */ groups = new Map();
  relations = new People();
  server;
  held;
  #rest;
  #link;
  #drawer;
  #outbox;
  #sync;
  #history;
  #typing;
  #reader;
  /** @type {Status} */ #status = "online";
  /** Until when the session is good: the same date is the same session. @type {string | null} */ #expires = null;
  /** @type {{ promise: Promise<void>, resolve: () => void, reject: (error: ChinwagError) => void } | null} */ #arriving = null;
  /** @type {Group[]} */ #added = [];
  /** @type {Group[]} */ #removed = [];
  /** @type {number | undefined} */ #awayTimer;

  /** @param {ChinwagOptions} [options] */
  constructor(options = {}) {
    super();
    this.server = new URL(options.server ?? import.meta.url, location.href).origin;
    this.held = Math.max(HELD_LEAST, options.held ?? HELD);
    this.#rest = new Rest(this.server, options.token);
    this.#link = new Link(this.server, {
      knock: () => this.#knock(),
      renew: async () => this.#rest.renew(await this.#rest.token()),
      onFrame: (frame) => this.#take(frame),
      onState: () => this.#stateChanged(),
      onEnd: (error) => this.#ended(error),
      probe: () => ({ type: "status.update", data: { status: this.#status } }),
    });
    const { groups } = this;
    const [link, rest] = [this.#link, this.#rest];
    const tell = (/** @type {Group} */ group) => this.#tell(group);
    this.#drawer = new Drawer(options.keep ?? true, () => this.#emit("persistent", { persistent: this.persistent }));
    this.#outbox = new Outbox({
      link,
      drawer: this.#drawer,
      standing: (id) => (!groups.has(id) ? "gone" : groups.get(id)?.behind ? "behind" : "ready"),
      privateWith: (name) => this.privateWith(name)?.id,
      onChange: ({ group, to }) => this.#emit("unsent", { group: (group !== null && groups.get(group)) || null, to }),
    });
    this.#sync = new Sync({
      groups,
      link,
      rest,
      tell,
      make: (data) => this.#make(data),
      drop: (id) => this.#drop(id),
      acknowledge: (message) => message.author === this.me && this.#outbox.settle(message.client_id, message),
      caughtUp: ({ id }) => this.#outbox.pump(id),
    });
    this.#history = new History({ rest, tell });
    this.#typing = new Typing({ link, tell, group: (id) => groups.get(id) });
    this.#reader = new Reader(link);
    if (options.away) document.addEventListener("visibilitychange", () => this.#seen(!document.hidden));
  }

  // ── The connection ──

  get state() {
    return this.#link.state;
  }

  get retryAt() {
    return this.#link.retryAt;
  }

  get problem() {
    return this.#link.problem;
  }

  /** @returns {boolean} */
  get persistent() {
    return this.#drawer.persistent;
  }

  connect() {
    if (this.state === "ready") return Promise.resolve();
    const arriving = (this.#arriving ??= arrival());
    this.#link.open();
    return arriving.promise;
  }

  retry() {
    this.#link.retry();
  }

  close() {
    this.#link.close();
    this.#arrived(lost("The connection was closed."));
  }

  // ── The account ──

  async whoAmI() {
    try {
      return /** @type {string} */ ((await this.#rest.call("GET", "sessions/")).name);
    } catch (error) {
      if (error instanceof ChinwagError && error.code === 401) return null;
      throw error;
    }
  }

  /** @param {string} name @param {string} password */
  signUp(name, password) {
    return this.#enter("accounts/", name, password);
  }

  /** @param {string} name @param {string} password */
  signIn(name, password) {
    return this.#enter("sessions/", name, password);
  }

  signOut() {
    return this.#leave("sessions/", "signed out");
  }

  signOutEverywhere() {
    return this.#leave(`users/${this.#own()}/tokens/`, "signed out");
  }

  /** @param {string} name */
  async rename(name) {
    await this.#rest.call("PATCH", `users/${this.#own()}/`, { new_name: name });
  }

  deleteAccount() {
    return this.#leave(`users/${this.#own()}/`, "deleted");
  }

  // ── Groups and messages ──

  get conversations() {
    const by = (/** @type {Group} */ { date, id }) => date + id;
    return [...this.groups.values()].sort((a, b) => (by(a) < by(b) ? 1 : -1));
  }

  /** @param {string} name */
  privateWith(name) {
    const typed = name.toLowerCase();
    return [...this.groups.values()].find((group) => group.other?.toLowerCase() === typed);
  }

  /** @param {string} group */
  unsentOf(group) {
    return this.#outbox.of(group);
  }

  /** @param {string} name */
  unsentTo(name) {
    return this.#outbox.to(name);
  }

  get unsentCount() {
    return this.#outbox.size;
  }

  /**
   * @param {string | { group: string } | { to: string }} where
   * @param {string} body
   * @param {{ respondTo?: string | null }} [options]
   */
  send(where, body, options = {}) {
    const to = typeof where === "object" && "to" in where ? where.to : null;
    const group = to !== null ? (this.privateWith(to)?.id ?? null) : typeof where === "string" ? where : /** @type {{ group: string }} */ (where).group;
    if (group !== null) this.#typing.say(group, false, false);
    return this.#outbox.add({ group, to: group === null ? to : null }, body, group === null ? null : (options.respondTo ?? null));
  }

  /** @param {string} clientId */
  resend(clientId) {
    this.#outbox.resend(clientId);
  }

  /** @param {string} clientId */
  discard(clientId) {
    this.#outbox.discard(clientId);
  }

  /** @param {string} messageId @param {string} body */
  async edit(messageId, body) {
    await this.#ask("message.update", { id: messageId, body });
  }

  /** @param {string} messageId */
  async delete(messageId) {
    await this.#ask("message.delete", { id: messageId });
  }

  /** @param {string} group @param {number} [limit] */
  async loadEarlier(group, limit) {
    return this.#history.earlier(this.#group(group), limit);
  }

  /** @param {string} group @param {number} [limit] */
  async loadLater(group, limit) {
    return this.#history.later(this.#group(group), limit);
  }

  /** @param {string} group @param {number} seq @param {number} [limit] */
  async loadAround(group, seq, limit) {
    await this.#history.around(this.#group(group), seq, limit);
  }

  /** @param {string} group */
  async loadLatest(group) {
    await this.#history.latest(this.#group(group));
  }

  /** @param {string} messageId @returns {Promise<import("../chinwag.js").Message>} */
  fetchMessage(messageId) {
    return this.#rest.call("GET", `messages/${encodeURIComponent(messageId)}/`);
  }

  /** @param {string} id @param {number} [seq] */
  markRead(id, seq = this.groups.get(id)?.latest?.seq ?? 0) {
    const group = this.groups.get(id);
    if (!group) return;
    const last = group.messages[group.messages.length - 1];
    // Who reads the newest does not look back any more.
    if (!group.hasLater && last && seq >= last.seq) group.lookingBack = false;
    if (seq <= group.lastRead || this.me === null) return;
    group.read(this.me, seq);
    this.#reader.mark(id, seq);
    this.#tell(group);
  }

  /** @param {string} group @param {boolean} [writing] */
  typing(group, writing = true) {
    this.#typing.say(group, writing);
  }

  /** @param {{ name: string, admins?: string[], members?: string[], restricts?: string[] }} group */
  async createGroup(group) {
    const { data } = await this.#ask("group.create", group);
    return this.#group(data.id);
  }

  /** @param {string} group @param {import("../chinwag.js").GroupChange} change */
  async updateGroup(group, change) {
    await this.#ask("group.update", { id: group, ...change });
  }

  /** @param {string} group */
  async quitGroup(group) {
    await this.#ask("group.quit", { group });
  }

  /** @param {string} group */
  async deleteGroup(group) {
    await this.#ask("group.delete", { group });
  }

  // ── People ──

  /** @param {string} name @returns {Status | undefined} */
  statusOf(name) {
    if (name === this.me) return this.#status;
    return this.relations.contacts.has(name) ? (this.relations.statuses.get(name) ?? "disconnected") : undefined;
  }

  /** @param {Status} status */
  setStatus(status) {
    this.#status = status;
    this.#link.send("status.update", { status });
    this.#emit("presence", { name: this.me });
  }

  /** @param {string} name @param {Operation} operation @returns {Promise<Operation>} */
  async relate(name, operation) {
    return (await this.#ask("contact.update", { name, operation })).data.operation;
  }

  /** @param {string} name */
  invite(name) {
    return this.relate(name, "invitation");
  }

  /** @param {string} name */
  accept(name) {
    return this.relate(name, "contact");
  }

  /** @param {string} name */
  deny(name) {
    return this.relate(name, "deny");
  }

  /** @param {string} name */
  remove(name) {
    return this.relate(name, "remove");
  }

  /** @param {string} name */
  block(name) {
    return this.relate(name, "block");
  }

  /** @param {string} name */
  unblock(name) {
    return this.relate(name, "remove");
  }

  // ── Coming and going ──

  /** Who comes is asked before each connection: a browser does not say why a handshake fails, and this answer does. */
  async #knock() {
    const { name, expires } = await this.#rest.call("GET", "sessions/");
    if (typeof name !== "string") throw lost("What answers there is not a Chinwag server.");
    if (this.me !== null && this.me !== name) {
      // A session whose user's name is another one has been renamed; any other session is another user's.
      if (expires !== null && expires === this.#expires) this.#renamed(this.me, name);
      else this.#forget();
    }
    this.#expires = expires ?? null;
    this.me = name;
    this.#outbox.belongsTo(this.#ownerOf(name));
    return this.#rest.token();
  }

  #stateChanged() {
    const { state } = this;
    if (state !== "connecting" && state !== "ready") this.#typing.forget();
    if (state === "ready") {
      if (this.#status !== "online") this.#link.send("status.update", { status: this.#status });
      this.#sync.begin();
      this.#reader.flush();
      this.#outbox.flush();
      this.#arrived(null);
    }
    this.#emit("state", { state });
  }

  /** @param {ChinwagError | null} error */
  #arrived(error) {
    const arriving = this.#arriving;
    this.#arriving = null;
    if (error) arriving?.reject(error);
    else arriving?.resolve();
  }

  /**
   * The credential has ended. What is unsent stays for the next sign-in.
   * @param {ChinwagError} error
   */
  #ended(error) {
    const wasIn = this.me !== null;
    this.#rest.drop();
    this.#arrived(error);
    this.#forget();
    if (wasIn) this.#emit("signedout", { reason: "ended" });
  }

  /** @param {string} path @param {string} name @param {string} password */
  async #enter(path, name, password) {
    this.#rest.keep((await this.#rest.call("POST", path, { name, password })).token);
  }

  /** @param {string} path what is deleted @param {"signed out" | "deleted"} reason */
  async #leave(path, reason) {
    try {
      await this.#rest.call("DELETE", path);
    } catch (error) {
      if (!(error instanceof ChinwagError && error.code === 401)) throw error;
    }
    this.#rest.drop();
    this.close();
    await this.#outbox.clear();
    this.#forget();
    this.#emit("signedout", { reason });
  }

  /** Nothing is known any more, and of nobody. */
  #forget() {
    for (const id of [...this.groups.keys()]) this.#drop(id, false);
    this.#reader.forget();
    this.relations.summary({});
    this.me = null;
    this.#tellGroups();
    this.#emit("relations", null);
  }

  // ── What the server says ──

  /** @param {Frame} frame */
  #take(frame) {
    if (NUMBERED.has(frame.type)) this.#sync.take(frame);
    else this.#told(frame);
    this.#tellGroups();
  }

  /** @param {Frame} frame */
  #told({ type, data }) {
    switch (type) {
      case "group.summary":
        return this.#sync.summary(data);
      case "contact.summary":
        this.relations.summary(data);
        this.#emit("relations", null);
        return this.#emit("presence", { name: null });
      case "message.read":
        return this.#read(data);
      case "group.quit":
        return data.name === this.me ? this.#drop(data.group) : undefined;
      case "group.delete":
        return this.#drop(data);
      case "contact.update":
        this.relations.apply(data.operation, data.author === this.me ? data.name : data.author, data.author === this.me);
        return this.#emit("relations", null);
      case "status.update":
        // One's own is what all of one's pages show together; this one shows what it was told to.
        if (data.author !== this.me) this.relations.statuses.set(data.author, data.status);
        return this.#emit("presence", { name: data.author });
      case "typing.start":
      case "typing.stop":
        return this.#typing.heard(data.group, data.author, type === "typing.start");
      case "user.update":
        return this.#renamed(data.name, data.new_name);
      case "user.delete":
        return this.#renamed(data.name, null);
    }
  }

  /** @param {{ group: string, author: string, seq: number }} mark */
  #read({ group: id, author, seq }) {
    const group = this.groups.get(id);
    if (!group) return;
    group.read(author, seq);
    if (author !== this.me) this.#emit("read", { group, name: author, seq });
    this.#tell(group);
  }

  /** @param {string} from @param {string | null} to */
  #renamed(from, to) {
    this.relations.rename(from, to);
    if (to === null) {
      for (const group of this.groups.values()) group.reads.delete(from);
    } else {
      if (from === this.me) {
        this.me = to;
        this.#outbox.renamed(this.#ownerOf(to));
      }
      this.#outbox.rename(from, to);
      for (const group of this.groups.values()) group.rename(from, to);
      for (const group of this.groups.values()) this.#tell(group);
    }
    this.#emit("relations", null);
    this.#emit("user", { name: from, newName: to });
  }

  /** @param {any} data @returns {Group} */
  #make(data) {
    const group = new Group(data, this);
    this.groups.set(group.id, group);
    this.#added.push(group);
    return group;
  }

  /** @param {string} id @param {boolean} [unsentToo] */
  #drop(id, unsentToo = true) {
    const group = this.groups.get(id);
    if (!group) return;
    this.groups.delete(id);
    this.#removed.push(group);
    if (unsentToo) this.#outbox.dropGroup(id);
  }

  // ── Telling ──

  /** @param {Group} group */
  #tell(group) {
    if (this.groups.get(group.id) !== group) return;
    const { added, changed, removed, reset, edges, people, unread, typing, arrived } = group.takeNews();
    if (people) this.#emit("group", { group });
    if (added.size || changed.size || removed.size || reset || edges)
      this.#emit("messages", { group, added: [...added], changed: [...changed], removed: [...removed], reset });
    if (unread) this.#emit("unread", { group });
    if (typing) this.#emit("typing", { group });
    for (const message of arrived) this.#emit("message", { group, message });
  }

  #tellGroups() {
    if (!this.#added.length && !this.#removed.length) return;
    const [added, removed] = [this.#added, this.#removed];
    this.#added = [];
    this.#removed = [];
    this.#emit("groups", { added, removed });
  }

  /**
   * @template {keyof Events} K
   * @param {K} type
   * @param {Events[K]["detail"] extends infer D ? any : never} detail
   */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  // ── Small things ──

  /** @param {string} type @param {object} data */
  async #ask(type, data) {
    if (JSON.stringify(data).length > FRAME_MOST) throw new ChinwagError(413, { detail: "This is too much at once: do it in parts." });
    return this.#link.request(type, data);
  }

  /** @param {string} id */
  #group(id) {
    const group = this.groups.get(id);
    if (!group) throw new ChinwagError(404, { detail: "You are not in this group." });
    return group;
  }

  #own() {
    if (this.me === null) throw new ChinwagError(401, { detail: "Nobody is signed in." });
    return encodeURIComponent(this.me);
  }

  /** @param {string} name */
  #ownerOf(name) {
    return `${this.server} ${name}`;
  }

  /** @param {boolean} seen */
  #seen(seen) {
    clearTimeout(this.#awayTimer);
    if (seen && this.#status === "afk") this.setStatus("online");
    if (!seen) this.#awayTimer = setTimeout(() => this.#status === "online" && this.setStatus("afk"), AWAY_AFTER);
  }
}

/** @returns {{ promise: Promise<void>, resolve: () => void, reject: (error: ChinwagError) => void }} */
function arrival() {
  /** @type {any} */
  const arriving = {};
  arriving.promise = new Promise((resolve, reject) => Object.assign(arriving, { resolve, reject }));
  // Who only listens to events need not catch it.
  arriving.promise.catch(() => {});
  return arriving;
}
