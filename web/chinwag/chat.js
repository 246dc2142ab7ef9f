// The class of the module, which connects its parts. chinwag.d.ts documents its members.

import { ChinwagError, lost } from "./error.js";
import { Drawer } from "./drawer.js";
import { History } from "./history.js";
import { Link } from "./link.js";
import { Outbox } from "./outbox.js";
import { Reader } from "./reader.js";
import { Rest, serverAddress } from "./rest.js";
import { Store } from "./store.js";

/** @typedef {import("./group.js").Group} Group */
/** @typedef {import("../chinwag.js").ChinwagOptions} ChinwagOptions */
/** @typedef {import("../chinwag.js").ChinwagEvents} Events */
/** @typedef {import("../chinwag.js").Operation} Operation */
/** @typedef {import("../chinwag.js").Status} Status */

/** @typedef {{ promise: Promise<void>, resolve: () => void, reject: (error: ChinwagError) => void }} Arrival */

const HELD = 400;
const HELD_LEAST = 100;
/** The longest frame that a server accepts with its default settings is 64 KiB. */
const FRAME_MOST = 60_000;
const AWAY_AFTER = 60_000;

export class Chinwag extends EventTarget {
  server;
  /** @type {Rest} */ #rest;
  /** @type {Link} */ #link;
  /** @type {Drawer} */ #drawer;
  /** @type {Outbox} */ #outbox;
  /** @type {Store} */ #store;
  /** @type {History} */ #history;
  /** @type {Reader} */ #reader;
  /** @type {Status} */ #status = "online";
  /** @type {string | null} */ #expires = null;
  /** @type {Arrival | null} */ #arriving = null;
  /** @type {number | undefined} */ #awayTimer;
  /** @type {Promise<import("../chinwag.js").ServerInfo> | null} */ #info = null;
  /** The user has signed out: the end of the session needs no event. */ #leaving = false;

