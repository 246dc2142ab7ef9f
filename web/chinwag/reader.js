// Read marks to send to the server: the newest of each group, after a short delay, never backwards. A page that is hidden or
// left sends them at once, because it may end without further notice.

import { isHidden, onVisibility, onWindow } from "./page.js";

const DELAY = 300;
/** The least delay after a failure, so that a busy server is not asked again at once. */
const FAILED_DELAY = 3_000;

export class Reader {
  /** @type {Map<string, number>} */
  #marks = new Map();
  #timer = 0;
  #link;
  #rest;

  /**
   * @param {import("./link.js").Link} link
   * @param {import("./rest.js").Rest} rest
   */
  constructor(link, rest) {
    this.#link = link;
    this.#rest = rest;
  }

  /** @param {AbortSignal} signal */
  watch(signal) {
    onWindow("pagehide", () => this.leave(), { signal });
    onVisibility(() => isHidden() && this.leave(), { signal });
  }

  /** @param {string} group @param {number} seq @param {number} [delay] */
  mark(group, seq, delay = DELAY) {
    this.#marks.set(group, Math.max(seq, this.#marks.get(group) ?? 0));
    this.#timer ||= setTimeout(() => this.flush(), delay);
  }

  /**
   * Sends waiting marks if the server is connected, and resolves when it has them. Otherwise `flush` is called again
   * later.
   */
  async flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#link.ready) await this.#send((group, seq) => this.#link.request("message.read", { group, seq }));
  }

  /** Sends waiting marks at once. A frame that a socket has buffered is lost when the page ends; a keep-alive request is not. */
  leave() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    void this.#send((group, seq) => this.#rest.outlive("POST", `groups/${group}/read/`, { seq }));
  }

  /** @param {(group: string, seq: number) => Promise<unknown>} send */
  async #send(send) {
    const marks = this.#marks;
    const waiting = [...marks];
    marks.clear();
    const failed = (/** @type {string} */ group, /** @type {number} */ seq, /** @type {any} */ { passing, retryAfter }) => {
      // Another user may have signed in meanwhile.
      if (passing && marks === this.#marks) this.mark(group, seq, Math.max(FAILED_DELAY, (retryAfter ?? 0) * 1000));
    };
    // A lost mark is sent again, unless a later one was sent.
    await Promise.all(waiting.map(([group, seq]) => send(group, seq).catch((error) => failed(group, seq, error))));
  }

  /** Forgets all marks, also those in flight. */
  forget() {
    this.#marks = new Map();
  }
}
