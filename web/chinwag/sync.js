// Keeps groups in step with the server: applies each group's events once, in the order of its log. If numbers are
// missing, later events wait until the server has sent the missing ones.

import { Group } from "./group.js";
import { ChinwagError } from "./error.js";

/** @typedef {import("./link.js").Frame} Frame */

/** This number of groups in one request stays far below the longest frame that a server accepts. */
const GROUPS_AT_ONCE = 500;
/** A server takes 10,000 groups in one resume. The difference is for those that are loaded while a connection is opened. */
const GROUPS_MOST = 9_000;
/** A server closes a socket that resumes more than 20 times in 10 s. */
const PAUSE = 600;
/** Delay per member of a group, because all members request the list at about the same time. */
const LIST_PAUSE = 10;
const FAILED_PAUSE = 3_000;
/** On a slow network, a day of missed events takes minutes. The link detects a silent server sooner. */
const RESUME_WITHIN = 600_000;
/** The server never sends more events than this, and answers `too_far`; so no more are held back. */
const BEHIND_MOST = 5_000;

/**
 * @typedef {object} Home
 * @property {Map<string, Group>} groups
 * @property {import("./link.js").Link} link
 * @property {import("./rest.js").Rest} rest
 * @property {(data: any, arrived: string) => Group} make
 * @property {(id: string) => void} drop
 * @property {(message: import("../chinwag.js").Message) => void} acknowledge called for each of the user's own messages in the log
 * @property {(group: Group) => void} dispatch dispatches the changes of a group
 * @property {(group: Group) => void} caughtUp
 * @property {(frame: Frame, id: string) => void} unknown handles an event of a group that is not loaded
 * @property {number} messages the number of messages per group if only part of the groups is requested
 * @property {() => boolean} isCompared whether the groups of an earlier connection were compared with the server's
 * @property {() => void} resumed called when the changes since the last connection have arrived
 */

export class Sync {
  #home;
  /** @type {Set<Group>} */
  #wanted = new Set();
  #busy = false;
  /** The id of the server's history, which changes after a restore. */
  #history = "";
  /** The server's point up to which everything is known here; empty before the first. */
  since = "";
  /** @type {"no" | "wanted" | "requested"} whether this connection requests the changes instead of a summary */
  #resuming = "no";
  /** Whether this connection has yet to request a point. */
  #needsPoint = false;
  /** Groups whose members are about to be requested, with the timers of that. @type {Map<Group, number>} */
  #memberTimers = new Map();
  /** The number of the current connection. Requests of earlier ones are void. */
  #era = 0;

  /** @param {Home} home */
  constructor(home) {
    this.#home = home;
  }

  get history() {
    return this.#history;
  }

  get isResuming() {
    return this.#resuming !== "no";
  }

  /**
   * Prepares a connection. Returns whether it needs no groups in its summary, because it will request the changes. The changes
   * of more groups are requested in parts, after a summary.
   * @param {boolean} canResume whether the server supports that
   */
  prepare(canResume) {
    const { size } = this.#home.groups;
    const resumes = canResume && this.since !== "" && size > 0 && size <= GROUPS_MOST;
    this.#resuming = resumes ? "wanted" : "no";
    this.#needsPoint = canResume;
    return resumes;
  }

