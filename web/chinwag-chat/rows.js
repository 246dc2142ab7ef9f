// The rows of a conversation: the appearance of each message, computed from the group and its neighbours. No DOM
// here.

import { hasLine, lineOf } from "./entry.js";
import { aliasOf, gist, isGone } from "./gist.js";
import { EVERYONE, isMention, textsOf } from "./mentions.js";
import { openWindows } from "./windows.js";
import { sameDay } from "./words.js";

/** Messages of one person within this time share a heading. */
const TOGETHER = 5 * 60_000;
/** A shorter delay by the server is not shown. */
const WAIT_SHOWN = 3_000;
/** The server counts unread messages up to this number. */
const COUNTED = 100;

/** An acknowledged message keeps the row that it had while it was sent. Only this user's own ids are unique. */
const keyFor = (me) => (message) => (message.changes ? `entry-${message.seq}` : message.client_id && (message.author === undefined || message.author === me) ? `sent-${encodeURIComponent(message.client_id)}` : message.id);

export class Rows {
  /** @param part the messages of a part of the group: `{stored, unsent}` */
  constructor(chat, group, to, part = null) {
    Object.assign(this, { chat, group });
    const unsent = part?.unsent ?? (group ? group.unsent : to ? chat.client.unsentTo(to) : []);
    /** Messages and entries with a sentence, by number. */
    this.stored = part?.stored ?? (group ? withEntries(chat, group) : []);
    const keyOf = (this.keyOf = keyFor(chat.me));
    // A stored message whose acknowledgement is still in flight is shown once.
    const last = new Set(unsent.length ? this.stored.slice(-2 * unsent.length - 8).map(keyOf) : []);
    this.unsent = unsent.filter((message) => !last.has(keyOf(message)));
    /** The first row that was unread at the opening; -1 if it is not loaded. */
    this.fresh = group && !part ? this.#fresh(chat.fresh(group)) : -1;
  }

  get count() {
    return this.stored.length + this.unsent.length;
  }

  keys() {
    return [...this.stored.map(this.keyOf), ...this.unsent.map(this.keyOf)];
  }

  at(index) {
    return this.stored[index] ?? this.unsent[index - this.stored.length];
  }

  /** The content of a row. Only texts and booleans, so that equal content compares as equal. */
  describe(index) {
    const { chat, group } = this;
    const message = this.at(index);
    const before = this.at(index - 1);
    if (message.changes) return this.#entry(message, before);
    const mine = this.#mine(message);
    const day = !before || !sameDay(before.date, message.date);
    const fresh = index === this.fresh;
    const follows = !day && !fresh && this.#follows(before, message) && before.thread === message.thread;
    return {
      message,
      mine,
      ...this.#author(message.author || (mine ? chat.me : null)),
      day: day ? chat.words.day(message.date) : "",
      fresh,
      follows,
      faced: !mine && Boolean(group) && !group.private,
      reactors: this.#reactors(message),
      note: this.#note(index, message, mine),
      may: this.#may(message, mine),
      aimed: this.#aimed(message),
      ...this.#quote(message),
      under: follows ? "" : this.#under(message),
      repliers: this.#repliers(message),
      ...this.#mentions(message),
    };
  }

  #entry(entry, before) {
    const { words } = this.chat;
    const day = !before || !sameDay(before.date, entry.date);
    return { message: entry, entry: lineOf(this.chat, this.group, entry), day: day ? words.day(entry.date) : "", aimed: this.#aimed(entry) };
  }

