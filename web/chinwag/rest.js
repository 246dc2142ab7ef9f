// The credential, and REST calls with it.

import { ChinwagError, kindOf, lost } from "./error.js";
import { pageAddress, pageOrigin } from "./page.js";

const ANSWER_WITHIN = 20_000;
const PROBED_WITHIN = 5_000;
/** Tokens have no white space and no markup. */
const TOKEN = /^(?!.*[<>])[!-~]{1,8000}$/;
const NOT_HERE = "There is no Chinwag server at this address: check its path.";

/** A random id. Browsers offer no randomUUID to pages over plain HTTP, as in a home network. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(16).padStart(8, "0")).join("");
}

/**
 * A server's address, without a slash at its end. Default: the address from which the module was loaded.
 * @param {string | URL} [given]
 */
export function serverAddress(given) {
  if (given === undefined || given === null) return address(new URL("../", import.meta.url));
  const text = String(given);
  // Anything else would resolve to a path on the page's host.
  const known = /^https?:\/\/[^/]/i.test(text) || text === "" || text.startsWith("/");
  const url = known ? parsed(text) : null;
  if (!url || url.search || url.hash || url.username || url.password) {
    throw new TypeError(`The server "${text}" is not an address such as https://chat.example or https://app.example/chinwag.`);
  }
  return address(url);
}

/** @param {string} text */
function parsed(text) {
  try {
    return new URL(text || "/", pageAddress());
  } catch {
    return null;
  }
}

/** @param {URL} url */
const address = (url) => url.origin + url.pathname.replace(/\/+$/, "");

/**
 * @typedef {object} CallOptions
 * @property {number} [patience] the timeout in ms
 * @property {boolean} [keepalive] whether it is sent even if the page ends meanwhile
 * @property {AbortSignal} [signal] cancels it
 */

export class Rest {
  /** @type {string | null} */
  #token = null;
  /** @type {Promise<void> | null} */
  #renewing = null;
  #source;

  /**
   * @param {string} server
   * @param {import("../chinwag.js").ChinwagOptions["token"]} source
   */
  constructor(server, source) {
    this.server = server;
    if (!["undefined", "string", "function"].includes(typeof source)) {
      throw new TypeError(`The token must be a text, or a function that returns one, and is ${kindOf(source)}.`);
    }
    this.#source = source;
    if (typeof source === "string") this.#token = source;
  }

  /**
   * Stores a session's token if its cookie would not reach the server: on pages of other origins.
   * @param {string} token
   */
  keep(token) {
    this.#token = new URL(this.server).origin === pageOrigin() ? null : token;
  }

  drop() {
    this.#token = typeof this.#source === "string" ? this.#source : null;
  }

