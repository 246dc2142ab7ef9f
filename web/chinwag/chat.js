// The module's main class, which connects its parts. chinwag.d.ts documents its members.

import { arrival } from "./arrival.js";
import { ChinwagError, lost } from "./error.js";
import { draftOf } from "./draft.js";
import { Files } from "./files.js";
import { Grouping } from "./grouping.js";
import { History } from "./history.js";
import { Link } from "./link.js";
import { ask } from "./messaging.js";
import { Outbox } from "./outbox.js";
import { OutboxStorage } from "./outbox-storage.js";
import { Reader } from "./reader.js";
import { Recall } from "./recall.js";
import { Rest, serverAddress } from "./rest.js";
import { Session } from "./session.js";
import { OwnStatus } from "./status.js";
import { Store } from "./store.js";
import { queryOf, windowOf } from "./window.js";

/** @typedef {import("./group.js").Group} Group */
/** @typedef {import("../chinwag.js").ChinwagOptions} ChinwagOptions */
/** @typedef {import("../chinwag.js").ChinwagEvents} Events */
/** @typedef {import("../chinwag.js").Status} Status */

const HELD = 400;
const HELD_LEAST = 100;

export class Chinwag extends Grouping {
  server;
  /** @type {Rest} */ #rest;
  /** @type {Session} */ #session;
  /** @type {Link} */ #link;
  /** @type {OutboxStorage} */ #storage;
  /** @type {Outbox} */ #outbox;
  /** @type {Store} */ #store;
  /** @type {History} */ #history;
  /** @type {Recall} */ #recall;
  /** @type {Reader} */ #reader;
  /** @type {Files} */ #files;
  #status = new OwnStatus();
  /** @type {import("./arrival.js").Arrival | null} */ #arriving = null;
  /** The requested part of the summary. */
  #window;

