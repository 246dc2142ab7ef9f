// A requested page of history whose messages events may change before it arrives.

import { message, react } from "./message.js";

/** @typedef {import("../chinwag.js").Message} Message */

/**
 * The changes of messages while a page of history is in flight. The page may have an earlier state.
 * @typedef {object} Flight
 * @property {Map<number, Message | null>} seen by number; null if it was deleted
 * @property {Set<string>} gone the ids of deleted messages
 * @property {import("./message.js").Reacted[]} reacted
 * @property {Map<string, boolean>} pinned by id
 * @property {Map<string, import("../chinwag.js").Replies | null>} roots the replies to roots, by id
 * @property {import("../chinwag.js").Entry[]} entries that arrived meanwhile
 */

/**
 * A page in its current state, ascending.
 * @param {Flight} flight
 * @param {any[]} page
 * @param {number} end the number after which messages that arrived meanwhile follow the page
 * @param {string} group
 * @param {string | null} me
 * @returns {Message[]}
 */
export function landed(flight, page, end, group, me) {
  const found = new Map(page.map((each) => [each.seq, message(each, group, me)]));
  for (const change of flight.reacted) {
    const each = page.find(({ id }) => id === change.id);
    const shown = each && found.get(each.seq);
    if (shown) found.set(shown.seq, react(shown, change, me));
  }
  for (const each of found.values()) {
    const [pinned, replies] = [flight.pinned.get(each.id), flight.roots.get(each.id)];
    if (pinned !== undefined) found.set(each.seq, { ...each, pinned });
    if (replies !== undefined) found.set(each.seq, { ...each, pinned: pinned ?? each.pinned, replies });
  }
  const last = Math.max(end, ...found.keys());
  for (const [seq, seen] of flight.seen) {
    if (seen === null) found.delete(seq);
    else if (found.has(seq) || seq > last) found.set(seq, seen);
  }
  // The event of messages that are deleted together has no numbers.
  const messages = [...found.values()].filter(({ id }) => !flight.gone.has(id)).sort((a, b) => a.seq - b.seq);
  const left = (/** @type {string | null} */ id) => (id !== null && flight.gone.has(id) ? null : id);
  return messages.map((each) => ({ ...each, respond_to: left(each.respond_to), thread: left(each.thread) }));
}