  /**
   * The token to show, or null for the cookie.
   * @returns {Promise<string | null>}
   */
  async token() {
    if (this.#token === null && typeof this.#source === "function") await this.renew(null);
    return this.#token;
  }

  /**
   * Replaces a refused token; false if there is no other.
   * @param {string | null} refused
   */
  async renew(refused) {
    if (typeof this.#source !== "function") return false;
    // A second caller may find the new token already.
    if (this.#token === refused) {
      this.#renewing ??= this.#ask(this.#source).finally(() => (this.#renewing = null));
      await this.#renewing;
    }
    return this.#token !== null;
  }

  /** @param {() => string | Promise<string>} source */
  async #ask(source) {
    this.#token = null;
    try {
      const token = await within(Promise.resolve(source()), ANSWER_WITHIN);
      const text = typeof token === "string" ? token.trim() : null;
      // Without a token the cookie would be used, which may belong to another user.
      if (!text) throw new Error(`the function must return a text, and what it returned is ${kindOf(text ?? token)}`);
      // An error page, for instance.
      if (!TOKEN.test(text)) throw new Error(`this is no token: ${text.slice(0, 60)}`);
      this.#token = text;
    } catch (error) {
      throw lost(`No token is available: ${error instanceof Error ? error.message : error}`, "token");
    }
  }

  /**
   * Calls the server, with another token if the first has expired.
   * @param {string} method
   * @param {string} path under `/api/v1/`
   * @param {object} [payload]
   * @param {CallOptions} [options]
   * @returns {Promise<any>}
   */
  call(method, path, payload, options) {
    return this.retried((token) => this.#call(method, path, payload, token, options));
  }

  /**
   * Calls the server with a short request, which is sent even if the page ends meanwhile.
   * @param {string} method
   * @param {string} path under `/api/v1/`
   * @param {object} payload
   * @returns {Promise<any>}
   */
  outlive(method, path, payload) {
    return this.retried((token) => this.#call(method, path, payload, token, { keepalive: true }));
  }

  /**
   * A page of a list, and the cursor of the next one.
   * @param {string} path under `/api/v1/`
   * @param {CallOptions} [options]
   * @returns {Promise<{ rows: any[], next: string | null, indexing: number | null }>}
   */
  async list(path, options) {
    const rows = await this.call("GET", path, undefined, options);
    return { rows, next: nextOf.get(rows) ?? null, indexing: indexingOf.get(rows) ?? null };
  }

  /**
   * Requests the signed-in user. Rejects with code 401 if there is none. Without a token the server answers that without an
   * error, which browsers would log at each visit.
   * @param {number} [patience]
   * @returns {Promise<any>}
   */
  session(patience = ANSWER_WITHIN) {
    return this.retried(async (token) => {
      const session = await this.#call("GET", "sessions/?optional=true", undefined, token, { patience });
      if (session.name === null) throw new ChinwagError(401, { detail: "nobody is signed in" });
      return session;
    });
  }

  /**
   * Calls with the token, and again with a new one if it has expired.
   * @template T
   * @param {(token: string | null) => Promise<T>} call
   * @returns {Promise<T>}
   */
  async retried(call) {
    const token = await this.token();
    try {
      return await call(token);
    } catch (error) {
      const ended = error instanceof ChinwagError && error.code === 401;
      if (!ended || !(await this.renew(token))) throw error;
      return call(await this.token());
    }
  }

  /**
   * Reads without a credential, so that neither the host page is asked for a token nor an expired cookie is refused.
   * @param {string} path under `/api/v1/`
   * @returns {Promise<any>}
   */
  read(path) {
    return this.#call("GET", path, undefined, undefined);
  }

  /**
   * Reads bytes without a timeout.
   * @param {string} path under `/api/v1/`
   * @returns {Promise<Blob>}
   */
  blob(path) {
    return this.retried(async (token) => {
      const headers = token === null ? undefined : { Authorization: `Bearer ${token}` };
      const credentials = token === null ? "same-origin" : "omit";
      try {
        const response = await fetch(`${this.server}/api/v1/${path}`, { headers, credentials, cache: "no-store" });
        if (response.ok) return await response.blob();
        throw new ChinwagError(response.status, object(await response.json().catch(() => null)) ?? {}, retryAfter(response));
      } catch (error) {
        if (error instanceof ChinwagError) throw error;
        throw lost("The server cannot be reached.");
      }
    });
  }

  /** Whether the server is reachable but refuses this page's origin: its modules are served to all origins. */
  async #refusesOrigin() {
    if ([null, new URL(this.server).origin].includes(pageOrigin())) return false;
    try {
      const asked = fetch(`${this.server}/chinwag.js`, { method: "HEAD", credentials: "omit", cache: "no-store" });
      return (await within(asked, PROBED_WITHIN)).ok;
    } catch {
      return false;
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object | undefined} payload
   * @param {string | null | undefined} token null for the cookie, undefined for no credential
   * @param {CallOptions} options
   */
  async #call(method, path, payload, token, { patience = ANSWER_WITHIN, keepalive = false, signal } = {}) {
    /** @type {Record<string, string>} */
    const headers = {};
    if (payload) headers["Content-Type"] = "application/json";
    if (typeof token === "string") headers.Authorization = `Bearer ${token}`;
    const body = payload && JSON.stringify(payload);
    const stop = new AbortController();
    const cancel = () => stop.abort();
    const timer = setTimeout(cancel, patience);
    signal?.addEventListener("abort", cancel);
    try {
      if (signal?.aborted) cancel();
      const credentials = token === null ? "same-origin" : "omit";
      const asked = { method, headers, body, credentials, cache: "no-store", keepalive, signal: stop.signal };
      const response = await fetch(`${this.server}/api/v1/${path}`, /** @type {RequestInit} */ (asked));
      // An answer from an intermediary need not be JSON.
      const answer = await response.json().catch(() => null);
      const problem = object(answer);
      if (response.status === 404 && !isProblem(response)) throw new ChinwagError(404, { detail: NOT_HERE });
      if (!response.ok) throw new ChinwagError(response.status, problem ?? {}, retryAfter(response));
      if (answer === null) throw lost("The response is not from a Chinwag server.");
      if (response.headers.has(INDEXING)) indexingOf.set(answer, Number(response.headers.get(INDEXING)));
      if (Array.isArray(answer)) nextOf.set(answer, cursorIn(response.headers.get("Link")));
      return answer;
    } catch (error) {
      if (signal?.aborted) throw lost("The request was cancelled.");
      if (error instanceof ChinwagError) throw error;
      // Browsers hide the reason: the server may be unavailable, or refuse this page's origin.
      if (!stop.signal.aborted && (await this.#refusesOrigin())) throw lost(`The server refuses pages of ${pageOrigin()}: add it to http.origins.`, "origin");
      throw lost("The server cannot be reached.");
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
    }
  }
}

/**
 * The cursor of the page after a list.
 * @type {WeakMap<any[], string | null>}
 */
const nextOf = new WeakMap();

const INDEXING = "Chinwag-Indexing";

/**
 * The progress of the search index in percent, for answers given while it is being built.
 * @type {WeakMap<object, number>}
 */
export const indexingOf = new WeakMap();

/** @param {string | null} link */
function cursorIn(link) {
  const address = link?.match(/<([^>]*)>; *rel="next"/u)?.[1];
  return address ? new URL(address, "https://any.example").searchParams.get("cursor") : null;
}

/** @param {unknown} value */
const object = (value) => (typeof value === "object" && value !== null ? value : null);

/**
 * Whether an error comes from a Chinwag server rather than another server at this address.
 * @param {Response} response
 */
const isProblem = (response) => response.headers.get("Content-Type")?.startsWith("application/problem+json");

/** @param {Response} response */
function retryAfter(response) {
  const seconds = Number(response.headers.get("Retry-After") ?? NaN);
  return Number.isFinite(seconds) ? seconds : null;
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {number} time
 * @returns {Promise<T>}
 */
export function within(promise, time) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("it took too long")), time);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
