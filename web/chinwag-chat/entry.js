// The sentences of a group's entries: who joined or left, and what changed. No DOM here.

import { gist } from "./gist.js";

/** More people than this are counted, not named. */
const NAMED = 5;
/** The maximum length of a pinned message in an entry. */
const PREVIEWED = 60;
/** The details that have sentences. */
const DETAILS = ["description", "avatar", "open", "slow", "keep"];

/** The sentence of an entry; empty if it has none, like the beginning of a private conversation. */
export const lineOf = (chat, group, entry) => line(chat, group, entry, (id) => chat.quoted(group, id));

/** Whether it has a sentence. Requests no message. */
export const hasLine = (chat, group, entry) => line(chat, group, entry, () => undefined) !== "";

function line(chat, group, entry, find) {
  if (group.private && entry.changes.some(({ kind }) => kind === "created")) return "";
  // A private conversation shows the deletion of the other user elsewhere.
  const changes = group.private ? entry.changes.filter(({ kind }) => kind !== "user_deleted") : entry.changes;
  return changes.flatMap((change) => sentences(chat, entry, change, find)).join(" · ");
}

function sentences(chat, { by, changes }, change, find) {
  const { words } = chat;
  const say = (key, values = {}) => {
    const isBy = by !== null;
    return words.say(isBy ? `entry.by.${key}` : `entry.${key}`, isBy ? { by: chat.called(by), ...values } : values);
  };
  const who = change.who && people(chat, change);
  switch (change.kind) {
    case "created":
      return [say("created")];
    case "renamed":
      return [say("renamed", { name: change.name })];
    case "changed":
      return DETAILS.filter((key) => change.keys.includes(key)).map((key) => say(key));
    case "joined":
      return [isAlone(change, by) ? words.say("entry.joined", { who }) : say("joined", { who })];
    case "role":
      return [say("role", { who, role: words.say(`entry.role.${change.role}`) })];
    case "owner":
      // An owner who leaves does not choose the next one.
      return [changes.some(({ kind }) => kind === "left") ? words.say("entry.owner", { who }) : say("owner", { who })];
    case "left":
      return [words.say("entry.left", { who })];
    case "removed":
      return [say("removed", { who })];
    case "pinned":
    case "unpinned":
      return [say(change.kind, { message: pinned(words, change.deleted ? null : find(change.id)) })];
    case "user_renamed":
      return [words.say("entry.userRenamed", { name: change.name, new: change.new_name })];
    case "user_deleted":
      return [words.say("entry.userDeleted")];
    default:
      return [];
  }
}

/** The text of a pinned message; undefined while it is requested, null if it was deleted. */
function pinned(words, message) {
  if (message === null) return words.say("entry.message.erased");
  const text = message && gist(words, message, PREVIEWED);
  return text ? words.say("entry.message.text", { text }) : words.say("entry.message");
}

const isAlone = ({ who }, by) => who.length === 1 && who[0] === by;

function people(chat, { who, count = who.length }) {
  const { words } = chat;
  const names = who.slice(0, NAMED).map((name) => (name === null ? words.say("conversation.deletedUser") : chat.called(name)));
  const more = count - names.length;
  return words.names.format(more > 0 ? [...names, words.say("reactions.more", { count: more })] : names);
}
