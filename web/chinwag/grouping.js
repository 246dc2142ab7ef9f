// Requests about groups: creation, changes, deletion, and this user's membership.

import { ChinwagError, lost } from "./error.js";
import { ask } from "./messaging.js";
import { Pushing } from "./pushing.js";
import { within } from "./rest.js";

/** @typedef {import("./group.js").Group} Group */

/** Timeout for the event after joining a group, in ms. */
const JOIN_WAIT = 30_000;

export class Grouping extends Pushing {
  /**
   * @param {string} _id
   * @returns {Group}
   */
  _group(_id) {
    throw new TypeError("Only a connection has groups.");
  }

  /** @param {Group} _group */
  _dispatch(_group) {}

  /** @returns {ReadonlyMap<string, Group>} */
  get groups() {
    throw new TypeError("Only a connection has groups.");
  }

  /** @returns {import("./listing.js").Listing} */
  get _listing() {
    throw new TypeError("Only a connection has groups.");
  }

  /** @param {string} _name @returns {Group | undefined} */
  privateWith(_name) {
    throw new TypeError("Only a connection has groups.");
  }

  get moreGroups() {
    return this._listing.left;
  }

  /** @param {number} [limit] */
  async loadGroups(limit) {
    return this._listing.page(limit);
  }

  /** @param {string} group */
  async loadGroup(group) {
    return this._listing.want(group);
  }

  /** @param {string} name */
  async loadPrivate(name) {
    return this.privateWith(name) ?? this._listing.with(name);
  }

  /** Sends the pending read marks. @returns {Promise<void>} */
  async _flushReads() {}

  /** @param {import("../chinwag.js").NewGroup} group */
  async createGroup(group) {
    const { data } = await this[ask]("group.create", group);
    return this._group(data.id);
  }

  /** @param {string} group @param {import("../chinwag.js").GroupChange} change */
  async updateGroup(group, change) {
    await this[ask]("group.update", { id: group, ...change });
  }

  /** @param {string} group */
  async quitGroup(group) {
    await this[ask]("group.quit", { group });
  }

  /** @param {string} group @param {Partial<import("../chinwag.js").GroupSettings>} change */
  async changeSettings(group, { notify, mutedUntil, hidden, pinned, markedUnread }) {
    // A later read mark would remove the mark.
    if (markedUnread) await this._flushReads();
    const change = { notify, muted_until: mutedUntil, hidden, pinned, marked_unread: markedUnread };
    const settled = await this._call("PATCH", `groups/${encodeURIComponent(group)}/me/`, change);
    const held = this.groups.get(group);
    held?.settle(settled);
    if (held) this._dispatch(held);
  }

  /** @param {string} name @returns {Promise<import("../chinwag.js").User>} */
  loadUser(name) {
    return this._call("GET", `users/${encodeURIComponent(name)}/?fields=__all__`);
  }

  /** @param {string} name */
  async findUser(name) {
    // No user has these names, and a browser would treat them as steps in a path.
    if (/^\.{0,2}$|[/\\]/u.test(name)) return null;
    try {
      const path = `users/${encodeURIComponent(name)}/?fields=name`;
      return /** @type {string} */ ((await this._call("GET", path)).name);
    } catch (error) {
      if (error instanceof ChinwagError && [400, 404].includes(error.code)) return null;
      throw error;
    }
  }

  /**
   * @param {string} group
   * @param {{ query?: string, like?: string, role?: string, cursor?: string | null, limit?: number }} [part]
   * @returns {Promise<{ members: import("../chinwag.js").Member[], next: string | null }>}
   */
  async loadMembers(group, part = {}) {
    const { query = "", like = "", role = "", cursor = null, limit = 50 } = part;
    const asked = new URLSearchParams({ limit: String(limit), ...(like ? { like } : { q: query }), role, cursor: cursor ?? "" });
    const { rows, next } = await this._list(`groups/${encodeURIComponent(group)}/members/?${asked}`);
    return { members: rows, next };
  }

