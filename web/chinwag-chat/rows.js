// The rows of a conversation: the appearance of each message, computed from the group and its neighbours. No DOM
// here.

import { shorten } from "./text.js";
import { sameDay } from "./words.js";

/** Messages of one person within this time share a heading. */
const TOGETHER = 5 * 60_000;
/** A shorter delay by the server is not shown. */
const WAIT_SHOWN = 3_000;

/** An acknowledged message keeps the row that it had while it was sent. */
export const keyOf = (message) => message.client_id ?? message.id;

export class Rows {
  constructor(chat, group, to) {
    Object.assign(this, { chat, group });
    const unsent = group ? group.unsent : to ? chat.client.unsentTo(to) : [];
    this.stored = group?.messages ?? [];
    // A message that is stored already, and whose acknowledgement is about to arrive, is shown once.
    const last = new Set(unsent.length ? this.stored.slice(-2 * unsent.length - 8).map(keyOf) : []);
    this.unsent = unsent.filter(({ client_id }) => !last.has(client_id));
    /** The row before which unread messages began at the opening; -1 if it is not here. */
    this.fresh = group ? this.#fresh(chat.freshAfter(group)) : -1;
  }

  get count() {
    return this.stored.length + this.unsent.length;
  }

  keys() {
    return [...this.stored.map(keyOf), ...this.unsent.map(keyOf)];
  }

  at(index) {
    return this.stored[index] ?? this.unsent[index - this.stored.length];
  }

  /** The content of a row. Only texts and booleans, so that equal content compares as equal. */
  describe(index) {
    const { chat, group } = this;
    const message = this.at(index);
    const before = this.at(index - 1);
    const mine = this.#mine(message);
    const day = !before || !sameDay(before.date, message.date);
    const fresh = index === this.fresh;
    return {
      message,
      mine,
      author: message.author || (mine ? chat.me : chat.words.say("conversation.deletedUser")),
      day: day ? chat.words.day(message.date) : "",
      fresh,
      follows: !day && !fresh && this.#follows(before, message),
      faced: !mine && Boolean(group) && !group.private,
      note: this.#note(index, message, mine),
      may: this.#may(message, mine),
      ...this.#quote(message),
    };
  }

  #mine({ author }) {
    return author === undefined || author === this.chat.me;
  }

  #fresh(after) {
    if (after === Infinity || (this.group.hasEarlier && this.stored[0]?.seq > after + 1)) return -1;
    return this.stored.findIndex((message) => message.seq > after && !this.#mine(message));
  }

  #follows(before, message) {
    if (this.#mine(before) !== this.#mine(message)) return false;
    if (!this.#mine(message) && before.author !== message.author) return false;
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

  /** The users who have read up to this message of the user, and none of its later ones. */
  #readers(index) {
    const { words, me } = this.chat;
    const { group } = this;
    let next = index + 1;
    while (next < this.stored.length && this.stored[next].author !== me) next += 1;
    const until = this.stored[next]?.seq ?? Infinity;
    const { seq } = this.stored[index];
    const names = [...group.reads].filter(([name, read]) => name !== me && read >= seq && read < until).map(([name]) => name);
    if (!names.length) return until === Infinity && !group.hasLater ? words.say("messages.sent") : "";
    return group.private ? words.say("messages.read") : words.say("messages.readBy", { names: words.names.format(names) });
  }

  #may(message, mine) {
    const { group } = this;
    if (message.state || !message.body || group.role === "restricts") return "";
    if (mine) return "reply edit delete";
    return mayDelete(group, message.author) ? "reply delete" : "reply";
  }

  #quote({ respond_to: id }) {
    const { chat, group } = this;
    if (!id || !group) return {};
    const quoted = chat.quoted(group, id);
    if (!quoted) return { quoteAuthor: "", quoteBody: chat.words.say("messages.earlier") };
    const author = quoted.author || chat.words.say("conversation.deletedUser");
    return { quoteAuthor: author, quoteBody: shorten(quoted.body) || chat.words.say("messages.erased") };
  }
}

/** Whether this user may delete a message of another user. The server decides; this only decides the offer. */
function mayDelete(group, author) {
  if (group.private) return false;
  if (group.role === "owner") return true;
  return group.role === "admins" && !group.admins.includes(author) && !group.owner.includes(author);
}
