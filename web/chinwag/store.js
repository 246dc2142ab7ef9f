// The client's state: groups, people, and the user. Applies the server's events, and dispatches the changes.

import { ChinwagError } from "./error.js";
import { Group } from "./group.js";
import { Listing, unreadIn } from "./listing.js";
import { People } from "./people.js";
import { Profiles } from "./profiles.js";
import { Sync } from "./sync.js";
import { Typing } from "./typing.js";

/** @typedef {import("./link.js").Frame} Frame */
/** @typedef {import("../chinwag.js").ChinwagEvents} Events */

const COUNT_PAUSE = 500;
const LONGEST_TIMER = 2 ** 31 - 1;
/** Events with a number in a group's log. */
const NUMBERED = new Set(["message.text", "message.update", "message.delete", "message.react", "message.pin", "group.update"]);

/**
 * @typedef {object} Home
 * @property {import("./link.js").Link} link
 * @property {import("./rest.js").Rest} rest
 * @property {import("./outbox.js").Outbox} outbox
 * @property {number} held
 * @property {number} messages the number of messages per group if only part of the groups is requested
 * @property {() => Promise<void>} flushReads
 * @property {(type: keyof Events, detail: any) => void} emit
 */

export class Store {
  /** @type {string | null} */ me = null;
  /** Distinguishes this user from earlier users of the same name. */
  account = "";
  /** @type {Map<string, Group>} */ groups = new Map();
  /** Whether ASCII names that differ only in case belong to different users, according to the server. */
  exactNames = false;
  people = new People();
  profiles;
  typing;
  /** @type {Sync} */ sync;
  /**
   * The groups that are not in the server's summary.
   * @type {Listing}
   */
  listing;
  #home;
  /** @type {number | undefined} */ #waking;
  /** @type {Set<Group>} */ #counting = new Set();
  /** Groups whose newest message is being requested, or of which the server has none. @type {WeakSet<Group>} */
  #withoutLatest = new WeakSet();
  /** @type {Group[]} */ #added = [];
  /** @type {Group[]} */ #removed = [];

  /** @param {Home} home */
  constructor(home) {
    this.#home = home;
    const { link, rest, outbox } = home;
    const dispatch = (/** @type {Group} */ group) => this.dispatch(group);
    this.profiles = new Profiles({ rest, dispatch: (names) => home.emit("profile", { names }) });
    this.typing = new Typing({ link, dispatch, group: (id) => this.groups.get(id) });
    this.sync = new Sync({
      groups: this.groups,
      link,
      rest,
      dispatch,
      make: (data, arrived) => this.#make(data, arrived),
      drop: (id) => this.#gone(id),
      acknowledge: (message) => message.author === this.me && outbox.settle(message.client_id, message),
      caughtUp: ({ id }) => outbox.pump(id),
      unknown: (frame, id) => this.listing.receive(frame, id),
      messages: home.messages,
      isCompared: () => this.listing.isCompared,
      resumed: () => {
        this.listing.settle();
        this.#dispatchGroups();
      },
    });
    this.listing = new Listing({
      groups: this.groups,
      link,
      rest,
      messages: home.messages,
      show: (data, isOther) => this.sync.takeGroup(data, isOther),
      requestMissing: (group) => this.sync.requestMissing(group),
      drop: (id) => this.#gone(id),
      missing: (id) => outbox.dropGroup(id),
      arrive: (group, message) => home.emit("message", { group, message: group.message(message.id) ?? group.received(message) }),
      dispatch: () => this.#dispatchGroups(),
      compared: () => this.sync.begin(),
      counted: () => home.emit("unread", { group: null }),
      flush: () => home.flushReads(),
    });
  }

  get held() {
    return this.#home.held;
  }

  /** @param {string} group */
  unsentOf(group) {
    return this.#home.outbox.of(group);
  }

  /** Whether this user has blocked another. */
  hasBlocked = (/** @type {string} */ name) => this.people.blockeds.has(name);

  /** @param {string} name */
  privateWith(name) {
    const groups = [...this.groups.values()];
    if (this.me !== null && this.sameName(this.me, name)) return groups.find((group) => group.notes);
    const other = groups.find((group) => group.other === name);
    return other ?? groups.find((group) => group.other !== null && this.sameName(group.other, name));
  }

  /** Pinned groups first, then in order of activity. A group without messages may have the date of the one before it. */
  get conversations() {
    const keyOf = (/** @type {Group} */ { settings, date, latest, id }) => `${Number(settings.pinned)} ${date} ${Number(latest !== null)} ${id}`;
    const keyed = [...this.groups.values()].map((group) => ({ group, key: keyOf(group) }));
    return keyed.sort((a, b) => (a.key < b.key ? 1 : -1)).map(({ group }) => group);
  }

  /** The number of unread messages in all groups that are not muted. */
  get unread() {
    return unreadIn(this.groups) + this.listing.unread;
  }

  /**
   * Whether two names belong to the same user.
   * @param {string} one
   * @param {string} other
   */
  sameName(one, other) {
    if (this.exactNames && isAscii(one) && isAscii(other)) return one === other;
    return one.toLowerCase() === other.toLowerCase();
  }

