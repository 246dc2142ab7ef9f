// Uploading files, and reading them.

import { Messaging } from "./messaging.js";

/** @typedef {import("../chinwag.js").FileInfo} FileInfo */

export class Filing extends Messaging {
  /** @returns {import("./files.js").Files} */
  get _files() {
    throw new TypeError("Only a connection has files.");
  }

  /** @param {Blob} blob @param {import("../chinwag.js").UploadOptions} [options] */
  upload(blob, options = {}) {
    return this._files.upload(blob, options);
  }

  /** @param {string} id */
  async discardFile(id) {
    await this._files.abandon(id);
  }

  /** @param {FileInfo} file @param {{ thumbnail?: boolean }} [options] */
  fileUrl(file, options = {}) {
    return this._files.url(file, options);
  }

  /** @param {string} avatar */
  avatarUrl(avatar) {
    return this._files.avatarUrl(avatar);
  }
}
