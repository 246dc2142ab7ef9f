// Files: uploads, small ones in one request, larger ones in parts that can resume (tus 1.0); and the URLs for reading them.

import { ChinwagError, lost } from "./error.js";
import { onWindow } from "./page.js";
import { parsed, transfer } from "./transfer.js";

/** @typedef {import("../chinwag.js").FileInfo} FileInfo */
/** @typedef {import("../chinwag.js").UploadOptions} UploadOptions */
/**
 * One attempt at an upload.
 * @typedef {object} Attempt
 * @property {string} name
 * @property {string | null} [place] the id of the upload to resume
 * @property {(place: string | null) => void} [onplace]
 * @property {(progress: { loaded: number, total: number }) => void} [onprogress]
 * @property {AbortSignal} [signal]
 */

const UPLOADS = "files/uploads/";
/** A file up to this size is sent in one request. */
const WHOLE_MOST = 1 << 20;
/** The size of a part, which is the most that is sent again after an interruption. */
const PART = 4 << 20;
/** The server discards an upload 24 hours after its last part. */
const KEPT_FOR = 23 * 3_600_000;
const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;
/** An upload fails after this many attempts in a row without progress. */
const TRIES_MOST = 20;
/** The server has another offset; request it. */
const OTHER_OFFSET = 409;
/** A ticket is replaced when it expires within this time. */
const TICKET_LEFT = 5 * 60_000;

export class Files {
  #rest;
  #me;
  /** @type {Promise<{ ticket: string, until: number }> | null} */ #ticket = null;

  /** @param {import("./rest.js").Rest} rest @param {() => string} me identifies user and server */
  constructor(rest, me) {
    this.#rest = rest;
    this.#me = me;
  }

  /** Drops the ticket: another user has access to other files. */
  forget() {
    this.#ticket = null;
  }

  /** Forgets this user's uploads, whose names are kept in the browser. */
  forgetUploads() {
    sweep((key) => key.startsWith(`${PLACES}${this.#me()} `));
  }

  /**
   * Uploads until completed, refused or cancelled. The upload of a file on disk resumes after a reload.
   * @param {Blob} blob
   * @param {UploadOptions} options
   * @returns {Promise<FileInfo>}
   */
  async upload(blob, { name = nameOf(blob), signal, onprogress }) {
    sweep((key) => recalled(key) === null);
    const key = keyOf(this.#me(), blob, name);
    let [place, loaded, tries] = [recalled(key), 0, 0];
    const attempt = {
      name,
      signal,
      onplace: (/** @type {string | null} */ now) => keep(key, (place = now)),
      onprogress: (/** @type {{ loaded: number, total: number }} */ progress) => {
        if (progress.loaded > loaded) [loaded, tries] = [progress.loaded, 0];
        onprogress?.(progress);
      },
    };
    for (;;) {
      try {
        const file = await this.attempt(blob, { ...attempt, place });
        keep(key, null);
        return file;
      } catch (error) {
        if (!(error instanceof ChinwagError)) throw error;
        if (signal?.aborted && place !== null) void this.abandon(place);
        if (signal?.aborted || !error.passing) keep(key, null);
        if (signal?.aborted || !error.passing || ++tries >= TRIES_MOST) throw error;
        const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(tries, 10));
        await pause((error.retryAfter ?? 0) * 1000 + Math.random() * delay, signal);
      }
    }
  }