  /** @param {string} id */
  async loadRoles(id) {
    const group = this._group(id);
    if (!group.unlisted) return;
    group.describe(await this._call("GET", `groups/${encodeURIComponent(id)}/?fields=owner,admins,restricts,members_count`));
    this._dispatch(group);
  }

  /** @param {string} group @returns {Promise<string[]>} */
  async pendingMembers(group) {
    return (await this._call("GET", `groups/${encodeURIComponent(group)}/?fields=pending`)).pending ?? [];
  }

  /** @param {string} group @returns {Promise<string[]>} */
  async bannedUsers(group) {
    return (await this._call("GET", `groups/${encodeURIComponent(group)}/?fields=banned`)).banned ?? [];
  }

  /**
   * @param {{ query?: string, cursor?: string | null, limit?: number }} [part]
   * @returns {Promise<{ groups: import("../chinwag.js").OpenGroup[], next: string | null }>}
   */
  async openGroups(part = {}) {
    const { query = "", cursor = null, limit = 50 } = part;
    const asked = new URLSearchParams({ open: "true", limit: String(limit), q: query, cursor: cursor ?? "" });
    const { rows, next } = await this._list(`groups/?${asked}`);
    return { groups: rows.map((row) => ({ id: row.id, ...shown(row) })), next };
  }

  /** @param {string} group */
  async joinGroup(group) {
    return this.#joined(await this._call("POST", `groups/${encodeURIComponent(group)}/join/`, {}));
  }

  /**
   * @param {string} group
   * @param {{ uses?: number | null, ttl?: number }} [invite]
   * @returns {Promise<import("../chinwag.js").Invite>}
   */
  async createInvite(group, invite = {}) {
    return this._call("POST", `groups/${encodeURIComponent(group)}/invites/`, { uses: invite.uses, ttl: invite.ttl });
  }

  /** @param {string} group @returns {Promise<import("../chinwag.js").Invite[]>} */
  async loadInvites(group) {
    return this._call("GET", `groups/${encodeURIComponent(group)}/invites/`);
  }

  /** @param {string} group @param {string} code */
  async endInvite(group, code) {
    await this._call("DELETE", `groups/${encodeURIComponent(group)}/invites/${encodeURIComponent(code)}/`);
  }

  /** @param {string} code */
  async lookAtInvite(code) {
    return shown(await this._call("GET", `invites/${encodeURIComponent(code)}/`));
  }

  /** @param {string} code */
  async useInvite(code) {
    return this.#joined(await this._call("POST", `invites/${encodeURIComponent(code)}/`, {}));
  }

  /**
   * The joined group, once its event has arrived, before or after the answer. Rejects if none arrives.
   * @param {{ id: string }} answer
   * @returns {Promise<Group>}
   */
  async #joined({ id }) {
    const stop = new AbortController();
    /** @type {Promise<Group>} */
    const coming = new Promise((resolve, reject) => {
      const look = () => {
        const group = this.groups.get(id);
        if (group && !group.pending) resolve(group);
      };
      for (const event of ["groups", "group"]) this.addEventListener(event, look, { signal: stop.signal });
      const end = (/** @type {any} */ { detail }) => detail.state === "closed" && reject(lost("The connection was closed."));
      this.addEventListener("state", end, { signal: stop.signal });
      look();
      // For a user who is a member already there is no event; the group may not be loaded yet.
      if (!this.groups.has(id) && this.moreGroups) this.loadGroup(id).catch(() => {});
    });
    const late = (/** @type {unknown} */ error) => {
      throw error instanceof ChinwagError ? error : lost("The server did not answer.");
    };
    return within(coming, JOIN_WAIT).catch(late).finally(() => stop.abort());
  }

  /** @param {string} group */
  async acceptGroup(group) {
    await this[ask]("group.accept", { group });
  }

  /** @param {string} group */
  async declineGroup(group) {
    await this[ask]("group.quit", { group });
  }

  /** @param {string} group */
  async deleteGroup(group) {
    await this[ask]("group.delete", { group });
  }
}

/** @param {{ name: string, description: string | null, avatar: string | null, members_count: number }} group */
function shown({ name, description, avatar, members_count: membersCount }) {
  return { name, description, avatar, membersCount };
}
