// The WebSocket: opens it, reopens it after a loss, detects a dead connection, and matches answers with requests. It
// does not know the meaning of frames.

import { ChinwagError, lost } from "./error.js";
import { isHidden, onVisibility, onWindow } from "./page.js";
import { newId } from "./rest.js";

/** Timeout from opening to the end of the server's summary, at the first attempt. It grows with each attempt, for slow networks. */
const OPEN_WITHIN = 20_000;
const OPEN_WITHIN_MOST = 120_000;
/** When the network changes, an attempt that has taken this long is restarted. */
const STUCK_AFTER = 2_000;
const ANSWER_WITHIN = 15_000;
/** Probe the server after this silence, because a page does not see the server's pings. */
const SILENCE = 25_000;
const SIGN_OF_LIFE_WITHIN = 5_000;
/** Timeout of the request before the first attempt; it grows later. A connection that died while the machine slept never answers. */
const IDENTIFY_WITHIN = 5_000;
const IDENTIFY_WITHIN_MOST = 20_000;
const FIRST_DELAY = 1_000;
const LONGEST_DELAY = 30_000;
const STABLE_AFTER = 10_000;
const TOO_LONG = 1009;
const CREDENTIAL_ENDED = 4001;
const SUSPENDED = 4003;
const RESYNC_REQUIRED = 4009;
const TOO_MUCH = 4029;
const TOO_MUCH_DELAY = 10_000;

/** @typedef {{ type: string, seq?: number, ref?: string, code?: number, history?: string, more?: { groups: number }, people?: Record<string, import("../chinwag.js").Profile>, data: any }} Frame */
/**
 * @typedef {object} Owner the receiver of frames
 * @property {(patience: number, isCurrent: () => boolean) => Promise<string | null>} identify returns the token to show, or null for the
 *   cookie; rejects as REST does, and if the attempt was abandoned meanwhile
 * @property {() => string} query the query of the URL, with its question mark
 * @property {() => number} frameMost the length of the longest frame that the server accepts, in bytes
 * @property {() => Promise<unknown>} renew replaces an expired token, if possible
 * @property {(frame: Frame) => void} onFrame
 * @property {() => void} onState
 * @property {(signal: AbortSignal) => void} onOpen the link is open until the signal is aborted
 * @property {(error: ChinwagError) => void} onEnd the credential has ended, and there is no other
 * @property {() => { type: string, data: object }} probe a cheap event that is always answered
 */

export class Link {
  /** @type {import("../chinwag.js").State} */
  state = "closed";
  /** @type {number | null} */
  retryAt = null;
  /** @type {ChinwagError | null} */
  problem = null;
  #server;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Map<string, { resolve: (frame: Frame) => void, reject: (error: ChinwagError) => void, timer: number }>} */
  #waiters = new Map();
  #attempts = 0;
  #reached = false;
  /** The number of the current attempt. Results of earlier attempts are ignored. */
  #try = 0;
  /** @type {AbortController | null} */
  #listening = null;
  #begun = 0;
  #lastReceived = 0;
  #retryTimer = 0;
  #openTimer = 0;
  #stableTimer = 0;
  #silenceTimer = 0;

  /**
   * @param {string} server
   * @param {Owner} owner
   */
  constructor(server, owner) {
    const url = new URL(`${server}/chat/`);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.#server = url.href;
    this.owner = owner;
  }

  get ready() {
    return this.state === "ready";
  }

