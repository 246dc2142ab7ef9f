// The user's own status on this connection.

import { watchPage } from "./away.js";

/** @typedef {import("../chinwag.js").Status} Status */

export class OwnStatus {
  /** @type {Status} */ shown = "online";
  /** @type {Status} the status of a user who has chosen none */ #usual = "online";

  /**
   * Shows whether the page is seen, unless the user has chosen another status.
   * @param {(status: Status) => void} show
   * @param {AbortSignal} signal stops it, as if the page were seen
   */
  watch(show, signal) {
    watchPage((seen) => {
      this.#usual = seen ? "online" : "afk";
      if (this.shown === (seen ? "afk" : "online")) show(this.#usual);
    }, signal);
  }

  /** The next user has chosen none. */
  forget() {
    this.shown = this.#usual;
  }
}
