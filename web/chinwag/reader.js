// Read marks to send to the server: the newest of each group, after a short delay, never back.

const DELAY = 300;

export class Reader {
  /** @type {Map<string, number>} */
  #marks = new Map();
  #timer = 0;
  #link;

  /** @param {import("./link.js").Link} link */
  constructor(link) {
    this.#link = link;
  }

  /** @param {string} group @param {number} seq */
  mark(group, seq) {
    this.#marks.set(group, Math.max(seq, this.#marks.get(group) ?? 0));
    this.#timer ||= setTimeout(() => this.flush(), DELAY);
  }

  /** Sends waiting marks if the server is connected. Otherwise `flush` is called again later. */
  flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (!this.#link.ready) return;
    for (const [group, seq] of this.#marks) {
      this.#marks.delete(group);
      // A lost mark is sent again, unless a later one was sent.
      this.#link.request("message.read", { group, seq }).catch((error) => error.passing && this.mark(group, seq));
    }
  }

  forget() {
    this.#marks.clear();
  }
}
