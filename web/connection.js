// The WebSocket: opens it, opens it again when it is lost, and pairs each request with its answer.

import { inWords, Refusal } from "./words.js";

const ANSWER_WITHIN = 15_000;
const STABLE_AFTER = 10_000;
const FIRST_DELAY = 1_000;
const LONGEST_DELAY = 30_000;
const CREDENTIAL_ENDED = 4001;

/** What the server refused (an `error.*` frame), or a request that got no answer (code 0). */
export class FrameError extends Refusal {
  constructor(code, data = {}) {
    super(inWords(data));
    this.code = code;
  }
}

/** A random id. Browsers keep randomUUID from pages that come over plain HTTP, as in a home network. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(16).padStart(8, "0")).join("");
}

function chatUrl() {
  const url = new URL("/chat/", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

export class Connection {
  /** "closed", "connecting", "ready" (the snapshot has come) or "waiting" (lost, and to be tried again). */
  state = "closed";
  #socket = null;
  #waiters = new Map();
  #attempts = 0;
  #timer = 0;
  #stable = 0;

  /**
   * onFrame(frame) is told every frame, onState(state) every change of state. onDoubt() is called when the server
   * may have refused the credential: a browser does not say why a handshake failed.
   */
  constructor({ onFrame, onState, onDoubt }) {
    Object.assign(this, { onFrame, onState, onDoubt });
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
  }

  open() {
    clearTimeout(this.#timer);
    const socket = new WebSocket(chatUrl());
    let opened = false;
    this.#socket = socket;
    this.#become("connecting");
    socket.onopen = () => (opened = true);
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#lost(socket, opened && event.code !== CREDENTIAL_ENDED);
  }

  close() {
    clearTimeout(this.#timer);
    this.#abandon();
    this.#attempts = 0;
    this.#become("closed");
  }

  /** Gives up a socket that seems dead without waiting for the network to admit it. */
  restart() {
    const socket = this.#socket;
    if (socket) this.#lost(socket, true);
  }

  /** Tries now rather than at the end of the delay. */
  hurry() {
    if (this.state === "waiting") this.open();
  }

  /** Sends and forgets: for what is worth nothing later, such as typing marks. */
  send(type, data) {
    if (this.state === "ready") this.#socket.send(JSON.stringify({ type, data }));
  }

  /** Sends and resolves with the frame that answers, or rejects with a FrameError. */
  request(type, data) {
    if (this.state !== "ready") return Promise.reject(lostError("Not connected to the server. Try again in a moment."));
    const ref = newId();
    this.#socket.send(JSON.stringify({ type, data, ref }));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(ref, lostError("The server did not answer.")), ANSWER_WITHIN);
      this.#waiters.set(ref, { resolve, reject, timer });
    });
  }

  #receive(text) {
    const frame = JSON.parse(text);
    const failed = frame.type.startsWith("error.");
    // The state changes first, so that whoever awaits the answer finds it already applied.
    if (!failed || !this.#waiters.has(frame.ref)) this.onFrame(frame);
    if (frame.type === "contact.summary") this.#ready();
    this.#settle(frame.ref, failed ? new FrameError(frame.code, frame.data) : frame);
  }

  #settle(ref, answer) {
    const waiter = this.#waiters.get(ref);
    if (!waiter) return;
    this.#waiters.delete(ref);
    clearTimeout(waiter.timer);
    if (answer instanceof Error) waiter.reject(answer);
    else waiter.resolve(answer);
  }

  /** The snapshot ends with `contact.summary`: from here on the server follows by events. */
  #ready() {
    this.#become("ready");
    // A server that drops everyone right after the snapshot must not be called once a second by each.
    this.#stable = setTimeout(() => (this.#attempts = 0), STABLE_AFTER);
  }

  #lost(socket, credentialHolds) {
    if (socket !== this.#socket) return;
    this.#abandon();
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#attempts++) * (0.5 + Math.random());
    this.#timer = setTimeout(() => this.open(), delay);
    this.#become("waiting");
    if (!credentialHolds) this.onDoubt();
  }

  #abandon() {
    clearTimeout(this.#stable);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    for (const ref of [...this.#waiters.keys()]) this.#settle(ref, lostError("The connection was lost. Try again."));
  }

  #become(state) {
    this.state = state;
    this.onState(state);
  }
}

const lostError = (detail) => new FrameError(0, { detail });