  open() {
    if (this.state !== "closed") return;
    const { signal } = (this.#listening = new AbortController());
    onWindow("online", () => this.#look(), { signal });
    onWindow("pagehide", ({ persisted }) => persisted && this.#pause(), { signal });
    onWindow("pageshow", ({ persisted }) => persisted && this.retry(), { signal });
    onVisibility(() => isHidden() || this.#look(), { signal });
    this.owner.onOpen(signal);
    void this.#open();
  }

  retry() {
    if (this.state === "waiting") void this.#open();
  }

  /** @param {ChinwagError | null} [why] */
  close(why = null) {
    this.#abandon();
    this.#listening?.abort();
    this.#attempts = 0;
    this.problem = why;
    this.#become("closed");
  }

  /**
   * Replaces a socket that seems dead, without waiting for the network to report it.
   * @param {string} why
   */
  restart(why) {
    if (this.#socket) this.#lost(lost(why), 0);
  }

  /**
   * Sends an event without waiting for an answer, for events that are worthless later.
   * @param {string} type
   * @param {object} data
   */
  send(type, data) {
    if (this.ready) this.#socket?.send(JSON.stringify({ type, data }));
  }

  /**
   * Sends an event, and resolves with the answering frame.
   * @param {string} type
   * @param {object} data
   * @param {number} [patience]
   * @returns {Promise<Frame>}
   */
  request(type, data, patience = ANSWER_WITHIN) {
    const socket = this.#socket;
    if (!this.ready || !socket) return Promise.reject(lost("Not connected to the server. Try again in a moment."));
    const ref = newId();
    const sent = performance.now();
    const frame = JSON.stringify({ type, data, ref });
    if (isLonger(frame, this.owner.frameMost())) return Promise.reject(tooLong());
    socket.send(frame);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settle(ref, lost("The server did not answer."));
        if (socket === this.#socket && this.#lastReceived < sent) this.restart("The server has gone silent.");
      }, patience);
      this.#waiters.set(ref, { resolve, reject, timer });
    });
  }

  async #open() {
    this.#abandon();
    const attempt = this.#try;
    this.#begun = performance.now();
    this.#become("connecting");
    try {
      const patience = Math.min(IDENTIFY_WITHIN_MOST, IDENTIFY_WITHIN * (this.#attempts + 1));
      const token = await this.owner.identify(patience, () => attempt === this.#try);
      if (attempt === this.#try) this.#dial(token);
    } catch (error) {
      if (attempt !== this.#try) return;
      const why = error instanceof ChinwagError ? error : lost(String(error));
      // If no Chinwag server has ever answered, a 404 means that the address is wrong: another attempt would not
      // help.
      if (why.code === 401 || why.code === 403 || (why.code === 404 && !this.#reached)) this.#end(why);
      else this.#lost(why, (why.retryAfter ?? 0) * 1000);
    }
  }

  /** @param {string | null} token */
  #dial(token) {
    const socket = new WebSocket(this.#server + this.owner.query(), token === null ? ["chinwag"] : ["chinwag", `bearer.${token}`]);
    this.#socket = socket;
    const give = (/** @type {string} */ why) => socket === this.#socket && this.#lost(lost(why), 0);
    const patience = Math.min(OPEN_WITHIN_MOST, OPEN_WITHIN * (this.#attempts + 1));
    this.#openTimer = setTimeout(() => give("The server did not answer in time."), patience);
    socket.onmessage = (event) => {
      /** @type {Frame} */
      let frame;
      try {
        frame = JSON.parse(event.data);
        if (typeof frame.type !== "string") throw new Error("a frame without a type");
      } catch {
        return give("The response is not from a Chinwag server.");
      }
      this.#receive(frame);
    };
    socket.onclose = ({ code }) => {
      if (socket !== this.#socket) return;
      // Any request in flight may be the one that was too long. Sent again, it would close the next connection as well.
      if (code === TOO_LONG) this.#settleAll(tooLong());
      if (code === CREDENTIAL_ENDED) void this.#credentialEnded();
      // After a suspension, the refusal of the next attempt has the reason.
      else if (code === RESYNC_REQUIRED || code === SUSPENDED) this.#resync();
      else this.#lost(lost("The connection was lost."), code === TOO_MUCH ? TOO_MUCH_DELAY : 0);
    };
  }

  /** @param {Frame} frame */
  #receive(frame) {
    this.#lastReceived = performance.now();
    const failed = frame.type.startsWith("error.");
    try {
      // State changes before the answer resolves, so that the caller sees it.
      if (!failed) this.owner.onFrame(frame);
    } catch (error) {
      // Without this frame the state would be wrong. The summary of a new connection corrects it.
      console.error("chinwag: a frame was not understood", error);
      return this.restart("The server sent an invalid message.");
    }
    if (frame.type === "contact.summary" && this.state === "connecting") this.#ready();
    this.#settle(frame.ref, failed ? new ChinwagError(frame.code ?? 500, frame.data) : frame);
  }

  /** @param {string | undefined} ref @param {Frame | ChinwagError} answer */
  #settle(ref, answer) {
    const waiter = ref !== undefined && this.#waiters.get(ref);
    if (!waiter) return;
    this.#waiters.delete(/** @type {string} */ (ref));
    clearTimeout(waiter.timer);
    if (answer instanceof ChinwagError) waiter.reject(answer);
    else waiter.resolve(answer);
  }

  /** The summary ends with `contact.summary`. After it the server sends events. */
  #ready() {
    clearTimeout(this.#openTimer);
    // If a server drops all clients right after the summary, they must not reconnect once a second each.
    this.#stableTimer = setTimeout(() => (this.#attempts = 0), STABLE_AFTER);
    this.problem = null;
    this.#reached = true;
    this.#become("ready");
    this.#listen();
  }

  #listen() {
    clearTimeout(this.#silenceTimer);
    const left = this.#lastReceived + SILENCE - performance.now();
    this.#silenceTimer = setTimeout(() => (performance.now() < this.#lastReceived + SILENCE ? this.#listen() : this.#probe()), left);
  }

  #probe() {
    if (!this.ready) return;
    clearTimeout(this.#silenceTimer);
    const { type, data } = this.owner.probe();
    this.request(type, data, SIGN_OF_LIFE_WITHIN).catch(() => {});
    this.#silenceTimer = setTimeout(() => this.#listen(), SIGN_OF_LIFE_WITHIN);
  }

  /** The network may have changed, or the machine was asleep: connect at once, or probe the connection. */
  #look() {
    const stuck = this.state === "connecting" && performance.now() > this.#begun + STUCK_AFTER;
    if (stuck || this.state === "waiting") void this.#open();
    else this.#probe();
  }

  /**
   * Disconnects when the page enters the back/forward cache: its socket would stay open, and the user online.
   */
  #pause() {
    this.#abandon();
    this.#become("waiting");
  }

  /** Opens another socket without a pause, unless the previous one was lost before it proved stable. */
  #resync() {
    if (this.#attempts++ === 0) void this.#open();
    else this.#lost(lost("The connection was lost."), 0);
  }

  async #credentialEnded() {
    this.#abandon();
    const attempt = this.#try;
    this.#become("connecting");
    try {
      // Without another token the next attempt is refused. The cookie may be a newer one from another tab.
      await this.owner.renew();
      if (attempt !== this.#try) return;
      // A token that expires at once must not be requested endlessly.
      if (this.#attempts++ === 0) void this.#open();
      else this.#wait(0);
    } catch (error) {
      if (attempt === this.#try) this.#lost(error instanceof ChinwagError ? error : lost(String(error)), 0);
    }
  }

  /** @param {ChinwagError} why @param {number} atLeast */
  #lost(why, atLeast) {
    this.#abandon();
    this.problem = why;
    this.#wait(atLeast);
  }

  /**
   * Full jitter, so that clients which lost their connections together do not reconnect together.
   * @param {number} atLeast
   */
  #wait(atLeast) {
    const most = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(this.#attempts++, 10));
    const delay = atLeast + Math.random() * most;
    this.#retryTimer = setTimeout(() => this.retry(), delay);
    this.retryAt = Date.now() + delay;
    this.#become("waiting");
  }

  /** @param {ChinwagError} why */
  #end(why) {
    this.close(why);
    this.owner.onEnd(why);
  }

  #abandon() {
    this.#try++;
    this.retryAt = null;
    for (const timer of [this.#retryTimer, this.#openTimer, this.#stableTimer, this.#silenceTimer]) clearTimeout(timer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
    this.#settleAll(lost("The connection was lost. Try again."));
  }

  /** @param {ChinwagError} error */
  #settleAll(error) {
    for (const ref of [...this.#waiters.keys()]) this.#settle(ref, error);
  }

  /** @param {import("../chinwag.js").State} state */
  #become(state) {
    this.state = state;
    this.owner.onState();
  }
}

/**
 * Servers count bytes. A unit of a text has at most three of them.
 * @param {string} frame
 * @param {number} most
 */
const isLonger = (frame, most) => frame.length > most / 3 && new TextEncoder().encode(frame).length > most;

const tooLong = () => new ChinwagError(413, { detail: "This is too much at once: do it in parts." });
