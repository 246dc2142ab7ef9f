// The account of the signed-in user: its password, its sessions, and its data.

import { Searching } from "./searching.js";

/** @typedef {import("../chinwag.js").UserSession} UserSession */

export class Signing extends Searching {
  /**
   * The name of the signed-in user, for paths.
   * @returns {string}
   */
  _own() {
    throw new TypeError("Only a connection has a user.");
  }

  /**
   * @param {string} _path
   * @returns {Promise<Blob>}
   */
  _blob(_path) {
    throw new TypeError("Only a connection reads.");
  }

  exportData() {
    return this._blob(`users/${this._own()}/export/`);
  }

  /** @param {string} old @param {string} password */
  async changePassword(old, password) {
    await this._call("PATCH", "accounts/me/", { old, new: password });
  }

  /** @returns {Promise<UserSession[]>} */
  async loadSessions() {
    const sessions = await this._call("GET", `users/${this._own()}/sessions/`);
    return sessions.map((/** @type {any} */ { last_used: lastUsed, ...session }) => ({ ...session, lastUsed }));
  }

  /** @param {string} id */
  async endSession(id) {
    await this._call("DELETE", `users/${this._own()}/sessions/${encodeURIComponent(id)}/`);
  }

  async endOtherSessions() {
    await this._call("DELETE", `users/${this._own()}/tokens/?others=true`);
  }
}
