// The session: the signed-in user, and the server's features.

import { ChinwagError, lost } from "./error.js";

/** The longest frame that a server accepts with its default settings is 64 KiB. */
const FRAME_MOST = 60_000;

export class Session {
  /** The user is signing out: the end of the session needs no event. */
  leaving = false;
  /** The expiry of the last session, which identifies it. */
  #expires = /** @type {string | null} */ (null);
  /**
   * The last known features of the server.
   * @type {readonly string[]}
   */
  known = [];
  /** The length of the longest frame that the server accepts, in bytes. */
  frameMost = FRAME_MOST;
  /** @type {Promise<import("../chinwag.js").ServerInfo> | null} */
  #info = null;
  #rest;

  /** @param {import("./rest.js").Rest} rest */
  constructor(rest) {
    this.#rest = rest;
  }

  info() {
    const asked = (this.#info ??= this.#rest.read("server/"));
    asked.catch(() => (this.#info = null));
    return asked;
  }

  /** The features of the server; null if it does not say. Fails if it cannot be reached. @returns {Promise<string[] | null>} */
  async features() {
    try {
      const { features, limits } = await this.info();
      this.known = features ?? [];
      this.frameMost = Number(limits?.["ws.max_frame"] ?? FRAME_MOST);
      return this.known;
    } catch (error) {
      if (!(error instanceof ChinwagError) || error.code === 0) throw error;
      return null;
    }
  }

  async whoAmI() {
    try {
      return /** @type {string} */ ((await this.#rest.session()).name);
    } catch (error) {
      if (error instanceof ChinwagError && error.code === 401) return null;
      throw error;
    }
  }

  /**
   * Requests the signed-in user and the expiry of its session. `account` differs between users who had the same name at
   * different times.
   * @param {number} patience
   */
  async look(patience) {
    const { name, expires = null, created } = await this.#rest.session(patience);
    if (typeof name !== "string") throw lost("The response is not from a Chinwag server.");
    return { name, expires: /** @type {string | null} */ (expires), account: typeof created === "string" ? created : "" };
  }

  /**
   * Records the current session by its expiry. Returns whether it is the same as before: then a different name means that
   * the user was renamed.
   * @param {string | null} expires
   */
  use(expires) {
    const isSame = expires !== null && expires === this.#expires;
    this.#expires = expires;
    return isSame;
  }

  /** @param {string} path @param {string} name @param {string} [password] */
  async enter(path, name, password) {
    this.#rest.keep((await this.#rest.call("POST", path, { name, password })).token);
  }

  /** @param {string} path what is deleted with the session */
  async end(path) {
    this.leaving = true;
    try {
      await this.#rest.call("DELETE", path);
    } catch (error) {
      if (!(error instanceof ChinwagError && error.code === 401)) throw error;
    } finally {
      this.leaving = false;
    }
    this.#rest.drop();
  }
}
