// A message as passed by the application, with the checks that need no server.

import { kindOf } from "./error.js";

/** @typedef {import("../chinwag.js").SendOptions} Options */
/** @typedef {{ group: string | null, to: string | null, body: string, options: Options }} Draft */

/**
 * Throws a TypeError for a message that can never be sent, which would block later messages in the outbox.
 * @param {string | { group: string } | { to: string }} where
 * @param {string} body
 * @param {Options} options
 * @returns {Draft}
 */
export function draftOf(where, body, { attachments = [], ...options }) {
  const given = /** @type {{ group?: unknown, to?: unknown } | null} */ (typeof where === "string" ? { group: where } : where);
  const { group = null, to = null } = given ?? {};
  if (typeof (to ?? group) !== "string") throw new TypeError("A message needs a receiver: the id of a group, { group: id } or { to: name }.");
  if (typeof body !== "string") throw new TypeError(`The body of a message must be a text, and is ${kindOf(body)}.`);
  const place = /** @type {{ group: string | null, to: string | null }} */ ({ group: to === null ? group : null, to });
  return { ...place, body, options: { ...copyOf(options), attachments } };
}

/**
 * The options as the server will read them.
 * @param {Options} options
 * @returns {Options}
 */
function copyOf(options) {
  try {
    return JSON.parse(JSON.stringify(options, (key, value) => {
      if (["function", "symbol", "bigint"].includes(typeof value)) throw new TypeError(`"${key}" is ${kindOf(value)}`);
      return value;
    }));
  } catch (error) {
    throw new TypeError(`A message must have a form in JSON: ${error instanceof Error ? error.message : error}.`);
  }
}
