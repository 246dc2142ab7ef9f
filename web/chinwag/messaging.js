// Actions on messages that the server has stored.

import { message } from "./message.js";
import { Relating } from "./relating.js";

/** @typedef {import("../chinwag.js").Message} Message */

/** Sends an event, and waits for its answer. */
export const ask = Symbol("ask");

export class Messaging extends Relating {
  /**
   * @param {string} _type
   * @param {object} _data
   * @returns {Promise<any>}
   */
  [ask](_type, _data) {
    throw new TypeError("Only a connection asks.");
  }

  /**
   * @param {string} _method
   * @param {string} _path
   * @param {object} [_body]
   * @param {import("./rest.js").CallOptions} [_options]
   * @returns {Promise<any>}
   */
  _call(_method, _path, _body, _options) {
    throw new TypeError("Only a connection calls.");
  }

  /** @param {string} messageId @param {string} body @param {{ mentions?: readonly string[] }} [options] */
  async edit(messageId, body, options) {
    await this[ask]("message.update", { id: messageId, body, mentions: options?.mentions });
  }

  /** @param {string} messageId */
  async delete(messageId) {
    await this[ask]("message.delete", { id: messageId });
  }

  /** @param {string} messageId @param {string} emoji @param {boolean} on */
  async react(messageId, emoji, on) {
    await this[ask]("message.react", { id: messageId, emoji, on });
  }

  /** @param {string} messageId @param {boolean} on */
  async pin(messageId, on) {
    await this[ask]("message.pin", { id: messageId, on });
  }

  /** @param {string} id @returns {Promise<Message[]>} */
  async loadPins(id) {
    const { groups, me } = /** @type {import("./chat.js").Chinwag} */ (/** @type {unknown} */ (this));
    const found = await this._call("GET", `groups/${encodeURIComponent(id)}/pins/`);
    const messages = found.map((/** @type {any} */ each) => message(each, id, me));
    groups.get(id)?.pinned.learn(messages);
    return messages;
  }

  /** @param {string} messageId @param {string} reason */
  async report(messageId, reason) {
    await this._call("POST", `messages/${encodeURIComponent(messageId)}/reports/`, { reason });
  }

  /** @param {string} group @param {string} messageId @returns {Promise<Message | null>} */
  async findMessage(group, messageId) {
    const { groups, me } = /** @type {import("./chat.js").Chinwag} */ (/** @type {unknown} */ (this));
    const held = groups.get(group);
    const flight = held?.takeOff();
    try {
      const rows = await this._call("GET", `groups/${encodeURIComponent(group)}/messages/?ids=${encodeURIComponent(messageId)}`);
      if (!held || !flight) return rows.length ? message(rows[0], group, me) : null;
      const [found = null] = held.land(flight, rows, Infinity);
      if (found) held.found.learn(found);
      return found;
    } finally {
      if (flight) held?.flights.delete(flight);
    }
  }

  /** @param {string} messageId @returns {Promise<Message>} */
  fetchMessage(messageId) {
    return this._call("GET", `messages/${encodeURIComponent(messageId)}/`);
  }
}