  /**
   * Takes the summary of such a connection, which contains no groups. Their events are held back until the answer.
   * @param {string} [history]
   */
  resume(history = "") {
    this.#era++;
    this.#busy = false;
    this.#wanted.clear();
    if (history !== this.#history) {
      this.forget();
      return this.#home.link.restart("The server was restored from a backup.");
    }
    for (const group of this.#home.groups.values()) if (!group.pending) Object.assign(group, { behind: [], fresh: null });
  }

  /** Forgets the state of the server. */
  forget() {
    this.since = "";
    this.#resuming = "no";
  }

  /**
   * Takes the server's summary of all groups, or of the most recently active ones, on a new connection. Returns the groups
   * that it omits, and whether the server's history has changed.
   * @param {any[]} summary
   * @param {string | undefined} history
   * @param {boolean} [isPart]
   * @returns {{ unshown: string[], isOther: boolean }}
   */
  summary(summary, history = "", isPart = false) {
    const { groups, make, drop, dispatch } = this.#home;
    this.#era++;
    this.#busy = false;
    this.#wanted.clear();
    const isOther = history !== this.#history;
    // The point of an earlier connection is older than this summary.
    this.since = "";
    this.#history = history;
    const ids = new Set(summary.map(({ id }) => id));
    const unshown = [...groups.keys()].filter((id) => !ids.has(id));
    if (!isPart) for (const id of unshown) drop(id);
    if (isOther) for (const id of unshown) groups.get(id)?.forgetMarks();
    // What was missing in these groups is requested again.
    for (const id of unshown) {
      const group = groups.get(id);
      if (!isOther && group?.behind) this.requestMissing(group);
    }
    for (const data of summary) {
      const group = groups.get(data.id) ?? make(data, data.active ?? "");
      group.behind = null;
      if (isOther) group.forgetMarks();
      group.resetReads(data.reads);
      // A pending group receives no events and cannot be resumed.
      const pending = data.me?.pending || group.pending;
      if (isOther || pending || data.head < group.head) {
        this.#reset(group, data);
      } else if (data.head > group.head) {
        Object.assign(group, { behind: [], fresh: data });
        this.#wanted.add(group);
        continue;
      }
      group.marks(data);
      dispatch(group);
    }
    return { unshown, isOther };
  }

  /**
   * Takes the server's view of a group in the answer to a request. Returns false if events have overtaken it, and it must be
   * requested again. Without messages, it contains only the user's marks.
   * @param {any} data
   * @param {boolean} isOther whether the held group is from another history of the server
   */
  takeGroup(data, isOther) {
    const { groups, make, dispatch } = this.#home;
    const group = groups.get(data.id);
    if (!group) {
      if (data.messages) this.#home.caughtUp(make(data, data.active ?? ""));
      return true;
    }
    const pending = data.me?.pending || group.pending;
    if (isOther || (pending && data.messages)) {
      group.behind = null;
      this.#reset(group, data);
    } else if (pending || group.behind || data.head < group.head) {
      // The acceptance or end of a group is announced by an event.
      return Boolean(pending);
    } else {
      group.resetReads(data.reads);
      if (data.head > group.head) this.requestMissing(group, data);
      else group.marks(data);
    }
    dispatch(group);
    return true;
  }

  /**
   * Requests the missing events of a group.
   * @param {Group} group
   * @param {any} [fresh] the group in the last summary
   */
  requestMissing(group, fresh = null) {
    Object.assign(group, { behind: [], fresh });
    this.#wanted.add(group);
    void this.#pump();
  }

  /** Call it when the connection is ready. */
  begin() {
    const waiting = [...this.#memberTimers];
    this.#memberTimers.clear();
    for (const [group, timer] of waiting) {
      clearTimeout(timer);
      this.requestMembers(group);
    }
    void this.#pump();
  }

  /** The chat is closed: what was about to be requested waits for the next connection. */
  end() {
    for (const timer of this.#memberTimers.values()) clearTimeout(timer);
  }

  /**
   * Takes an event with a number in a group's log.
   * @param {Frame} frame
   */
  take(frame) {
    const { data } = frame;
    const group = this.#home.groups.get(data.group ?? data.id);
    if (!group) return this.#takeUnknown(frame, data.group ?? data.id);
    if (frame.type === "group.update" && (data.me?.pending || group.pending)) return this.#consent(group, data);
    const seq = frame.seq ?? 0;
    if (group.behind) this.#hold(group, frame);
    else if (seq <= group.head) this.#acknowledge(frame);
    else if (seq <= group.head + 1 + group.skips) {
      group.skips -= seq - group.head - 1;
      this.#apply(group, frame);
    } else {
      Object.assign(group, { behind: [frame], fresh: null });
      this.#wanted.add(group);
      void this.#pump();
    }
    this.#home.dispatch(group);
  }

  /**
   * Takes the current state of a group to which a stranger has added this user, or which it has accepted. A group that was
   * left meanwhile starts again.
   * @param {Group} group
   * @param {any} data
   */
  #consent(group, data) {
    this.#wanted.delete(group);
    Object.assign(group, { behind: null, fresh: null });
    if (group.pending && data.me === undefined) group.describe(data);
    else group.reset(data);
    this.#home.dispatch(group);
    if (!group.pending) this.#home.caughtUp(group);
  }

  /**
   * Creates an unknown group from an event that contains the complete group.
   * @param {Frame} frame
   * @param {string} id
   */
  #takeUnknown(frame, id) {
    const { type, data } = frame;
    const isWhole = type === "group.update" && data.head !== undefined;
    if (isWhole) {
      const { make, messages, dispatch } = this.#home;
      // An event without an entry is later than the join.
      const joined = data.entry ? frame.seq : undefined;
      const shown = this.isResuming ? { shown: messages } : {};
      return dispatch(make({ ...data, joined, ...shown }, new Date().toISOString()));
    }
    if (type === "message.text") this.#acknowledge(frame);
    this.#home.unknown(frame, id);
  }

  /** @param {Group} group @param {Frame} frame */
  #hold(group, frame) {
    group.behind?.push(frame);
    if ((group.behind?.length ?? 0) > BEHIND_MOST) this.#home.link.restart("Too many events arrived at once.");
  }

