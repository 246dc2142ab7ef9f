// The details of a group beside its people and messages, and this user's own settings of it.

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
  /** When this user's newest message was stored, by the clock of this page; 0 if that is not known. */
  lastSent = 0;

  get muted() {
    const { notify, mutedUntil } = this.settings;
    return notify === "none" || (mutedUntil !== null && Date.parse(mutedUntil) > Date.now());
  }

  /**
   * Takes the details that the server shows. Events leave some out that did not change.
   * @param {any} data
   * @returns {boolean} whether anything is different
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
   * Notes the newest message of this user. A clock that is behind the server's makes no wait longer than slow mode.
   * @param {string | undefined} date
   */
  noteSent(date) {
    if (date !== undefined) this.lastSent = Math.max(this.lastSent, Math.min(Date.parse(date), Date.now()));
  }
}
