// Read marks on their way to the server: the newest of each group, a little later, and never back.

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

  /** Says what waits, if the server is there; else `flush` is called again when it is. */
  flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (!this.#link.ready) return;
    for (const [group, seq] of this.#marks) {
      this.#marks.delete(group);
      // One that got lost is said again, unless a later one was.
      this.#link.request("message.read", { group, seq }).catch((error) => error.passing && this.mark(group, seq));
    }
  }

  forget() {
    this.#marks.clear();
  }
}
