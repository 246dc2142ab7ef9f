// Short forms of `relate`, one for each operation.

/** @typedef {import("../chinwag.js").Operation} Operation */

export class Relating extends EventTarget {
  /**
   * Changes the relation to a user.
   * @param {string} _name
   * @param {Operation} _operation
   * @returns {Promise<Operation>}
   */
  relate(_name, _operation) {
    throw new TypeError("Only a connection relates.");
  }

  /** @param {string} name */
  invite(name) {
    return this.relate(name, "invitation");
  }

  /** @param {string} name */
  accept(name) {
    return this.relate(name, "contact");
  }

  /** @param {string} name */
  deny(name) {
    return this.relate(name, "deny");
  }

  /** @param {string} name */
  remove(name) {
    return this.relate(name, "remove");
  }

  /** @param {string} name */
  block(name) {
    return this.relate(name, "block");
  }

  /** @param {string} name */
  unblock(name) {
    return this.relate(name, "remove");
  }
}