  /** @param {Frame} frame */
  take(frame) {
    if (frame.people) this.profiles.learn(frame.people);
    if (NUMBERED.has(frame.type)) this.sync.take(frame);
    else this.#takeUnnumbered(frame);
    this.#dispatchGroups();
  }

  /**
   * Shows the stored state until the server sends the current one.
   * @param {import("./recall.js").Recalled} known
   */
  recall({ name, account, history, since, groups, people, relations }) {
    Object.assign(this, { me: name, account });
    this.profiles.learn(people);
    this.people.summary(relations);
    this.sync.summary(groups, history ?? "");
    this.sync.since = since ?? "";
    this.#dispatchGroups();
    this.#home.emit("relations", null);
  }

  /**
   * @param {string} from
   * @param {string | null} to null if the user was deleted
   */
  renamed(from, to) {
    const { outbox, emit } = this.#home;
    this.people.rename(from, to);
    this.profiles.rename(from, to);
    for (const group of this.groups.values()) if (group.unlisted || group.roleOf(from)) group.skips++;
    if (to === null) {
      for (const group of this.groups.values()) group.forget(from);
      for (const { threads } of this.groups.values()) threads.rename(from, null);
      // Only the server knows whether the user was a member.
      for (const group of this.groups.values()) if (group.unlisted) this.sync.requestMembers(group);
      for (const group of this.groups.values()) this.dispatch(group);
    } else {
      if (from === this.me) {
        this.me = to;
        outbox.renamed(to);
      }
      outbox.rename(from, to);
      for (const group of this.groups.values()) group.rename(from, to);
      for (const { threads } of this.groups.values()) threads.rename(from, to);
      for (const group of this.groups.values()) this.dispatch(group);
    }
    emit("relations", null);
    emit("user", { name: from, newName: to });
  }

  /** Clears everything except unsent messages. */
  forget() {
    for (const id of [...this.groups.keys()]) this.#drop(id);
    this.people.summary({});
    this.profiles.forget();
    this.listing.forget();
    this.sync.forget();
    Object.assign(this, { me: null, account: "" });
    this.#dispatchGroups();
    this.#home.emit("relations", null);
  }

  /**
   * Dispatches the changes of a group.
   * @param {Group} group
   */
  dispatch(group) {
    if (this.groups.get(group.id) !== group) return;
    const { emit } = this.#home;
    if (group.uncounted) void this.#count(group);
    if (group.lacksLatest) void this.#findLatest(group);
    const { added, changed, removed, deleted, reset, edges, people, unread, typing, arrived } = group.takeNews();
    if (people) emit("group", { group });
    if (people && group.settings.mutedUntil !== null) this.wake();
    if (added.size || changed.size || removed.size || deleted.size || reset || edges)
      emit("messages", { group, added: [...added], changed: [...changed], removed: [...removed], deleted: [...deleted], reset });
    if (unread) emit("unread", { group });
    if (typing) emit("typing", { group });
    for (const message of arrived) emit("message", { group, message });
  }

  /**
   * This user's own settings of a group, as the server sends them.
   * @param {string} id
   * @param {any} me
   */
  settled(id, me) {
    const group = this.groups.get(id);
    if (!group) return;
    group.settle(me);
    this.dispatch(group);
  }