  /** @param {ChinwagOptions} [options] */
  constructor(options = {}) {
    super();
    this.server = serverAddress(options.server);
    const rest = (this.#rest = new Rest(this.server, options.token));
    const link = (this.#link = new Link(this.server, {
      knock: () => this.#knock(),
      renew: async () => !this.#leaving && rest.renew(await rest.token()),
      onFrame: (frame) => this.#store.take(frame),
      onState: () => this.#stateChanged(),
      onEnd: (error) => this.#ended(error),
      probe: () => ({ type: "status.update", data: { status: this.#status } }),
    }));
    this.#drawer = new Drawer(options.keep ?? true, () => this.#emit("persistent", { persistent: this.persistent }));
    const outbox = (this.#outbox = new Outbox({
      server: this.server,
      link,
      drawer: this.#drawer,
      standing: (id) => (!this.groups.has(id) ? "gone" : this.groups.get(id)?.behind ? "behind" : "ready"),
      privateWith: (name) => this.privateWith(name)?.id,
      sameName: (one, other) => this.sameName(one, other),
      onChange: ({ group, to }) => this.#emit("unsent", { group: (group !== null && this.groups.get(group)) || null, to }),
    }));
    const held = Math.max(HELD_LEAST, options.held ?? HELD);
    this.#store = new Store({ link, rest, outbox, held, emit: (type, detail) => this.#emit(type, detail) });
    this.#history = new History({ rest, tell: (group) => this.#store.tell(group) });
    this.#reader = new Reader(link);
    if (options.away) document.addEventListener("visibilitychange", () => this.#seen(!document.hidden));
  }

  get me() {
    return this.#store.me;
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

  serverInfo() {
    const asked = (this.#info ??= this.#rest.read("server/"));
    asked.catch(() => (this.#info = null));
    return asked;
  }

  async whoAmI() {
    try {
      return /** @type {string} */ ((await this.#rest.session()).name);
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

  get groups() {
    return this.#store.groups;
  }

  get conversations() {
    const by = (/** @type {Group} */ { date, id }) => date + id;
    return [...this.groups.values()].sort((a, b) => (by(a) < by(b) ? 1 : -1));
  }

  get unread() {
    return this.#store.unread;
  }

  /** @param {string} name */
  async findUser(name) {
    // No user has these names, and a browser would treat them as steps in a path.
    if (/^\.{0,2}$|[/\\]/u.test(name)) return null;
    try {
      const path = `users/${encodeURIComponent(name)}/?fields=name`;
      return /** @type {string} */ ((await this.#rest.call("GET", path)).name);
    } catch (error) {
      if (error instanceof ChinwagError && [400, 404].includes(error.code)) return null;
      throw error;
    }
  }

  /** @param {string} name */
  privateWith(name) {
    return this.#store.privateWith(name);
  }

  /** @param {string} one @param {string} other */
  sameName(one, other) {
    return this.#store.sameName(one, other);
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
    if (group !== null) this.#store.typing.say(group, false, false);
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
    // A user who reads the newest messages no longer looks back.
    if (!group.hasLater && last && seq >= last.seq) group.lookingBack = false;
    if (seq <= group.lastRead || this.me === null) return;
    group.read(this.me, seq);
    this.#reader.mark(id, seq);
    this.#store.tell(group);
  }

  /** @param {string} group @param {boolean} [writing] */
  typing(group, writing = true) {
    this.#store.typing.say(group, writing);
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

  /** @param {string} group @returns {Promise<string[]>} */
  async pendingMembers(group) {
    return (await this.#rest.call("GET", `groups/${encodeURIComponent(group)}/?fields=pending`)).pending ?? [];
  }

  /** @param {string} group */
  async acceptGroup(group) {
    await this.#ask("group.accept", { group });
  }

  /** @param {string} group */
  async declineGroup(group) {
    await this.#ask("group.quit", { group });
  }

  /** @param {string} group */
  async deleteGroup(group) {
    await this.#ask("group.delete", { group });
  }

  // ── People ──

  get relations() {
    return this.#store.people;
  }

  /** @param {string} name @returns {Status | undefined} */
  statusOf(name) {
    if (name === this.me) return this.#status;
    return this.relations.contacts.has(name) ? (this.#store.people.statuses.get(name) ?? "disconnected") : undefined;
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

  /** The user is requested before each connection, because a browser does not report why a handshake fails. */
  async #knock() {
    const [{ name, expires }] = await Promise.all([this.#rest.session(), this.#learn()]);
    if (typeof name !== "string") throw lost("What answers there is not a Chinwag server.");
    if (this.me !== null && this.me !== name) {
      // A session with another name is the same user after a rename, or another user.
      if (expires !== null && expires === this.#expires) this.#store.renamed(this.me, name);
      else this.#forget();
    }
    this.#expires = expires ?? null;
    this.#store.me = name;
    this.#outbox.belongsTo(name);
    return this.#rest.token();
  }

  /** How names compare is known before anybody is written to. A server that does not say tells them apart by more than case. */
  async #learn() {
    try {
      this.#store.exactNames = (await this.serverInfo()).features.includes("exact_names");
    } catch (error) {
      if (!(error instanceof ChinwagError)) throw error;
    }
  }

  #stateChanged() {
    const { state } = this;
    if (state === "waiting" || state === "closed") this.#store.typing.forget();
    if (state === "closed") this.#outbox.away();
    if (state === "ready") {
      if (this.#status !== "online") this.#link.send("status.update", { status: this.#status });
      this.#store.sync.begin();
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
   * The credential has ended. Unsent messages stay for the next sign-in.
   * @param {ChinwagError} error
   */
  #ended(error) {
    if (this.#leaving) return;
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
    this.#leaving = true;
    try {
      await this.#rest.call("DELETE", path);
    } catch (error) {
      if (!(error instanceof ChinwagError && error.code === 401)) throw error;
    } finally {
      this.#leaving = false;
    }
    this.#rest.drop();
    this.close();
    await this.#outbox.clear();
    this.#forget();
    this.#emit("signedout", { reason });
  }

  #forget() {
    this.#store.forget();
    this.#reader.forget();
  }

  // ── Small things ──

  /**
   * @template {keyof Events} K
   * @param {K} type
   * @param {Events[K]["detail"]} detail
   */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

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

  /** @param {boolean} seen */
  #seen(seen) {
    clearTimeout(this.#awayTimer);
    if (seen && this.#status === "afk") this.setStatus("online");
    if (!seen) this.#awayTimer = setTimeout(() => this.#status === "online" && this.setStatus("afk"), AWAY_AFTER);
  }
}

/** @returns {Arrival} */
function arrival() {
  /** @type {any} */
  const arriving = {};
  arriving.promise = new Promise((resolve, reject) => Object.assign(arriving, { resolve, reject }));
  // A caller that only listens to events need not handle the rejection.
  arriving.promise.catch(() => {});
  return arriving;
}
