// The details of a group, except for its members and messages, and this user's settings of it.

/** @typedef {import("../chinwag.js").GroupSettings} GroupSettings */

/** @type {GroupSettings} */
const DEFAULTS = Object.freeze({ notify: "all", mutedUntil: null, hidden: false, pinned: false, markedUnread: false });

export class Details {
  /** @type {string | null} */ description = null;
  /** @type {string | null} */ avatar = null;
  /** @type {Readonly<Record<string, unknown>> | null} */ data = null;
  open = false;
  slow = 0;
  /** @type {number | null} */ keep = null;
  /** @type {GroupSettings} */ settings = DEFAULTS;
  /** The time of this user's newest message by this page's clock; 0 if unknown. */
  lastSent = 0;

  get muted() {
    const { notify, mutedUntil } = this.settings;
    return notify === "none" || (mutedUntil !== null && Date.parse(mutedUntil) > Date.now());
  }

  /**
   * Takes the details from the server. Events omit some that did not change.
   * @param {any} data
   * @returns {boolean} whether anything has changed
   */
  takeDetails(data) {
    const shown = () => JSON.stringify([this.description, this.avatar, this.data, this.open, this.slow, this.keep]);
    const before = shown();
    const { description = this.description, avatar = this.avatar, data: own = this.data } = data;
    const { open = this.open, slow = this.slow, keep = this.keep } = data;
    Object.assign(this, { description, avatar, data: own, open, slow, keep });
    return before !== shown();
  }

  /**
   * Records the time of this user's newest message. It is never in the future, so that a slow clock does not extend the wait of slow mode.
   * @param {string | undefined} date
   */
  noteSent(date) {
    if (date !== undefined) this.lastSent = Math.max(this.lastSent, Math.min(Date.parse(date), Date.now()));
  }
}
