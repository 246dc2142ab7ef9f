// The requested part of the summary.

/** The largest part that a server shows. */
const GROUPS_MOST = 2000;
const MESSAGES_MOST = 20;

/** @typedef {{ groups: number, messages: number }} Window groups is Infinity if all are wanted */

/**
 * The part that the application asks for.
 * @param {import("../chinwag.js").ChinwagOptions} options
 * @returns {Window}
 */
export function windowOf({ groups = Infinity, messages = 1 }) {
  const within = (/** @type {number} */ number, /** @type {number} */ most) => Math.min(most, Math.max(1, Math.floor(number)));
  return { groups: groups === Infinity ? groups : within(groups, GROUPS_MOST), messages: within(messages, MESSAGES_MOST) };
}

/**
 * The query of the connection's URL. A server that cannot list the other groups sends all. One that can send the changes
 * since the last connection sends none.
 * @param {Window} window
 * @param {readonly string[]} features of the server
 * @param {{ prepare(canResume: boolean): boolean }} sync
 */
export function queryOf({ groups, messages }, features, sync) {
  const isPart = groups !== Infinity && features.includes("recent");
  const resumes = sync.prepare(isPart && features.includes("changes"));
  return isPart ? `?groups=${resumes ? 0 : groups}&messages=${messages}` : "";
}
