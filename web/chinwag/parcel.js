// The files of one unsent message: uploaded one after the other, each once.

import { ChinwagError } from "./error.js";
import { nameOf } from "./files.js";

/** @typedef {import("./drawer.js").KeptFile} KeptFile */
/** @typedef {import("./files.js").Files} Files */
/** @typedef {import("../chinwag.js").Attachable} Attachable */

export class Parcel {
  #files;
  /** The bytes of each that the server has. @type {number[]} */ #loaded;
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
      if (typeof each === "string") return { id: each, blob: null, place: null, name: "", type: "", size: 0 };
      if (each instanceof Blob) return { id: null, blob: each, place: null, name: nameOf(each), type: each.type, size: each.size };
      const { id, name, type, size } = each;
      return { id, blob: null, place: null, name, type, size };
    });
  }

  get ids() {
    return this.#files.map(({ id }) => /** @type {string} */ (id));
  }

  get isReady() {
    return this.#files.every(({ id }) => id !== null);
  }

  /** @returns {readonly import("../chinwag.js").UnsentFile[]} */
  get shown() {
    return this.#files.map(({ id, blob, name, type, size }, at) => ({ id, blob, name, type, size, loaded: this.#loaded[at] }));
  }

  /**
   * @param {Files} files
   * @param {() => void} onprogress
   * @param {() => void} save keeps what is known of the uploads
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
    return this.ids;
  }

  stop() {
    this.#stop.abort();
  }

  /**
   * Whether the server no longer has the files, which are here still. They are uploaded again then, once.
   * @param {ChinwagError} error
   */
  lost(error) {
    const isRefused = error.code === 400 && error.fields.some(({ field }) => field.startsWith("attachments"));
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
   * The message is not sent: the server need not keep its files.
   * @param {Files} files
   */
  abandon(files) {
    for (const { id, place, blob } of this.#files) {
      const begun = id ?? place;
      if (blob && begun !== null) void files.abandon(begun);
    }
  }
}
