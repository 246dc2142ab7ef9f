// The counts of unread messages in a group: the messages of others, and those among them that mention the user.

import { mentions } from "./message.js";

/** @typedef {import("../chinwag.js").Message} Message */
/** @typedef {import("./group.js").Group} Group */
/**
 * The user whose unread messages are counted.
 * @typedef {object} Counter
 * @property {string | null} me
 * @property {(name: string) => boolean} hasBlocked whether this user has blocked another, whose mentions do not count
 */

const MOST = 100;

/**
 * The number after which messages count: those up to it are read, or older than this user's membership.
 * @param {Group} group
 */
export const countedAfter = ({ lastRead, joined }) => Math.max(lastRead, joined);

/**
 * Whether a message counts as a mention of this user.
 * @param {Message} message
 * @param {Counter} counter
 */
export const isMention = (message, { me, hasBlocked }) => mentions(message, me) && !hasBlocked(message.author);

/**
 * Adds or subtracts an unread message of another user.
 * @param {Group} group
 * @param {Message} message
 * @param {number} by 1 or -1
 * @param {Counter} counter
 */
export function count(group, message, by, counter) {
  if (message.author === counter.me || message.seq <= countedAfter(group)) return;
  // A count of 100 means 100 or more.
  if (by > 0 || group.unread < MOST) set(group, "unread", group.unread + by);
  if (isMention(message, counter)) add(group, by);
}

/**
 * Updates the count after a message has changed, because its mentions may have changed.
 * @param {Group} group
 * @param {Message | undefined} before undefined if it was not stored here
 * @param {Message} message
 * @param {Counter} counter
 */
export function recountMention(group, before, message, counter) {
  if (message.author === counter.me || message.seq <= countedAfter(group)) return;
  // Only the server knows whether it was a mention before.
  if (!before && (group.mentioned || isMention(message, counter))) group.uncounted = true;
  if (before) add(group, Number(isMention(message, counter)) - Number(isMention(before, counter)));
}

/**
 * Takes the server's counts, unless they start from an older read mark than this user's.
 * @param {Group} group
 * @param {any} data
 * @param {Counter} counter
 */
export function take(group, data, counter) {
  const mark = group.lastRead;
  const theirs = data.last_read_seq ?? 0;
  group.lastRead = Math.max(mark, theirs);
  if (mark !== group.lastRead) group.news.unread = true;
  if (data.unread === undefined || theirs < mark) return recount(group, counter);
  set(group, "unread", data.unread);
  set(group, "mentioned", data.me?.mentioned ?? 0);
  // The server's count does not include these.
  for (const message of group.messages.filter(({ seq }) => seq > data.head)) count(group, message, 1, counter);
  if (data.head === group.head && data.unread < MOST && !group.hasLater) infer(group, counter);
}

/**
 * Infers the beginning of the membership from the server's count, because summaries do not contain it.
 * @param {Group} group
 * @param {Counter} counter
 */
function infer(group, { me }) {
  const unread = group.messages.filter(({ author, seq }) => author !== me && seq > group.lastRead);
  const [oldest] = unread;
  if (unread.length > group.unread) group.joined = unread[unread.length - group.unread - 1].seq;
  else if (oldest) group.joined = Math.min(group.joined, oldest.seq - 1);
}

/**
 * Counts the stored messages. This is exact unless the mark lies before them or there are many.
 * @param {Group} group
 * @param {Counter} counter
 */
export function recount(group, counter) {
  const { messages, latest, hasLater, hasEarlier } = group;
  const after = countedAfter(group);
  const unread = messages.filter(({ author, seq }) => author !== counter.me && seq > after);
  const mentioning = unread.filter((message) => isMention(message, counter)).length;
  const isWhole = !hasLater && (!hasEarlier || (messages[0]?.seq ?? 0) <= after + 1);
  const isRead = latest ? latest.seq <= after : !group.lacksLatest;
  const known = (/** @type {number} */ counted, /** @type {number} */ before) => (isRead ? 0 : isWhole ? counted : Math.max(counted, before));
  set(group, "unread", known(unread.length, group.unread));
  if (!isRead && !isWhole && group.mentioned > mentioning) group.uncounted = true;
  set(group, "mentioned", Math.min(group.unread, known(mentioning, group.mentioned)));
}

/** @param {Group} group @param {number} by */
function add(group, by) {
  if (by > 0 || group.mentioned < MOST) set(group, "mentioned", group.mentioned + by);
  else if (by < 0) group.uncounted = true;
}

/**
 * @param {Group} group
 * @param {"unread" | "mentioned"} what
 * @param {number} number
 */
function set(group, what, number) {
  const now = Math.min(MOST, Math.max(0, number));
  if (now !== group[what]) group.news.unread = true;
  group[what] = now;
}
