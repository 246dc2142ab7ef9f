// The search for people, groups and messages.

import { Filing } from "./filing.js";
import { message } from "./message.js";
import { indexingOf } from "./rest.js";

/** @typedef {import("../chinwag.js").FoundMessage} FoundMessage */

export class Searching extends Filing {
  /**
   * @param {string} _path
   * @param {import("./rest.js").CallOptions} [_options]
   * @returns {Promise<{ rows: any[], next: string | null, indexing: number | null }>}
   */
  _list(_path, _options) {
    throw new TypeError("Only a connection lists.");
  }

  /** @param {string} q @param {{ signal?: AbortSignal }} options @returns {Promise<import("../chinwag.js").Found>} */
  async search(q, { signal } = {}) {
    const answer = await this._call("GET", `search/?${new URLSearchParams({ q })}`, undefined, { signal });
    const { people, groups, messages } = answer;
    const indexing = indexingOf.get(answer) ?? null;
    return { people, groups, messages: messages.map((/** @type {any} */ each) => this.#found(each)), indexing };
  }

  /**
   * @param {import("../chinwag.js").MessageSearch} asked
   * @returns {Promise<import("../chinwag.js").FoundPage>}
   */
  async searchMessages({ before, after, limit, signal, ...words }) {
    const asked = { ...words, before: dateOf(before), after: dateOf(after), limit: limit && String(limit) };
    const given = Object.entries(asked).filter(([, value]) => value);
    const { rows, next, indexing } = await this._list(`messages/?${new URLSearchParams(/** @type {[string, string][]} */ (given))}`, { signal });
    return { messages: rows.map((each) => this.#found(each)), next, indexing };
  }

  /** @param {any} data @returns {FoundMessage} */
  #found(data) {
    const { me } = /** @type {import("./chat.js").Chinwag} */ (/** @type {unknown} */ (this));
    return /** @type {FoundMessage} */ (message(data, data.group, me));
  }
}

/** @param {string | Date | null | undefined} date */
const dateOf = (date) => (date instanceof Date ? date.toISOString() : date);
