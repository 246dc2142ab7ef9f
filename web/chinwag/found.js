// Messages outside the held part of a group that were requested one by one, such as quoted ones. Events update them like
// held messages.

/** @typedef {import("../chinwag.js").Message} Message */

/** More are not remembered: the first ones go. */
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
   * The current state of a message. Returns whether it is one of these.
   * @param {Message} message
   */
  note(message) {
    const isHere = this.#messages.has(message.id);
    if (isHere) this.#messages.set(message.id, message);
    return isHere;
  }

  /**
   * Puts other objects in the place of messages.
   * @param {(message: Message) => Message} change
   */
  rewrite(change) {
    for (const [id, message] of this.#messages) this.#messages.set(id, change(message));
  }

  /**
   * Messages were deleted.
   * @param {ReadonlySet<string>} ids
   */
  erase(ids) {
    for (const id of ids) this.#messages.delete(id);
  }

  /** The group starts again, and what is here may be outdated. */
  clear() {
    this.#messages.clear();
  }
}
