// Unsent messages: shown at once, stored, sent one after the other to each group, and sent again with the same
// client_id until the server answers. The server makes one message of them, whatever the number of attempts.

import { ChinwagError, lost } from "./error.js";
import { Parcel } from "./parcel.js";
import { newId } from "./rest.js";

/** @typedef {import("../chinwag.js").Unsent} Unsent */
/** @typedef {import("../chinwag.js").Message} Message */
/** @typedef {import("./outbox-storage.js").Kept} Kept */

const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;
/** A message that the server delays for longer is shown as refused. */
const WAIT_MOST = 120_000;
/** A fault that happens this often for one message is permanent. */
const FAULTS_MOST = 5;
/** A message may itself be the reason if so many connections in a row were lost while it was being sent. */
const LOSSES_MOST = 10;
const LOOK_EVERY = 60_000;

/**
 * @typedef {object} Home
 * @property {string} server
 * @property {import("./link.js").Link} link
 * @property {import("./outbox-storage.js").OutboxStorage} storage
 * @property {import("./files.js").Files} files
 * @property {(id: string) => "ready" | "behind" | "gone"} standing the state of a group, while connected
 * @property {(name: string) => string | undefined} privateWith the private group with a user
 * @property {(one: string, other: string) => boolean} sameName whether two names belong to one user
 * @property {(where: { group: string | null, to: string | null }) => void} onChange
 */
/**
 * @typedef {object} Item
 * @property {Unsent} shown
 * @property {Kept} kept
 * @property {Parcel} parcel its files
 * @property {(message: Message) => void} resolve
 * @property {(error: ChinwagError) => void} reject
 * @property {number} tries
 * @property {number} losses the number of connections in a row that were lost while it was being sent
 * @property {() => void} wake ends the wait before the next attempt
 * @property {Promise<void>} saved resolves before the message is sent: a page that ends in between would lose a message that it has shown
 */

export class Outbox {
  /**
   * In order of writing.
   * @type {Map<string, Item>}
   */
  #items = new Map();
  /**
   * Groups and names to which a message is being sent.
   * @type {Set<string>}
   */
  #busy = new Set();
  #owner = "";
  #account = "";
  #isAway = true;
  #looking = 0;
  #home;

  /** @param {Home} home */
  constructor(home) {
    this.#home = home;
  }

  get size() {
    return this.#items.size;
  }

  /** @param {string} group @returns {readonly Unsent[]} */
  of(group) {
    return this.#shown((item) => item.group === group);
  }

  /** @param {string} name @returns {readonly Unsent[]} */
  to(name) {
    return this.#shown(({ to }) => to !== null && this.#home.sameName(to, name));
  }

