// The signed-in user's relations, and presence.

/** @typedef {import("../chinwag.js").Operation} Operation */
/** @typedef {import("../chinwag.js").Status} Status */

const LISTS = /** @type {const} */ (["contacts", "blockeds", "blocked_by", "invitations", "invited_by"]);

export class People {
  /** @type {Set<string>} */ contacts = new Set();
  /** @type {Set<string>} */ blockeds = new Set();
  /** @type {Set<string>} */ blocked_by = new Set();
  /** @type {Set<string>} */ invitations = new Set();
  /** @type {Set<string>} */ invited_by = new Set();
  /** @type {Map<string, Status>} */ statuses = new Map();

  /**
   * The server's summary.
   * @param {any} data
   */
  summary(data) {
    for (const list of LISTS) this[list] = new Set(data[list] ?? []);
    this.statuses = new Map(Object.entries(data.presence ?? {}));
  }

  /**
   * Applies a `contact.update`; `mine` if the signed-in user caused it.
   * @param {Operation} operation
   * @param {string} other
   * @param {boolean} mine
   */
  apply(operation, other, mine) {
    const [given, taken] = mine ? [this.invitations, this.invited_by] : [this.invited_by, this.invitations];
    const blocks = mine ? this.blockeds : this.blocked_by;
    if (operation === "invitation") return void given.add(other);
    if (operation === "deny") return void taken.delete(other);
    for (const list of [this.contacts, this.invitations, this.invited_by]) list.delete(other);
    if (operation === "contact") this.contacts.add(other);
    // A block stays whatever the blocked user does; only its author can lift it.
    else if (operation === "block") blocks.add(other);
    else blocks.delete(other);
  }

  /** @param {string} from @param {string | null} to null if the user was deleted */
  rename(from, to) {
    for (const list of LISTS) if (this[list].delete(from) && to !== null) this[list].add(to);
    const status = this.statuses.get(from);
    this.statuses.delete(from);
    if (status !== undefined && to !== null) this.statuses.set(to, status);
  }
}