  /**
   * Attempts an upload; a later attempt resumes it by its `place`.
   * @param {Blob} blob
   * @param {Attempt} attempt
   * @returns {Promise<FileInfo>}
   */
  async attempt(blob, { name, place = null, onplace = () => {}, onprogress = () => {}, signal }) {
    const total = blob.size;
    const report = (/** @type {number} */ loaded) => onprogress({ loaded: Math.min(loaded, total), total });
    report(0);
    try {
      if (total <= WHOLE_MOST) return await this.#whole(blob, name, report, signal);
      let offset = place === null ? null : await this.#offset(place, signal);
      if (offset === null) {
        onplace((place = await this.#create(name, total, signal)));
        offset = 0;
      }
      for (report(offset); offset < total; report(offset)) {
        offset = await this.#part(/** @type {string} */ (place), blob, offset, report, signal);
      }
      return await this.#rest.call("GET", `files/${place}/`);
    } catch (error) {
      if (error instanceof ChinwagError && error.code === 0 && !signal?.aborted) await readable(blob, name);
      throw error;
    }
  }

  /**
   * Cancels an upload, or deletes an unattached file. The server does this by itself after a day.
   * @param {string} id
   */
  async abandon(id) {
    await this.#send({ method: "DELETE", path: `${UPLOADS}${id}/` }).catch(() => {});
  }

  /**
   * The URL of a file. On pages of other origins it is valid for some minutes.
   * @param {FileInfo} file
   * @param {{ thumbnail?: boolean }} options
   */
  async url(file, { thumbnail = false }) {
    const { server } = this.#rest;
    const own = `${server}/api/v1/files/${encodeURIComponent(file.id)}/${encodeURIComponent(file.name)}`;
    // A thumbnail's path is relative to the server's root.
    return this.#readable(new URL(thumbnail && file.thumbnail ? file.thumbnail.url : own, own));
  }

  /**
   * The URL of an avatar; for an uploaded picture, of its thumbnail.
   * @param {string} avatar
   */
  async avatarUrl(avatar) {
    if (!avatar.startsWith("/")) return avatar;
    return this.#readable(new URL(avatar.replace(/[^/]*$/u, "thumbnail/image.webp"), `${this.#rest.server}/`));
  }

  /** @param {URL} url */
  async #readable(url) {
    if ((await this.#rest.token()) === null) return url.href;
    url.searchParams.set("ticket", await this.#ticketNow());
    return url.href;
  }

  async #ticketNow() {
    const before = this.#ticket;
    const held = await before?.catch(() => null);
    if (held && held.until - Date.now() > TICKET_LEFT) return held.ticket;
    // Many files may be displayed at once: they share the first one's request.
    if (this.#ticket === before) this.#ticket = null;
    return (await (this.#ticket ??= this.#ask())).ticket;
  }

  async #ask() {
    const { ticket, expires } = await this.#rest.call("POST", "tickets/", { for: "files" });
    return { ticket, until: Date.parse(expires) };
  }

  /** @param {Blob} blob @param {string} name @param {(loaded: number) => void} onprogress @param {AbortSignal} [signal] */
  async #whole(blob, name, onprogress, signal) {
    const headers = { "Content-Type": blob.type || "application/octet-stream" };
    const request = await this.#send({ method: "POST", path: `files/?name=${encodeURIComponent(name)}`, headers, body: blob, onprogress, signal });
    const file = parsed(request.responseText);
    if (!file?.id) throw lost("The response is not from a Chinwag server.");
    return /** @type {FileInfo} */ (file);
  }

  /** @param {string} name @param {number} size @param {AbortSignal} [signal] */
  async #create(name, size, signal) {
    const headers = { "Upload-Length": String(size), "Upload-Metadata": `filename ${base64(name)}` };
    const request = await this.#send({ method: "POST", path: UPLOADS, headers, signal });
    // The server may know itself under another address than this page.
    const id = request.getResponseHeader("Location")?.split("/").filter(Boolean).pop();
    if (!id) throw lost("The response is not from a Chinwag server.");
    return id;
  }

  /**
   * The number of bytes that the server has of an upload; null if it no longer exists.
   * @param {string} place
   * @param {AbortSignal} [signal]
   */
  async #offset(place, signal) {
    try {
      const request = await this.#send({ method: "HEAD", path: `${UPLOADS}${place}/`, signal });
      return Number(request.getResponseHeader("Upload-Offset"));
    } catch (error) {
      if (error instanceof ChinwagError && [403, 404, 410].includes(error.code)) return null;
      throw error;
    }
  }

  /**
   * Sends the next part; resolves with the offset after it.
   * @param {string} place
   * @param {Blob} blob
   * @param {number} offset
   * @param {(loaded: number) => void} report
   * @param {AbortSignal} [signal]
   */
  async #part(place, blob, offset, report, signal) {
    const headers = { "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
    const body = blob.slice(offset, offset + PART);
    const onprogress = (/** @type {number} */ loaded) => report(offset + loaded);
    try {
      const request = await this.#send({ method: "PATCH", path: `${UPLOADS}${place}/`, headers, body, onprogress, signal });
      return Number(request.getResponseHeader("Upload-Offset"));
    } catch (error) {
      if (!(error instanceof ChinwagError) || error.code !== OTHER_OFFSET) throw error;
      // The answer was lost.
      const now = await this.#offset(place, signal);
      if (now === null || now <= offset) throw lost("The server has lost a part of this file.");
      return now;
    }
  }

  /** @param {Omit<import("./transfer.js").Transfer, "url" | "token"> & { path: string }} asked */
  #send({ path, headers = {}, ...asked }) {
    const all = path.startsWith(UPLOADS) ? { "Tus-Resumable": "1.0.0", ...headers } : headers;
    return this.#rest.retried((token) => transfer({ ...asked, headers: all, url: `${this.#rest.server}/api/v1/${path}`, token }));
  }
}

/** @param {Blob} blob */
export const nameOf = (blob) => (blob instanceof File && blob.name) || "file";

/** @param {string} text */
const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

/**
 * Throws if the file can no longer be read, which a failed transfer does not report.
 * @param {Blob} blob
 * @param {string} name
 */
async function readable(blob, name) {
  try {
    await blob.slice(0, 1).arrayBuffer();
  } catch {
    throw new ChinwagError(400, { detail: `the file ${name} can no longer be read: choose it again` });
  }
}

/** @param {number} delay @param {AbortSignal} [signal] */
function pause(delay, signal) {
  return new Promise((resolve) => {
    const stop = new AbortController();
    const done = () => {
      clearTimeout(timer);
      stop.abort();
      resolve(null);
    };
    const timer = setTimeout(done, delay);
    onWindow("online", done, { signal: stop.signal });
    signal?.addEventListener("abort", done, { signal: stop.signal });
  });
}

// ── Ids of uploads, kept across reloads ──

const PLACES = "chinwag:upload:";

/**
 * The key of a file on disk, which is the same after a reload; empty for other blobs.
 * @param {string} me @param {Blob} blob @param {string} name
 */
function keyOf(me, blob, name) {
  if (!(blob instanceof File) || blob.size <= WHOLE_MOST) return "";
  return `${PLACES}${me} ${blob.size} ${blob.lastModified} ${name}`;
}

/** @param {string} key */
function recalled(key) {
  try {
    const { place = null, date = 0 } = JSON.parse((key && localStorage.getItem(key)) || "{}");
    return date > Date.now() - KEPT_FOR ? /** @type {string | null} */ (place) : null;
  } catch {
    return null;
  }
}

/**
 * Removes places.
 * @param {(key: string) => boolean} isOver
 */
function sweep(isOver) {
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PLACES) && isOver(key)) localStorage.removeItem(key);
  } catch {
    // Without storage there are no saved uploads.
  }
}

/** @param {string} key @param {string | null} place */
function keep(key, place) {
  if (!key) return;
  try {
    if (place === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify({ place, date: Date.now() }));
  } catch {
    // The storage is full or denied: after a reload, the upload starts again.
  }
}
