// Threads: the state of roots after events of replies, and the open threads.

import { landed } from "./flight.js";
import { message, react, renamePeople } from "./message.js";

/** @typedef {import("../chinwag.js").Message} Message */
/** @typedef {import("../chinwag.js").Replies} Replies */
/** @typedef {import("./group.js").Group} Group */
/** @typedef {{ rest: import("./rest.js").Rest, dispatch(thread: Thread): void }} Home */

const PAGE = 50;
/** The number of replies that a thread holds. */
const HELD = 2000;

/** The threads of one group. */
export class Threads {
  #group;
  /** @type {Set<Thread>} */ #open = new Set();

  /** @param {Group} group */
  constructor(group) {
    this.#group = group;
  }

  /** @param {string} root @param {string | null} me @param {Home} home */
  open(root, me, home) {
    /** @type {Thread} */
    const thread = new Thread(this.#group, root, me, home, () => this.#open.delete(thread));
    this.#open.add(thread);
    void thread.load();
    return thread;
  }

  /**
   * Takes an event of the log after the group has applied it.
   * @param {string} type
   * @param {any} data
   */
  take(type, data) {
    for (const { id, replies } of [data.root, ...(data.roots ?? [])].filter(Boolean)) this.#restate(id, replies);
    const gone = type === "message.delete" ? new Set(data.ids ?? [data.id]) : null;
    if (gone) this.#orphan(gone);
    for (const thread of this.#open) thread.take(type, data, gone);
  }

  /** Loads the threads again after the group was reset. */
  reload() {
    for (const thread of this.#open) void thread.load();
  }

  /** @param {string} from @param {string | null} to null if the user was deleted */
  rename(from, to) {
    for (const thread of this.#open) thread.rename(from, to);
  }

  /** @param {string} id @param {Replies | null} replies */
  #restate(id, replies) {
    for (const flight of this.#group.flights) flight.roots.set(id, replies);
    const root = this.#group.message(id);
    if (root) this.#group.update({ ...root, replies });
  }

  /**
   * Turns the replies of deleted roots into ordinary messages.
   * @param {Set<string>} gone
   */
  #orphan(gone) {
    const replies = this.#group.messages.filter(({ thread }) => thread !== null && gone.has(thread));
    for (const reply of replies) this.#group.update({ ...reply, thread: null });
  }
}

/** An open thread: its root, and its newest replies without gaps. */
export class Thread {
  group;
  id;
  /** @type {Message | null} */ root = null;
  /** @type {Message[]} */ replies = [];
  hasEarlier = false;
  /** Whether the root was deleted. */
  gone = false;
  loading = true;
  /** @type {import("./error.js").ChinwagError | null} */ error = null;
  #me;
  #home;
  #ended;
  /** The number of times that it was loaded. Answers of earlier ones are void. */
  #era = 0;

  /** @param {Group} group @param {string} root @param {string | null} me @param {Home} home @param {() => void} ended */
  constructor(group, root, me, home, ended) {
    this.group = group;
    this.id = root;
    this.#me = me;
    this.#home = home;
    this.#ended = ended;
    this.root = group.message(root) ?? null;
  }

  close() {
    this.#era++;
    this.#ended();
  }

  get unsent() {
    return this.group.unsent.filter(({ thread }) => thread === this.id);
  }

  /** Loads it again. */
  async load() {
    const era = ++this.#era;
    const [root, page] = [`messages/${this.id}/`, `messages/${this.id}/thread/?limit=${PAGE}`];
    await this.#fetch(era, async () => {
      const [found, replies] = await Promise.all([this.#home.rest.call("GET", root), this.#home.rest.call("GET", page)]);
      return { found: [found], replies, more: replies.length >= PAGE, anew: true };
    });
  }

  /** Loads older replies; resolves with their number. */
  async loadEarlier(limit = PAGE) {
    const [first] = this.replies;
    if (!this.hasEarlier || this.loading || !first) return 0;
    const before = this.replies.length;
    await this.#fetch(this.#era, async () => {
      const replies = await this.#home.rest.call("GET", `messages/${this.id}/thread/?limit=${limit}&before=${first.seq}`);
      return { found: [], replies, more: replies.length >= limit, anew: false };
    });
    return this.replies.length - before;
  }

  /** @param {number} era @param {() => Promise<{ found: any[], replies: any[], more: boolean, anew: boolean }>} ask */
  async #fetch(era, ask) {
    const flight = this.group.takeOff();
    Object.assign(this, { loading: true, error: null });
    this.#home.dispatch(this);
    try {
      const { found, replies, more, anew } = await ask();
      if (era !== this.#era) return;
      const [root] = landed(flight, found, Infinity, this.group.id, this.#me);
      const page = landed(flight, replies, Infinity, this.group.id, this.#me);
      if (found.length) Object.assign(this, { root: root ?? null, gone: !root });
      // Replies that arrived meanwhile follow the page. Earlier ones that it lacks were deleted.
      const last = page[page.length - 1]?.seq ?? 0;
      const held = this.replies.filter(({ seq }) => !anew || (seq > last && flight.seen.has(seq)));
      const all = new Map([...page, ...held].map((each) => [each.seq, each]));
      this.replies = [...all.values()].sort((a, b) => a.seq - b.seq);
      this.hasEarlier = more;
    } catch (error) {
      if (era !== this.#era) return;
      const { code } = /** @type {import("./error.js").ChinwagError} */ (error);
      if (code === undefined) throw error;
      if (code === 404) Object.assign(this, { root: null, gone: true });
      else this.error = /** @type {any} */ (error);
    } finally {
      this.group.flights.delete(flight);
      if (era === this.#era) {
        this.loading = false;
        this.#home.dispatch(this);
      }
    }
  }

  /** @param {string} type @param {any} data @param {Set<string> | null} gone the ids of deleted messages */
  take(type, data, gone) {
    const before = [this.root, this.replies, this.gone];
    if (type === "message.text" && data.thread === this.id) this.#put(this.#made(data));
    if (type === "message.update") this.#change(data.id, () => this.#made(data));
    if (type === "message.react") this.#change(data.id, (held) => react(held, data, this.#me));
    if (type === "message.pin") this.#change(data.id, (held) => ({ ...held, pinned: data.on }));
    for (const { id, replies } of [data.root, ...(data.roots ?? [])].filter(Boolean)) this.#change(id, (held) => ({ ...held, replies }));
    if (gone) this.#erase(gone);
    if (before[0] !== this.root || before[1] !== this.replies || before[2] !== this.gone) this.#home.dispatch(this);
  }

  /** @param {string} from @param {string | null} to */
  rename(from, to) {
    const renamed = (/** @type {Message} */ each) => {
      const left = renamePeople(each, from, to);
      return to !== null && left.author === from ? { ...left, author: to } : left;
    };
    this.root = this.root && renamed(this.root);
    this.replies = this.replies.map(renamed);
    this.#home.dispatch(this);
  }

  /** @param {any} data */
  #made(data) {
    return message(data, this.group.id, this.#me, this.#held(data.id));
  }

  /** @param {string} id */
  #held(id) {
    return this.root?.id === id ? this.root : this.replies.find((each) => each.id === id);
  }

  /** @param {Message} reply */
  #put(reply) {
    const others = this.replies.filter(({ seq }) => seq !== reply.seq);
    this.replies = [...others, reply].sort((a, b) => a.seq - b.seq);
    if (this.replies.length <= HELD) return;
    this.replies = this.replies.slice(-HELD);
    this.hasEarlier = true;
  }

  /** @param {string} id @param {(held: Message) => Message} change */
  #change(id, change) {
    if (this.root?.id === id) this.root = change(this.root);
    if (this.replies.some((each) => each.id === id)) this.replies = this.replies.map((each) => (each.id === id ? change(each) : each));
  }

  /** @param {Set<string>} gone */
  #erase(gone) {
    if (gone.has(this.id)) Object.assign(this, { root: null, gone: true });
    if (this.replies.some(({ id }) => gone.has(id))) this.replies = this.replies.filter(({ id }) => !gone.has(id));
    const quotes = (/** @type {Message} */ { respond_to }) => respond_to !== null && gone.has(respond_to);
    if (this.replies.some(quotes)) this.replies = this.replies.map((each) => (quotes(each) ? { ...each, respond_to: null } : each));
  }
}
