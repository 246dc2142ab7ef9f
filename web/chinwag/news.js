// The changes of a group that are not dispatched yet.

/** @typedef {import("../chinwag.js").Message} Message */

/**
 * The changes of a group since the last event.
 * @typedef {object} News
 * @property {Set<number>} added
 * @property {Set<number>} changed
 * @property {Set<number>} removed
 * @property {Set<string>} deleted the ids of deleted messages, held or not
 * @property {boolean} reset
 * @property {boolean} edges
 * @property {boolean} people
 * @property {boolean} unread
 * @property {boolean} typing
 * @property {Message[]} arrived
 */

/** @returns {News} */
export const nothing = () => ({
  added: new Set(),
  changed: new Set(),
  removed: new Set(),
  deleted: new Set(),
  reset: false,
  edges: false,
  people: false,
  unread: false,
  typing: false,
  arrived: [],
});
