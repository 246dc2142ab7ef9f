// The pinned messages of a group: their ids, and the messages that were loaded.

/** @typedef {import("../chinwag.js").Message} Message */

export class Pins {
  /**
   * The most recently pinned first.
   * @type {readonly string[]}
   */
  ids = [];
  /** @type {Map<string, Message>} */ #loaded = new Map();

  /** @param {string} id */
  message(id) {
    return this.#loaded.get(id);
  }

  /**
   * Takes the ids from the server's view of the group. Returns whether they have changed.
   * @param {readonly string[] | undefined} ids
   */
  take(ids = this.ids) {
    if (ids.join() === this.ids.join()) return false;
    this.ids = ids;
    for (const id of this.#loaded.keys()) if (!ids.includes(id)) this.#loaded.delete(id);
    return true;
  }

  /**
   * A message was pinned, unpinned or deleted. Returns whether that changes anything.
   * @param {string} id
   * @param {boolean} on
   */
  set(id, on) {
    if (this.ids.includes(id) === on) return false;
    return this.take(on ? [id, ...this.ids] : this.ids.filter((each) => each !== id));
  }

  /**
   * The current state of a message. Returns whether it is a loaded one, or its pin has changed.
   * @param {Message} message
   */
  note(message) {
    const isOther = this.set(message.id, message.pinned);
    if (!this.#loaded.has(message.id)) return isOther;
    this.#loaded.set(message.id, message);
    return true;
  }

  /** @param {Message[]} messages */
  learn(messages) {
    for (const message of messages) if (this.ids.includes(message.id)) this.#loaded.set(message.id, message);
  }

  /**
   * Replaces the objects of loaded messages.
   * @param {(message: Message) => Message} change
   */
  rewrite(change) {
    for (const [id, message] of this.#loaded) this.#loaded.set(id, change(message));
  }
}
