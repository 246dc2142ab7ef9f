// Messages outside the held part of a group that were requested one by one, such as quoted ones. Events update them like
// held messages.

/** @typedef {import("../chinwag.js").Message} Message */

/** The most messages; the oldest ones are dropped. */
const MOST = 500;

export class Found {
  /** @type {Map<string, Message>} */ #messages = new Map();

  /** @param {string} id */
  message(id) {
    return this.#messages.get(id);
  }

  /** @param {Message} message */
  learn(message) {
    const [first] = this.#messages.keys();
    if (this.#messages.size >= MOST) this.#messages.delete(first);
    this.#messages.set(message.id, message);
  }

  /**
   * Updates a message to its current state. Returns whether it is one of these.
   * @param {Message} message
   */
  note(message) {
    const isHere = this.#messages.has(message.id);
    if (isHere) this.#messages.set(message.id, message);
    return isHere;
  }

  /**
   * Replaces the objects of messages.
   * @param {(message: Message) => Message} change
   */
  rewrite(change) {
    for (const [id, message] of this.#messages) this.#messages.set(id, change(message));
  }

  /**
   * Removes deleted messages.
   * @param {ReadonlySet<string>} ids
   */
  erase(ids) {
    for (const id of ids) this.#messages.delete(id);
  }

  /** Removes all messages, which may be outdated after the group was reloaded. */
  clear() {
    this.#messages.clear();
  }
}
