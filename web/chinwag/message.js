// Messages in the form for applications. They are immutable: a change replaces the object.

/** @typedef {import("../chinwag.js").Message} Message */
/** @typedef {import("../chinwag.js").Reaction} Reaction */
/**
 * A reaction as the event carries it.
 * @typedef {object} Reacted
 * @property {string} id the message
 * @property {string} name
 * @property {string} emoji
 * @property {boolean} on
 * @property {{ count: number, names: string[] }} reaction
 */

/**
 * A message in the form for applications. Events are the same for all receivers and list only some names per reaction: this
 * user's other reactions are taken from the earlier state.
 * @param {any} data
 * @param {string} group
 * @param {string | null} me
 * @param {Message} [before]
 * @returns {Message}
 */
export function message(data, group, me, before) {
  /** @type {Record<string, Reaction>} */
  const reactions = {};
  for (const [emoji, tally] of Object.entries(data.reactions ?? {})) {
    reactions[emoji] = { ...tally, mine: tally.mine ?? isMine(tally, me, before?.reactions[emoji]?.mine) };
  }
  // The root is another message.
  const { root: _, ...rest } = data;
  const { mentions = [], thread = null, replies = null, attachments = [] } = data;
  return { ...rest, group: data.group ?? group, mentions, reactions, thread, replies, attachments };
}

/** The mention of everyone in a group. */
export const EVERYONE = "@all";

/**
 * Whether a message mentions a user other than its author.
 * @param {Message} message
 * @param {string | null} name
 */
export function mentions({ author, mentions }, name) {
  return name !== null && author !== name && (mentions.includes(name) || mentions.includes(EVERYONE));
}

/**
 * The message after a user has added or removed a reaction.
 * @param {Message} message
 * @param {Reacted} change
 * @param {string | null} me
 * @returns {Message}
 */
export function react(message, { name, emoji, on, reaction }, me) {
  const before = message.reactions[emoji];
  const mine = name === me ? on : isMine(reaction, me, before?.mine);
  return withReaction(message, emoji, reaction.count ? { ...reaction, mine } : null);
}

/**
 * The message with a renamed user, or without a deleted one, except for its author.
 * @param {Message} message
 * @param {string} from
 * @param {string | null} to
 * @returns {Message}
 */
export function renamePeople(message, from, to) {
  const { replies } = message;
  let renamed = replies?.names.includes(from) ? { ...message, replies: { ...replies, names: renameIn(replies.names, from, to) } } : message;
  if (message.mentions.includes(from)) renamed = { ...renamed, mentions: renameIn(message.mentions, from, to) };
  for (const [emoji, { count, names, mine }] of Object.entries(message.reactions)) {
    if (!names.includes(from)) continue;
    const left = renameIn(names, from, to);
    const now = count - names.length + left.length;
    renamed = withReaction(renamed, emoji, now ? { count: now, names: left, mine } : null);
  }
  return renamed;
}

/** @param {readonly string[]} names @param {string} from @param {string | null} to */
const renameIn = (names, from, to) => (to === null ? names.filter((name) => name !== from) : names.map((name) => (name === from ? to : name)));

/**
 * The message without references to deleted messages.
 * @param {Message} message
 * @param {ReadonlySet<string>} gone their ids
 * @returns {Message}
 */
export function unquoted(message, gone) {
  return message.respond_to !== null && gone.has(message.respond_to) ? { ...message, respond_to: null } : message;
}

/**
 * @param {Message} message
 * @param {string} emoji
 * @param {Reaction | null} reaction
 * @returns {Message}
 */
function withReaction(message, emoji, reaction) {
  const { [emoji]: _, ...others } = message.reactions;
  if (!reaction) return { ...message, reactions: others };
  // An existing reaction keeps its position.
  return { ...message, reactions: { ...message.reactions, [emoji]: reaction } };
}

/**
 * @param {{ count: number, names: readonly string[] }} reaction
 * @param {string | null} me
 * @param {boolean} [before]
 */
function isMine({ count, names }, me, before = false) {
  if (me !== null && names.includes(me)) return true;
  return names.length < count && before;
}