  /** The chat is closed: what waits for a time would keep it in memory until then. */
  end() {
    clearTimeout(this.#waking);
    this.sync.end();
    this.listing.end();
  }

  /** Dispatches the end of a muting when it comes, unless the chat is closed. */
  wake() {
    clearTimeout(this.#waking);
    if (this.#home.link.state === "closed") return;
    const now = Date.now();
    const ends = [...this.groups.values()].map(({ settings }) => Date.parse(settings.mutedUntil ?? "")).filter((end) => end > now);
    if (!ends.length) return;
    // A longer timeout would overflow and fire at once.
    this.#waking = setTimeout(() => {
      for (const group of this.groups.values()) {
        const end = Date.parse(group.settings.mutedUntil ?? "");
        if (end > now && end <= Date.now()) Object.assign(group.news, { people: true, unread: true });
        this.dispatch(group);
      }
      this.wake();
    }, Math.min(Math.min(...ends) - now + 1, LONGEST_TIMER));
  }

  /**
   * Requests the number of unread messages after a deletion of messages that are not stored here. Several deletions
   * within a moment are one request.
   * @param {Group} group
   */
  async #count(group) {
    if (this.#counting.has(group)) return;
    this.#counting.add(group);
    await new Promise((resolve) => setTimeout(resolve, COUNT_PAUSE));
    this.#counting.delete(group);
    group.uncounted = false;
    if (this.#home.link.state === "closed") return;
    try {
      const data = await this.#home.rest.call("GET", `groups/${group.id}/?fields=unread,last_read_seq,head,me`);
      // The other settings may have changed since.
      group.marks({ ...data, me: { mentioned: data.me?.mentioned } });
      this.dispatch(group);
    } catch (error) {
      if (!(error instanceof ChinwagError)) throw error;
      // The next event of the group, or the next connection, counts again.
      group.uncounted = error.passing;
    }
  }

  /**
   * Requests the newest message of a group after the deletion of the one that was.
   * @param {Group} group
   */
  async #findLatest(group) {
    if (this.#withoutLatest.has(group)) return;
    this.#withoutLatest.add(group);
    const flight = group.takeOff();
    try {
      const rows = await this.#home.rest.call("GET", `groups/${group.id}/messages/?limit=1`);
      const found = group.land(flight, rows, 0).pop();
      if (found && group.latest === null) group.latest = found;
      group.news.edges = true;
      // The one that was found may have been deleted meanwhile.
      if (rows.length) this.#withoutLatest.delete(group);
      this.dispatch(group);
    } catch (error) {
      // The next event of the group requests it again.
      if (!(error instanceof ChinwagError)) throw error;
      this.#withoutLatest.delete(group);
    } finally {
      group.flights.delete(flight);
    }
  }

  /** @param {Frame} frame */
  #takeUnnumbered(frame) {
    const { type, data } = frame;
    const { emit } = this.#home;
    const mine = data?.author === this.me;
    switch (type) {
      case "group.summary":
        return this.#summary(frame);
      case "summary.more":
        return this.listing.counted(data.unread);
      case "contact.summary":
        this.people.summary(data);
        emit("relations", null);
        return emit("presence", { name: null });
      case "message.read":
        return this.#read(frame);
      case "group.me":
        if (!this.groups.has(data.group)) this.listing.receive(frame, data.group);
        return this.settled(data.group, data);
      case "group.quit":
        return data.name === this.me && this.#left(frame, data.group);
      case "group.delete":
        return this.#left(frame, data);
      case "contact.update":
        if (mine) this.#related(data.name, data.operation);
        else this.people.apply(data.operation, data.author, mine);
        return emit("relations", null);
      case "status.update":
        // The user's own status is set by this page; this is the server's echo.
        if (mine) return;
        this.people.statuses.set(data.author, data.status);
        return emit("presence", { name: data.author });
      case "typing.start":
      case "typing.stop":
        return this.typing.receive(data.group, data.author, type === "typing.start");
      case "user.update":
        if (data.new_name) this.renamed(data.name, data.new_name);
        return this.profiles.update(data.new_name ?? data.name, data);
      case "user.delete":
        return this.renamed(data.name, null);
    }
  }

  /** @param {Frame} frame */
  #summary({ data, history, people, more }) {
    this.profiles.begin();
    this.profiles.learn(people, data.flatMap(usersIn));
    if (this.sync.isResuming) {
      this.listing.begin(more?.groups ?? 0, [...this.groups.keys()], null);
      return this.sync.resume(history);
    }
    if (more) {
      for (const group of data) group.shown = this.#home.messages;
      this.listing.date(data, new Date().toISOString());
    }
    const { unshown, isOther } = this.sync.summary(data, history, more !== undefined);
    this.listing.begin(more ? more.groups : null, more ? unshown : [], isOther);
  }

  /**
   * This user is no longer in a group.
   * @param {Frame} frame
   * @param {string} id
   */
  #left(frame, id) {
    if (!this.groups.has(id)) this.listing.receive(frame, id);
    this.#gone(id);
  }

  /**
   * This user's relation to another has changed.
   * @param {string} name
   * @param {any} operation
   */
  #related(name, operation) {
    const wasBlocked = this.hasBlocked(name);
    this.people.apply(operation, name, true);
    this.#blocked(name);
    if (wasBlocked === this.hasBlocked(name)) return;
    // Mentions by a blocked user do not count. The members of an unlisted group are not known here.
    for (const group of this.groups.values()) {
      if (group.private || !(group.unlisted || group.roleOf(name))) continue;
      group.recount();
      this.dispatch(group);
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
    this.dispatch(group);
  }

  /** @param {Frame} frame */
  #read(frame) {
    const { group: id, author, seq } = frame.data;
    const group = this.groups.get(id);
    if (!group) return void (author === this.me && this.listing.receive(frame, id));
    group.read(author, seq);
    if (author !== this.me) this.#home.emit("read", { group, name: author, seq });
    this.dispatch(group);
  }

  /**
   * @param {any} data
   * @param {string} arrived
   * @returns {Group}
   */
  #make(data, arrived) {
    const group = new Group(data, this, arrived);
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

  #dispatchGroups() {
    if (!this.#added.length && !this.#removed.length) return;
    const [added, removed] = [this.#added, this.#removed];
    [this.#added, this.#removed] = [[], []];
    this.#home.emit("groups", { added, removed });
  }
}

/**
 * The users in a group whose profiles the server sends with it: authors, and the other user of a private group.
 * @param {any} group
 * @returns {string[]}
 */
function usersIn({ name, messages, members = [], restricts = [] }) {
  const authors = messages.map((/** @type {any} */ { author }) => author);
  return name === "@" ? [...authors, ...members, ...restricts] : authors;
}

/** @param {string} name */
const isAscii = (name) => /^[!-~]*$/.test(name);