  /**
   * Handles the answer to an earlier request, or an event that was overtaken by an answer.
   * @param {Frame} frame
   */
  #acknowledge({ type, data }) {
    if (type === "message.text") this.#home.acknowledge(data);
  }

  /** @param {Group} group @param {Frame} frame */
  #apply(group, frame) {
    const { type, data } = frame;
    group.head = frame.seq ?? group.head;
    if (type === "message.text") {
      this.#home.acknowledge(data);
      group.arrive(data);
    } else if (type === "message.update") {
      group.update(data);
    } else if (type === "message.react") {
      group.react(data);
    } else if (type === "message.pin") {
      group.pin(data);
      // A live entry has the current date; the history has the exact one.
      group.enter({ seq: group.head, date: new Date().toISOString(), by: data.name, changes: [{ kind: data.on ? "pinned" : "unpinned", id: data.id }] });
    } else if (type === "message.delete") {
      if (data.ids) group.eraseTogether(data.ids);
      else group.erase(data.id, data.seq);
    } else {
      group.describe(data);
      group.enter(data.entry);
      if (group.unlisted) this.requestMembers(group);
    }
    group.threads.take(type, data);
  }

  /**
   * Requests the members of a large group, whose events do not list them. It waits a while, because all members do the same.
   * @param {Group} group
   */
  requestMembers(group) {
    if (this.#memberTimers.has(group)) return;
    const request = async () => {
      const { groups, link, rest, dispatch } = this.#home;
      if (!link.ready) return;
      this.#memberTimers.delete(group);
      if (groups.get(group.id) !== group || !group.unlisted) return;
      try {
        const data = await rest.call("GET", `groups/${group.id}/?fields=owner,admins,members,restricts,members_count`);
        group.describe(data);
        dispatch(group);
      } catch (error) {
        // The next change of the group, or the next summary, requests them again.
        if (!(error instanceof ChinwagError)) throw error;
      }
    };
    this.#memberTimers.set(group, setTimeout(() => void request(), Math.random() * group.membersCount * LIST_PAUSE));
  }

  /** Requests the changes, with the held numbers of all groups. */
  async #requestChanges() {
    const { groups, link, resumed } = this.#home;
    const era = this.#era;
    this.#busy = true;
    this.#resuming = "requested";
    const asked = [...groups.values()].filter(({ behind }) => behind);
    try {
      const history = this.#history;
      const heads = asked.map((group) => /** @type {const} */ ([group.id, group.head]));
      while (heads.length > GROUPS_AT_ONCE) link.send("sync.resume", { groups: Object.fromEntries(heads.splice(0, GROUPS_AT_ONCE)), history, more: true });
      const { data } = await link.request("sync.resume", { groups: Object.fromEntries(heads), history, all: true, since: this.since }, RESUME_WITHIN);
      if (era !== this.#era) return;
      this.since = data.since ?? "";
      this.#resuming = "no";
      for (const group of asked) this.#resumed(group, data.groups[group.id], data.refused[group.id]);
      resumed();
    } catch (error) {
      if (era !== this.#era) return;
      // Retry if the server is busy. After a lost connection, the next one requests the changes again.
      if (!(error instanceof ChinwagError)) throw error;
      this.#resuming = "wanted";
    }
    this.#goOnAfter(era, this.#resuming === "no" ? PAUSE : FAILED_PAUSE);
  }

  /** Requests the point from which a later connection can resume. */
  async #requestPoint() {
    const era = this.#era;
    this.#busy = true;
    this.#needsPoint = false;
    try {
      const { data } = await this.#home.link.request("sync.resume", { groups: {} });
      if (era === this.#era) this.since = data.since ?? "";
    } catch (error) {
      // The next connection receives a summary.
      if (!(error instanceof ChinwagError)) throw error;
    }
    this.#goOnAfter(era, PAUSE);
  }

  /** @param {number} era @param {number} pause */
  #goOnAfter(era, pause) {
    setTimeout(() => {
      if (era !== this.#era) return;
      this.#busy = false;
      void this.#pump();
    }, pause);
  }

  /** Requests missing events: one request at a time, and not too often. */
  async #pump() {
    const { link } = this.#home;
    if (this.#busy || !link.ready) return;
    if (this.#resuming === "wanted") return this.#requestChanges();
    const needsPoint = this.#needsPoint && this.since === "" && this.#home.isCompared();
    if (!this.#wanted.size) return needsPoint ? this.#requestPoint() : undefined;
    const era = this.#era;
    const asked = [...this.#wanted].slice(0, GROUPS_AT_ONCE);
    for (const group of asked) this.#wanted.delete(group);
    this.#busy = true;
    let pause = PAUSE;
    try {
      const since = Object.fromEntries(asked.map((group) => [group.id, group.head]));
      const { data } = await link.request("sync.resume", this.#history ? { groups: since, history: this.#history } : { groups: since }, RESUME_WITHIN);
      if (era !== this.#era) return;
      if (this.#home.isCompared()) this.since = data.since ?? this.since;
      if (Object.values(data.refused).includes("history_changed")) return link.restart("The server was restored from a backup.");
      for (const group of asked) this.#resumed(group, data.groups[group.id], data.refused[group.id]);
    } catch (error) {
      if (era !== this.#era) return;
      // Retry if the server is busy. After a lost connection there is a new summary.
      pause = FAILED_PAUSE;
      if (!(error instanceof ChinwagError)) throw error;
      for (const group of asked) if (group.behind) this.#wanted.add(group);
    }
    this.#goOnAfter(era, pause);
  }

  /** @param {Group} group @param {number | undefined} head @param {string | undefined} refused */
  #resumed(group, head, refused) {
    if (this.#home.groups.get(group.id) !== group || !group.behind) return;
    if (refused === "not_found") return this.#home.drop(group.id);
    if (head === undefined) {
      if (group.fresh?.messages) this.#catchUp(group, group.fresh);
      else void this.#refetch(group);
      return;
    }
    const frames = inOrder(group.behind);
    const shown = group.fresh?.head ?? head;
    // A resume sends current states without entries, so that entries after this are unknown.
    if (frames.some(({ type, data }) => type !== "message.text" && !data.entry)) group.history.knownUntil(group.head);
    Object.assign(group, { behind: null, skips: 0 });
    this.#applyUntil(group, frames, Math.min(shown, head));
    // The summary's count of unread messages includes these numbers.
    if (group.fresh) group.marks(group.fresh);
    this.#applyUntil(group, frames, head);
    this.#goOn(group, frames.filter(({ seq }) => (seq ?? 0) > head));
  }

  /**
   * Numbers without an event belong to deleted objects.
   * @param {Group} group
   * @param {Frame[]} frames
   * @param {number} head
   */
  #applyUntil(group, frames, head) {
    // Several messages may have changed with one number.
    const from = group.head;
    for (const frame of frames) {
      if ((frame.seq ?? 0) <= from) this.#acknowledge(frame);
      else if ((frame.seq ?? 0) <= head) this.#apply(group, frame);
    }
    group.head = Math.max(group.head, head);
  }

  /**
   * Too many events were missed, or the server knows less than this client: start again.
   * @param {Group} group
   */
  async #refetch(group) {
    const era = this.#era;
    try {
      const data = await this.#home.rest.call("GET", `groups/${group.id}/?fields=__all__`);
      if (era === this.#era && group.behind) this.#catchUp(group, data);
    } catch (error) {
      if (era !== this.#era || !group.behind) return;
      if (error instanceof ChinwagError && error.code === 404) return this.#home.drop(group.id);
      this.#wanted.add(group);
      void this.#pump();
    }
  }

  /** @param {Group} group @param {any} data */
  #catchUp(group, data) {
    const frames = inOrder(group.behind ?? []);
    group.behind = null;
    this.#reset(group, data);
    this.#goOn(group, frames);
  }

  /** @param {Group} group @param {any} data */
  #reset(group, data) {
    group.reset(data);
    group.threads.reload();
    this.#home.dispatch(group);
  }

  /** @param {Group} group @param {Frame[]} frames what came meanwhile */
  #goOn(group, frames) {
    group.fresh = null;
    this.#home.dispatch(group);
    for (const frame of frames) this.take(frame);
    if (!group.behind) this.#home.caughtUp(group);
  }
}

/**
 * By number. Of several events with one number the last, except for the answer to a retry, which has an earlier
 * state, and for different messages that changed with the number.
 * @param {Frame[]} frames
 */
function inOrder(frames) {
  /** @type {Map<string, Frame>} */
  const found = new Map();
  for (const frame of frames) {
    const key = `${frame.seq ?? 0} ${frame.type === "message.update" ? frame.data.id : ""}`;
    if (!frame.ref || !found.has(key)) found.set(key, frame);
  }
  return [...found.values()].sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
}