  /**
   * Sets the user. Stored messages of an earlier page are sent as well; those of an earlier user of the same name are
   * forgotten.
   * @param {string} name
   * @param {string} account
   */
  belongsTo(name, account) {
    this.#account = account;
    const owner = this.#ownerOf(name);
    if (account) void this.#home.storage.clearOthers(`${this.#home.server} ${name} `, owner);
    if (this.#owner !== "" && this.#owner !== owner) this.#leave();
    if (this.#isAway) {
      this.#owner = owner;
      this.#isAway = false;
      for (const item of this.#items.values()) {
        this.#save(item);
        // Views that were created meanwhile do not have it.
        this.#home.onChange(item.shown);
      }
    }
    const look = () => this.#home.storage.takeOver(this.#owner, (left) => this.#adopt(left));
    clearInterval(this.#looking);
    // A tab may close at any time with unsent messages.
    this.#looking = setInterval(look, LOOK_EVERY);
    void look();
  }

  /** Lets other tabs send these messages until this user returns. The server makes one message of them in any case. */
  away() {
    this.#isAway = true;
    clearInterval(this.#looking);
    for (const { parcel, wake } of this.#items.values()) {
      parcel.stop();
      wake();
    }
    this.#home.storage.leave();
  }

  /** Forgets the messages here. Stored ones stay for the user's next sign-in. */
  #leave() {
    for (const { shown, parcel, wake, reject } of this.#items.values()) {
      this.#items.delete(shown.client_id);
      parcel.stop();
      wake();
      this.#home.onChange(shown);
      reject(lost("It is sent when you sign in again."));
    }
    this.away();
    this.#owner = "";
  }

  /** @param {string} name the same user's other one */
  renamed(name) {
    const [before, owner] = [this.#owner, this.#ownerOf(name)];
    this.#owner = owner;
    for (const { kept } of this.#items.values()) kept.owner = owner;
    void this.#home.storage.rename(before, owner);
  }

  /**
   * @param {{ group: string | null, to: string | null }} where
   * @param {string} body
   * @param {import("../chinwag.js").SendOptions} options
   * @returns {import("../chinwag.js").Sending}
   */
  add({ group, to }, body, { respondTo = null, thread = null, mentions, data = null, attachments = [] }) {
    const client_id = newId();
    const date = new Date().toISOString();
    const files = Parcel.of(attachments);
    const kept = { client_id, owner: this.#owner, tab: "", group, to, body, respond_to: respondTo, thread, mentions: mentions ?? [], data, attachments: files, date, failed: null };
    const item = itemOf(kept);
    const sent = new Promise((resolve, reject) => Object.assign(item, { resolve, reject }));
    // A caller that does not wait for it need not handle the rejection.
    sent.catch(() => {});
    this.#items.set(client_id, item);
    this.#home.onChange(item.shown);
    this.#save(item);
    void this.#pump(lane(item.shown));
    return { client_id, sent: /** @type {Promise<Message>} */ (sent) };
  }

  /** Sends all waiting messages. Call it when the connection is ready. */
  flush() {
    this.#readdress();
    for (const { shown } of this.#items.values()) void this.#pump(lane(shown));
  }

  /** @param {string} clientId */
  resend(clientId) {
    const item = this.#items.get(clientId);
    if (item?.shown.state !== "failed") return;
    Object.assign(item, { tries: 0, losses: 0 });
    item.kept.failed = null;
    this.#show(item, { state: "waiting", error: null });
    this.#save(item);
    void this.#pump(lane(item.shown));
  }

  /**
   * The message is in the log.
   * @param {string | undefined} clientId
   * @param {Message} message
   */
  settle(clientId, message) {
    const item = clientId === undefined ? undefined : this.#items.get(clientId);
    if (!item) return;
    this.#remove(item);
    item.resolve(message);
  }

  /** @param {string} clientId @param {ChinwagError} [why] */
  discard(clientId, why = lost("This message was discarded.")) {
    const item = this.#items.get(clientId);
    if (!item) return;
    this.#remove(item);
    item.parcel.abandon(this.#home.files);
    item.reject(why);
  }

  /**
   * A group was deleted, or never was this user's: nothing can be sent to it.
   * @param {string} group
   */
  dropGroup(group) {
    for (const { client_id } of this.of(group)) this.discard(client_id, gone());
  }

  /**
   * A user was renamed.
   * @param {string} from
   * @param {string} to
   */
  rename(from, to) {
    for (const item of this.#items.values()) {
      if (item.kept.mentions?.includes(from)) {
        const mentions = item.kept.mentions.map((name) => (name === from ? to : name));
        item.kept.mentions = mentions;
        this.#show(item, { mentions });
      }
      if (item.kept.to !== from) continue;
      item.kept.to = to;
      this.#show(item, { to });
    }
  }

  /** Forgets all messages of this user, here and in the storage. */
  async clear() {
    for (const id of [...this.#items.keys()]) this.discard(id, lost("You have signed out."));
    if (this.#owner) await this.#home.storage.clear(this.#owner);
    this.#leave();
  }

  /**
   * Sends the messages that wait for a group. Call it when the group may be written to again.
   * @param {string} group
   */
  pump(group) {
    void this.#pump(group);
  }

  /** @param {Item} item */
  #save(item) {
    // The message may have been discarded, or its user signed out, before the upload ended.
    if (!this.#items.has(item.shown.client_id)) return;
    item.kept.owner = this.#owner;
    // It is sent even if it could not be kept.
    if (this.#owner) item.saved = this.#home.storage.put(item.kept).catch(() => {});
  }

  /** @param {Kept[]} left */
  #adopt(left) {
    if (left[0].owner !== this.#owner) return;
    const before = [...this.#items];
    this.#items.clear();
    for (const kept of left) this.#items.set(kept.client_id, itemOf(kept));
    for (const [id, item] of before) this.#items.set(id, item);
    for (const kept of left) this.#home.onChange(kept);
    if (this.#home.link.ready) this.flush();
  }

  /** The group may exist by now: made by the other user, or by this message if its acknowledgement was lost. */
  #readdress() {
    let moved = false;
    for (const item of this.#items.values()) {
      const group = item.shown.to !== null && this.#home.privateWith(item.shown.to);
      if (!group) continue;
      const where = { group: null, to: item.shown.to };
      Object.assign(item.kept, { group, to: null });
      this.#show(item, { group, to: null });
      this.#home.onChange(where);
      moved = true;
    }
    return moved;
  }

  /**
   * Sends the waiting messages of one lane, one after the other, so that their order does not depend on failures.
   * @param {string} at
   */
  async #pump(at) {
    if (this.#busy.has(at)) return;
    this.#busy.add(at);
    try {
      for (;;) {
        const item = [...this.#items.values()].find(({ shown }) => lane(shown) === at && shown.state !== "failed");
        await item?.saved;
        if (!item || !this.#home.link.ready) return;
        const { client_id, group } = item.shown;
        const standing = group === null ? "ready" : this.#home.standing(group);
        if (standing === "behind") return;
        if (standing === "gone") this.discard(client_id, gone());
        else if (this.#items.has(client_id) && lane(item.shown) === at) await this.#send(item);
      }
    } finally {
      this.#busy.delete(at);
      if (this.#readdress()) this.flush();
    }
  }

  /**
   * Sends one message. If it may succeed a little later, resolves when it is time to try again.
   * @param {Item} item
   */
  async #send(item) {
    const { client_id, group, to, body, respond_to, thread, mentions, data: own } = item.shown;
    this.#show(item, { state: "sending" });
    let isSent = false;
    try {
      const files = await this.#upload(item);
      const added = { ...(mentions.length && { mentions }), ...(own && { data: own }), ...(files.length && { attachments: files }) };
      const [type, data] =
        group === null
          ? ["message.first", { target: to, body, client_id, ...added }]
          : ["message.text", { group, body, client_id, ...(respond_to && { respond_to }), ...(thread && { thread }), ...added }];
      isSent = this.#home.link.ready;
      const answer = await this.#home.link.request(/** @type {string} */ (type), /** @type {object} */ (data));
      const first = answer.type === "group.update" && { ...answer.data.messages.at(-1), group: answer.data.id };
      this.settle(client_id, first || answer.data);
    } catch (reason) {
      if (!this.#items.has(client_id)) return;
      item.tries++;
      if (isSent) item.losses = this.#home.link.ready ? 0 : item.losses + 1;
      const isReason = item.losses >= LOSSES_MOST;
      const error = isReason ? lost(LOST_EACH_TIME) : reason instanceof ChinwagError ? reason : unsendable(reason);
      // The server deletes files that stay unattached for a day.
      if (item.parcel.lost(error)) return this.#save(item);
      const asked = (error.retryAfter ?? 0) * 1000;
      if (!isReason && error.passing && asked <= WAIT_MOST && (error.code !== 500 || item.tries < FAULTS_MOST)) {
        // Without a connection, the next one sends all waiting messages.
        if (this.#home.link.ready) return this.#wait(item, asked);
        return this.#show(item, { state: "waiting" });
      }
      item.kept.failed = { code: error.code, detail: error.detail || error.message };
      this.#show(item, { state: "failed", error });
      item.reject(error);
      void this.#home.storage.put(item.kept);
    }
  }

  /**
   * Uploads the files of a message that the server does not have yet; resolves with all files as the message lists them.
   * @param {Item} item
   */
  async #upload(item) {
    if (item.parcel.isReady) return item.parcel.named;
    return item.parcel.upload(this.#home.files, () => {
      this.#show(item, { attachments: item.parcel.shown });
    }, () => this.#save(item));
  }

  /**
   * Waits before the next attempt, at least as long as the server demands.
   * @param {Item} item
   * @param {number} asked
   */
  async #wait(item, asked) {
    // A rate limit is not a fault, and its delay does not grow.
    const tries = asked ? 0 : Math.min(item.tries, 10);
    const delay = asked + Math.random() * Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** tries);
    this.#show(item, { state: "waiting", retryAt: asked ? Date.now() + delay : null });
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, delay);
      item.wake = () => resolve(clearTimeout(timer));
    });
    if (this.#items.has(item.shown.client_id)) this.#show(item, { retryAt: null });
  }

  /** @param {string} name */
  #ownerOf(name) {
    return `${this.#home.server} ${name}${this.#account && ` ${this.#account}`}`;
  }

  /** @param {Item} item */
  #remove(item) {
    this.#items.delete(item.shown.client_id);
    item.wake();
    item.parcel.stop();
    void item.saved.then(() => this.#home.storage.delete(item.kept.key));
    this.#home.onChange(item.shown);
  }

  /** @param {Item} item @param {Partial<Unsent>} change */
  #show(item, change) {
    item.shown = { ...item.shown, ...change };
    this.#home.onChange(item.shown);
  }

  /** @param {(item: Unsent) => boolean} which @returns {readonly Unsent[]} */
  #shown(which) {
    return [...this.#items.values()].map(({ shown }) => shown).filter(which);
  }
}

/** @param {Kept} kept @returns {Item} */
function itemOf(kept) {
  const { client_id, group, to, body, respond_to, thread = null, mentions = [], data = null, attachments = [], date, failed } = kept;
  const parcel = new Parcel(attachments);
  const error = failed && new ChinwagError(failed.code, { detail: failed.detail });
  const state = /** @type {Unsent["state"]} */ (failed ? "failed" : "waiting");
  const shown = { client_id, group, to, body, respond_to, thread, mentions, data, date, state, retryAt: null, error, attachments: parcel.shown };
  return { shown, kept, parcel, resolve: () => {}, reject: () => {}, tries: 0, losses: 0, wake: () => {}, saved: Promise.resolve() };
}

const LOST_EACH_TIME = "The connection was lost each time this message was sent.";

const gone = () => new ChinwagError(404, { detail: "You are no longer in this group." });

/**
 * The refusal of a message that this page itself cannot send, such as one whose file was deleted. Later messages are sent.
 * @param {unknown} reason
 */
function unsendable(reason) {
  console.error("chinwag: a message cannot be sent", reason);
  return new ChinwagError(400, { detail: `This message cannot be sent: ${reason instanceof Error ? reason.message : reason}` });
}

/**
 * The lane of a message: its messages are sent one after the other.
 * @param {{ group: string | null, to: string | null }} where
 */
const lane = ({ group, to }) => group ?? `@${to?.toLowerCase()}`;
