// The files of one unsent message: uploaded one after the other, each once.

import { ChinwagError } from "./error.js";
import { nameOf } from "./files.js";

/** @typedef {import("./outbox-storage.js").KeptFile} KeptFile */
/** @typedef {import("./files.js").Files} Files */
/** @typedef {import("../chinwag.js").Attachable} Attachable */

export class Parcel {
  #files;
  /** The number of bytes of each file that the server has. @type {number[]} */ #loaded;
  #stop = new AbortController();
  /** Whether lost files have been sent again. */
  #isSentAgain = false;

  /** @param {KeptFile[]} files */
  constructor(files) {
    this.#files = files;
    this.#loaded = files.map(({ id, size }) => (id === null ? 0 : size));
  }

  /** @param {readonly Attachable[]} given @returns {KeptFile[]} */
  static of(given) {
    return given.map((each) => {
      if (typeof each === "object" && "file" in each) return { ...keptOf(each.file), alt: each.alt || null };
      return keptOf(each);
    });
  }

  /** The files as a message lists them. */
  get named() {
    return this.#files.map(({ id, alt = null }) => (alt === null ? id : { id, alt }));
  }

  get isReady() {
    return this.#files.every(({ id }) => id !== null);
  }

  /** @returns {readonly import("../chinwag.js").UnsentFile[]} */
  get shown() {
    return this.#files.map(({ id, blob, name, type, size, alt = null }, at) => ({ id, blob, name, type, size, alt, loaded: this.#loaded[at] }));
  }

  /**
   * @param {Files} files
   * @param {() => void} onprogress
   * @param {() => void} save stores the state of the uploads
   */
  async upload(files, onprogress, save) {
    const { signal } = (this.#stop = new AbortController());
    for (const [at, file] of this.#files.entries()) {
      if (file.id !== null || file.blob === null) continue;
      const stored = await files.attempt(file.blob, {
        name: file.name,
        place: file.place,
        signal,
        onplace: (place) => {
          file.place = place;
          save();
        },
        onprogress: ({ loaded }) => {
          this.#loaded[at] = loaded;
          onprogress();
        },
      });
      file.id = stored.id;
      save();
    }
    return this.named;
  }

  stop() {
    this.#stop.abort();
  }

  /**
   * Whether the server has deleted the files and they are still available here. Then they are uploaded once more.
   * @param {ChinwagError} error
   */
  lost(error) {
    const isRefused = error.code === 400 && error.fields.some(({ field }) => field.startsWith("attachments") && !field.endsWith(".alt"));
    if (!isRefused || this.#isSentAgain || !this.#files.some(({ id, blob }) => id !== null && blob)) return false;
    this.#isSentAgain = true;
    for (const [at, file] of this.#files.entries()) {
      if (!file.blob) continue;
      Object.assign(file, { id: null, place: null });
      this.#loaded[at] = 0;
    }
    return true;
  }

  /**
   * Discards the files at the server, because the message will not be sent.
   * @param {Files} files
   */
  abandon(files) {
    for (const { id, place, blob } of this.#files) {
      const begun = id ?? place;
      if (blob && begun !== null) void files.abandon(begun);
    }
  }
}

/** @param {Blob | import("../chinwag.js").FileInfo | string} file @returns {KeptFile} */
function keptOf(file) {
  if (typeof file === "string") return { id: file, blob: null, place: null, name: "", type: "", size: 0, alt: null };
  if (file instanceof Blob) return { id: null, blob: file, place: null, name: nameOf(file), type: file.type, size: file.size, alt: null };
  const { id, name, type, size, alt = null } = file;
  return { id, blob: null, place: null, name, type, size, alt };
}