  #aimed({ seq }) {
    const { aim } = this.chat;
    return aim !== null && aim.group === this.group?.id && aim.seq === seq;
  }

  /** The mentioned users with their texts, and whether this user is mentioned. */
  #mentions(message) {
    const { client, me } = this.chat;
    const names = message.mentions ?? [];
    if (!names.length) return { mentions: "", called: false };
    const called = !this.#mine(message) && isMention(this.chat, message);
    const isOwn = (name) => name === me || (called && name === EVERYONE);
    return { mentions: JSON.stringify(names.map((name) => ({ name, texts: textsOf(client, name), own: isOwn(name) }))), called };
  }

  /** The author's name, profile, and displayed name; none for a deleted user. */
  #author(name) {
    const { chat } = this;
    if (!name) return { name: null, profile: null, author: chat.words.say("conversation.deletedUser") };
    return { name, profile: chat.client.profileOf(name), author: chat.called(name) };
  }

  /** The names shown for the users of each reaction, as one text. */
  #reactors({ reactions = {} }) {
    const all = Object.values(reactions);
    return all.length ? JSON.stringify(all.map(({ names }) => names.map((name) => this.chat.called(name)))) : "";
  }

  #mine({ author }) {
    return author === undefined || author === this.chat.me;
  }

  /** Whether older messages must be loaded to find the first unread one. */
  get lacksFresh() {
    if (!this.group) return false;
    const { after, count, head } = this.chat.fresh(this.group);
    if (after === Infinity || !this.group.hasEarlier) return false;
    return this.stored[0]?.seq > after + 1 && this.#unreadUntil(head, after).length < count;
  }

  #unreadUntil(head, after) {
    return this.stored.filter((message) => message.seq > after && message.seq <= head && !this.#mine(message));
  }

  #fresh({ after, count, head }) {
    if (after === Infinity || this.lacksFresh) return -1;
    const unread = this.#unreadUntil(head, after);
    // Messages from before the membership are not new. A count of 100 means 100 or more.
    const first = count < COUNTED ? unread.at(-count) : unread[0];
    const index = first ? this.stored.indexOf(first) : -1;
    return index >= 0 ? index : this.stored.findIndex((message) => message.seq > after && !this.#mine(message));
  }

  /** The row of a number, or of the next message if that one was deleted; -1 if it is not loaded. */
  indexOf(seq) {
    const { group, stored } = this;
    const index = stored.findIndex((message) => message.seq >= seq);
    const isBefore = index === 0 && stored[0].seq > seq && group?.hasEarlier;
    if (index < 0) return group?.hasLater ? -1 : stored.length - 1;
    return isBefore ? -1 : index;
  }

  has(seq) {
    return this.stored.some((message) => message.seq === seq);
  }

  #follows(before, message) {
    if (before.changes) return false;
    if (this.#mine(before) !== this.#mine(message)) return false;
    if (!this.#mine(message) && (before.author !== message.author || aliasOf(before) !== aliasOf(message))) return false;
    return new Date(message.date) - new Date(before.date) < TOGETHER;
  }

  #note(index, message, mine) {
    const { words, ready } = this.chat;
    if (message.state === "failed") return words.say("messages.failed", { why: this.chat.why(message.error) });
    if (message.retryAt - Date.now() > WAIT_SHOWN) return words.say("messages.tooFast", { time: words.exactTime(message.retryAt) });
    if (message.state) return words.say(ready || message.state === "sending" ? "messages.sending" : "messages.waiting");
    if (!mine) return "";
    return this.#readers(index);
  }

  /** The users who have read up to this message of the user, but no later one. */
  #readers(index) {
    const { chat, group } = this;
    const { words, me } = chat;
    let next = index + 1;
    while (next < this.stored.length && this.stored[next].author !== me) next += 1;
    const until = this.stored[next]?.seq ?? Infinity;
    const { seq } = this.stored[index];
    const names = [...group.reads].filter(([name, read]) => name !== me && read >= seq && read < until && group.roleOf(name)).map(([name]) => chat.called(name));
    if (!names.length) return until === Infinity && !group.hasLater ? words.say("messages.sent") : "";
    return group.private ? words.say("messages.read") : words.say("messages.readBy", { names: words.names.format(names) });
  }

  /** The text of a reply's root, above the first of consecutive replies by one author. */
  #under({ thread }) {
    const { chat, group } = this;
    if (!thread || !group) return "";
    const root = chat.quoted(group, thread);
    return (root && gist(chat.words, root)) || chat.words.say("messages.earlier");
  }

  #repliers({ replies }) {
    return replies ? replies.names.map((name) => ({ name, profile: this.chat.client.profileOf(name) })) : null;
  }

  #may(message, mine) {
    const { group } = this;
    if (message.state || isGone(message)) return "";
    const pin = mayPin(group) ? (message.pinned ? " unpin" : " pin") : "";
    const report = mine || !message.author ? "" : " report";
    const link = `${this.chat.linkTo ? " link" : ""}${pin}${report}`;
    if (group.role === "restricts" || group.pending) return link.trim();
    if (mine) return ["react reply thread", ...openWindows(this.chat, group, message)].join(" ") + link;
    return mayDelete(group, message.author) ? `react reply thread delete${link}` : `react reply thread${link}`;
  }

  #quote(message) {
    const { chat, group } = this;
    const { respond_to: id } = message;
    if (!group) return {};
    if (chat.lostQuote(message)) return { quoteAuthor: "", quoteBody: chat.words.say("messages.erased") };
    if (!id) return {};
    const quoted = chat.quoted(group, id);
    if (!quoted) return { quoteAuthor: "", quoteBody: chat.words.say("messages.earlier") };
    const author = quoted.author ? chat.called(quoted.author) : chat.words.say("conversation.deletedUser");
    return { quoteAuthor: author, quoteBody: gist(chat.words, quoted) || chat.words.say("messages.erased") };
  }
}

/** Whether this user may pin messages. The server decides; this only decides the offer. */
export function mayPin(group) {
  return group.private ? group.role !== "restricts" : group.role === "owner" || group.role === "admins";
}

/** A group's messages with its entries among them. */
function withEntries(chat, group) {
  const { messages, entries } = group;
  const shown = entries.filter((entry) => hasLine(chat, group, entry));
  return shown.length ? [...messages, ...shown].sort((a, b) => a.seq - b.seq) : messages;
}

/** Whether this user may delete a message of another user. The server decides; this only decides the offer. */
function mayDelete(group, author) {
  if (group.private) return false;
  if (group.role === "owner") return true;
  return group.role === "admins" && !group.admins.includes(author) && !group.owner.includes(author);
}