  /** @param {ChinwagOptions} [options] */
  constructor(options = {}) {
    super();
    this.server = serverAddress(options.server);
    const rest = (this.#rest = new Rest(this.server, options.token));
    this.#session = new Session(rest);
    const link = (this.#link = new Link(this.server, {
      identify: (patience, isCurrent) => this.#identify(patience, isCurrent),
      query: () => queryOf(this.#window, this.#session.known, this.#store.sync),
      frameMost: () => this.#session.frameMost,
      renew: async () => !this.#session.leaving && rest.renew(await rest.token()),
      onFrame: (frame) => this.#store.take(frame),
      onState: () => this.#stateChanged(),
      onOpen: (signal) => this.#watch(signal, options.away ?? false),
      onEnd: (error) => this.#ended(error),
      probe: () => ({ type: "status.update", data: { status: this.#status.shown } }),
    }));
    this.#storage = new OutboxStorage(options.keep ?? true, () => this.#emit("persistent", { persistent: this.persistent }));
    const files = (this.#files = new Files(rest, () => `${this.server} ${this.me} ${this.account}`));
    const outbox = (this.#outbox = new Outbox({
      server: this.server,
      link,
      storage: this.#storage,
      files,
      standing: (id) => this.#standing(id),
      privateWith: (name) => this.privateWith(name)?.id,
      sameName: (one, other) => this.sameName(one, other),
      onChange: ({ group, to }) => this.#emit("unsent", { group: (group !== null && this.groups.get(group)) || null, to }),
    }));
    this.#window = windowOf(options);
    this.#store = new Store({
      ...{ link, rest, outbox, held: Math.max(HELD_LEAST, options.held ?? HELD), messages: this.#window.messages },
      flushReads: () => this.#reader.flush(),
      emit: (type, detail) => this.#emit(type, detail),
    });
    this.#history = new History({ rest, dispatch: (group) => this.#store.dispatch(group) });
    this.#reader = new Reader(link, rest);
    this.#recall = new Recall(this.server, options.offline ?? false, { store: this.#store, groups: () => this.conversations });
  }

  get me() {
    return this.#store.me;
  }

  get account() {
    return this.#store.account;
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

  get persistent() {
    return this.#storage.persistent;
  }

  connect() {
    if (this.state === "ready") return Promise.resolve();
    const arriving = (this.#arriving ??= arrival());
    this.#link.open();
    return arriving.promise;
  }

  async recall() {
    const known = this.state === "waiting" ? await this.#recall.read() : null;
    // The server may have answered meanwhile.
    const isNews = known !== null && this.me === null && this.state !== "closed";
    if (isNews) this.#store.recall(known);
    if (isNews) this.#outbox.belongsTo(known.name, known.account);
    return isNews;
  }

  retry() {
    this.#link.retry();
  }

  close() {
    this.#reader.leave();
    this.#link.close();
    this.#arrived(lost("The connection was closed."));
  }

  // ── The account ──

  serverInfo() {
    return this.#session.info();
  }

  whoAmI() {
    return this.#session.whoAmI();
  }

  /** @param {string} name @param {string} password */
  signUp(name, password) {
    return this.#session.enter("accounts/", name, password);
  }

  /** @param {string} name @param {string} password */
  signIn(name, password) {
    return this.#session.enter("sessions/", name, password);
  }

  /** @param {string} name */
  chooseName(name) {
    return this.#session.enter("oidc/", name);
  }

  signOut() {
    return this.#leave("sessions/", "signed out");
  }

  signOutEverywhere() {
    return this.#leave(`users/${this._own()}/tokens/`, "signed out");
  }

  /** @param {string} name */
  async rename(name) {
    await this.#rest.call("PATCH", `users/${this._own()}/`, { new_name: name });
  }

  deleteAccount() {
    return this.#leave(`users/${this._own()}/`, "deleted");
  }

  // ── Groups and messages ──

  get groups() {
    return this.#store.groups;
  }

  get conversations() {
    return this.#store.conversations;
  }

  get unread() {
    return this.#store.unread;
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
   * @param {import("../chinwag.js").SendOptions} [options]
   */
  send(where, body, options = {}) {
    const draft = draftOf(where, body, options);
    const group = draft.to === null ? draft.group : (this.privateWith(draft.to)?.id ?? null);
    if (group !== null) this.#store.typing.say(group, false, false);
    const { data, mentions, attachments } = draft.options;
    return this.#outbox.add({ group, to: group === null ? draft.to : null }, body, group === null ? { data, mentions, attachments } : draft.options);
  }

  /** @param {string} clientId */
  resend(clientId) {
    this.#outbox.resend(clientId);
  }

  /** @param {string} clientId */
  discard(clientId) {
    this.#outbox.discard(clientId);
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

  /** @param {string} group @param {string} root */
  openThread(group, root) {
    return this.#group(group).threads.open(root, this.me, { rest: this.#rest, dispatch: (thread) => this.#emit("thread", { thread }) });
  }

  /** @param {string} id @param {number} [seq] */
  markRead(id, seq = this.groups.get(id)?.latest?.seq ?? 0) {
    const group = this.groups.get(id);
    if (!group) return;
    const last = group.messages[group.messages.length - 1];
    // A user who reads the newest messages no longer looks back.
    if (!group.hasLater && last && seq >= last.seq) group.lookingBack = false;
    const { markedUnread } = group.settings;
    if (this.me === null || (seq <= group.lastRead && !markedUnread)) return;
    group.read(this.me, seq);
    this.#reader.mark(id, seq);
    // The end of the user's own mark is not lost with the page.
    if (markedUnread) void this.#reader.flush();
    this.#store.dispatch(group);
  }

  /** @param {string} group @param {boolean} [writing] */
  typing(group, writing = true) {
    this.#store.typing.say(group, writing);
  }

  /** @param {string} group */
  async loadEntries(group) {
    await this.#history.entries(this.#group(group));
  }

  // ── People ──

  get relations() {
    return this.#store.people;
  }

  /** @param {string} name @returns {Status | undefined} */
  statusOf(name) {
    if (name === this.me) return this.#status.shown;
    return this.relations.contacts.has(name) ? (this.#store.people.statuses.get(name) ?? "disconnected") : undefined;
  }

  /** @param {string} name */
  profileOf(name) {
    return this.#store.profiles.of(name);
  }

  /** @param {string} name */
  nameOf(name) {
    return this.profileOf(name).display_name ?? name;
  }

  /** @param {string} name */
  isAmbiguous(name) {
    return this.#store.profiles.isAmbiguous(name);
  }

  /** @param {string} name */
  noteAlike(name) {
    this.#store.profiles.noteAlike(name);
  }

  /** @param {import("../chinwag.js").UserChange} change */
  async changeUser(change) {
    await this.#rest.call("PATCH", `users/${this._own()}/`, change);
  }

  /** @param {Status} status */
  setStatus(status) {
    this.#status.shown = status;
    this.#link.send("status.update", { status });
    this.#emit("presence", { name: this.me });
  }

  /** @param {string} name @param {import("../chinwag.js").Operation} operation */
  async relate(name, operation) {
    return (await this[ask]("contact.update", { name, operation })).data.operation;
  }

  // ── Signing in and out ──

  /** The user is requested before each connection, because a browser does not report why a handshake fails. */
  async #identify(/** @type {number} */ patience, /** @type {() => boolean} */ isCurrent) {
    const [{ name, expires, account }, features] = await Promise.all([this.#session.look(patience), this.#session.features()]);
    // A closed chat must not hold the unsent messages of others, and the answer may be of an earlier session.
    if (!isCurrent()) throw lost("The connection was closed.");
    // The comparison of names must be known before the first message. A server without this feature ignores the case of names.
    if (features) {
      this.#store.exactNames = features.includes("exact_names");
      this.#store.profiles.covers = features.includes("people");
    }
    const isSame = this.#session.use(expires);
    if (this.me !== null && isSame && this.me !== name) this.#store.renamed(this.me, name);
    const isOther = this.me !== null && (this.me !== name || this.account !== account);
    if (isOther) this.#forget();
    Object.assign(this.#store, { me: name, account });
    this.#outbox.belongsTo(name, account);
    if (isOther) this.#emit("state", { state: this.state });
    return this.#rest.token();
  }

  #stateChanged() {
    const { state } = this;
    if (state === "waiting") this.#recall.keep();
    if (state === "waiting" || state === "closed") this.#store.typing.forget();
    if (state === "closed") this.#outbox.away();
    if (state === "closed") this.#store.end();
    if (state === "ready") {
      this.#store.wake();
      void this.#recall.begin();
      if (this.#status.shown !== "online") this.#link.send("status.update", { status: this.#status.shown });
      this.#store.sync.begin();
      this.#store.listing.ready();
      void this.#reader.flush();
      this.#outbox.flush();
      this.#arrived(null);
    }
    this.#emit("state", { state });
  }

  /** @param {ChinwagError | null} error */
  #arrived(error) {
    if (error) this.#arriving?.reject(error);
    else this.#arriving?.resolve();
    this.#arriving = null;
  }

  /**
   * Called when the credential has ended. Unsent messages stay for the next sign-in.
   * @param {ChinwagError} error
   */
  #ended(error) {
    if (this.#session.leaving) return;
    const wasIn = this.me !== null;
    this.#rest.drop();
    this.#arrived(error);
    this.#forget();
    if (wasIn) this.#emit("signedout", { reason: "ended" });
  }

  /** @param {string} path what is deleted @param {"signed out" | "deleted"} reason */
  async #leave(path, reason) {
    await this._leavePush();
    await this.#session.end(path);
    this.#reader.forget();
    this.close();
    this.#files.forgetUploads();
    await Promise.all([this.#outbox.clear(), this.#recall.clear()]);
    this.#forget();
    this.#emit("signedout", { reason });
  }

  #forget() {
    void this.#recall.clear();
    this.#files.forget();
    this.#status.forget();
    this.#store.forget();
    this.#reader.forget();
  }

  /** @param {string} method @param {string} path @param {object} [body] @param {import("./rest.js").CallOptions} [options] */
  _call(method, path, body, options) {
    return this.#rest.call(method, path, body, options);
  }

  /** @param {string} path */
  _blob(path) {
    return this.#rest.blob(path);
  }

  /** @param {string} path @param {import("./rest.js").CallOptions} [options] */
  _list(path, options) {
    return this.#rest.list(path, options);
  }

  /** @param {string} id */
  _group(id) {
    return this.#group(id);
  }

  /** @param {Group} group */
  _dispatch(group) {
    this.#store.dispatch(group);
  }

  get _listing() {
    return this.#store.listing;
  }

  get _files() {
    return this.#files;
  }

  _flushReads() {
    return this.#reader.flush();
  }

  /**
   * @template {keyof Events} K
   * @param {K} type
   * @param {Events[K]["detail"]} detail
   */
  #emit(type, detail) {
    this.#recall?.note(type, detail);
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** @param {string} type @param {object} data */
  async [ask](type, data) {
    return this.#link.request(type, data);
  }

  /**
   * Whether messages may be sent to a group. A group that is not loaded yet is loaded first.
   * @param {string} id
   * @returns {"ready" | "behind" | "gone"}
   */
  #standing(id) {
    const group = this.groups.get(id);
    if (group) return group.behind ? "behind" : "ready";
    this.loadGroup(id).then(() => this.#outbox.pump(id), (error) => error.code === 404 && this.#outbox.dropGroup(id));
    return this.moreGroups || this.#store.sync.isResuming ? "behind" : "gone";
  }

  /** @param {string} id */
  #group(id) {
    const group = this.groups.get(id);
    if (!group) throw new ChinwagError(404, { detail: "You are not in this group." });
    return group;
  }

  _own() {
    if (this.me === null) throw new ChinwagError(401, { detail: "Nobody is signed in." });
    return encodeURIComponent(this.me);
  }

  /** @param {AbortSignal} signal removes the listeners, which would keep a closed chat in memory @param {boolean} away */
  #watch(signal, away) {
    this.#reader.watch(signal);
    this.#recall.watch(signal);
    if (away) this.#status.watch((status) => this.setStatus(status), signal);
  }
}
