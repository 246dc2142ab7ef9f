// The message log of the open conversation: what was said, what is on its way, and older history.

import { $, ask, attempt, el, fillList, setText } from "./dom.js";
import { find, isPrivate, roleOf } from "./group.js";

const QUOTED = 120;
/** Messages of one person closer together than this share one heading. */
const TOGETHER = 5 * 60_000;
const NEAR_END = 60;

export class MessagesView {
  #shown = null;
  #following = true;
  #top = 0;

  /** `composer` is where a reply or an edit is begun. */
  constructor(app, composer) {
    this.app = app;
    this.composer = composer;
    $("older").onclick = () => attempt($("conversation-error"), () => this.#older());
    $("newest").onclick = () => this.#toEnd();
    $("scroller").addEventListener("scroll", () => this.#scrolled());
    // A keyboard that opens or a longer draft makes the log shorter: its end is to stay in sight.
    new ResizeObserver(() => this.#following && this.#toEnd()).observe($("scroller"));
    // Typing marks go by themselves when their time is over.
    setInterval(() => this.#renderTyping(), 2_000);
  }

  render() {
    const { store } = this.app;
    const group = store.openGroup;
    const key = JSON.stringify(store.current);
    const changed = key !== this.#shown;
    this.#shown = key;
    // A conversation just opened is not news: only what comes after is announced.
    $("messages").setAttribute("aria-busy", String(changed));
    fillList($("messages"), this.#models(group), (model, node) => this.#message(model, node));
    $("older").hidden = !group || group.complete;
    this.#renderTyping();
    if (changed || this.#following) this.#toEnd();
    this.#scrolled();
    if (changed) setTimeout(() => $("messages").setAttribute("aria-busy", "false"), 500);
  }

  #models(group) {
    const { store } = this.app;
    const stored = group?.messages ?? [];
    const { group: id, to } = store.current ?? {};
    const pending = store.pending.filter((item) => (id ? item.group === id : to && item.to === to));
    const readers = group ? lastReads(group, store.me) : new Map();
    const models = [
      ...stored.map((message) => describe(store, group, message, readers.get(message.id))),
      ...pending.map((item) => describePending(store, group, item)),
    ];
    models.forEach((model, index) => (model.follows = follows(models[index - 1], model)));
    return models;
  }

  #message(model, node) {
    node.className = ["message", model.mine && "mine", model.follows && "follows"].filter(Boolean).join(" ");
    if (model.id) node.dataset.id = model.id;
    return [
      el(
        "p",
        { class: "meta quiet" },
        el("bdi", { class: "author" }, model.author),
        model.date && el("time", { datetime: model.date, title: fullDate(model.date) }, shortDate(model.date)),
        model.edited && el("span", {}, "edited"),
      ),
      model.quote && el("blockquote", { dir: "auto" }, el("cite", {}, model.quote.author), " ", model.quote.text),
      el("p", { class: model.body ? "body" : "body quiet", dir: "auto" }, model.body || "Message erased"),
      model.note && el("p", { class: model.error ? "error" : "note quiet" }, model.note),
      el("p", { class: "actions row" }, ...this.#actions(model)),
    ];
  }

  #actions({ id, mine, body, error, pending, writable }) {
    const { outbox, store } = this.app;
    const button = (text, act) => el("button", { type: "button", onclick: act }, text);
    const item = () => store.pending.find((each) => each.client_id === pending);
    const message = () => find(store.openGroup, id);
    if (error) return [button("Try again", () => outbox.send(item())), button("Discard", () => outbox.discard(item()))];
    if (pending || !body || !writable) return [];
    const own = [button("Edit", () => this.composer.edit(message())), button("Delete", () => this.#delete(id))];
    return [button("Reply", () => this.composer.reply(message())), ...(mine ? own : [])];
  }

  async #delete(id) {
    if (!(await ask("Delete this message for everyone?", "Delete"))) return;
    attempt($("conversation-error"), () => this.app.connection.request("message.delete", { id }));
  }

  async #older() {
    const { connection, store } = this.app;
    const group = store.openGroup;
    const scroller = $("scroller");
    const fromEnd = scroller.scrollHeight - scroller.scrollTop;
    $("messages").setAttribute("aria-busy", "true");
    await connection.request("message.fetch", { group: group.id, before: group.oldest });
    this.render();
    // What was being read stays where it was, and the older ones are above it.
    scroller.scrollTop = scroller.scrollHeight - fromEnd;
  }

  #renderTyping() {
    const group = this.app.store?.openGroup;
    const names = group ? this.app.store.typists(group) : [];
    const text = names.length > 2 ? "Several people are typing…" : names.length ? `${names.join(" and ")} typing…` : "";
    setText($("typing"), text);
  }

  #toEnd() {
    $("scroller").scrollTop = $("scroller").scrollHeight;
  }

  /** At the end, new messages are followed; elsewhere one is reading, and is only offered a way back. */
  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = $("scroller");
    // Only going up stops it: the end also moves away by itself, when the text is laid out anew.
    if (scrollHeight - scrollTop - clientHeight < NEAR_END) this.#following = true;
    else if (scrollTop < this.#top) this.#following = false;
    this.#top = scrollTop;
    $("newest").hidden = this.#following;
  }
}

function describe(store, group, message, readers) {
  const mine = message.author === store.me;
  return {
    // An acknowledged message keeps the node that it had while on its way.
    key: (mine && message.client_id) || message.id,
    id: message.id,
    author: message.author || "Deleted user",
    date: message.date,
    body: message.body,
    edited: Boolean(message.edited),
    quote: quotation(group, message.respond_to),
    mine,
    writable: roleOf(group, store.me) !== "restricts",
    note: readers && (isPrivate(group) ? "Read" : `Read by ${readers.join(", ")}`),
  };
}

function describePending(store, group, { client_id, body, respond_to, error }) {
  return {
    key: client_id,
    pending: client_id,
    author: store.me,
    body,
    quote: quotation(group, respond_to),
    mine: true,
    error,
    note: error ? `Not sent. ${error}` : "Sending…",
  };
}

function quotation(group, id) {
  if (!id || !group) return null;
  const original = find(group, id);
  if (!original) return { author: "", text: "An earlier message" };
  return { author: original.author, text: shorten(original.body) };
}

/** For each own message that is the last one somebody has read: who. */
function lastReads(group, me) {
  const own = group.messages.filter(({ author }) => author === me);
  const result = new Map();
  for (const [name, seq] of group.reads) {
    const last = own.findLast((message) => message.seq <= seq);
    if (last) result.set(last.id, [...(result.get(last.id) ?? []), name]);
  }
  return result;
}

function follows(before, model) {
  if (!before || before.author !== model.author) return false;
  return new Date(model.date ?? Date.now()) - new Date(before.date ?? Date.now()) < TOGETHER;
}

export const shorten = (text) => (text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text);

const fullDate = (date) => new Date(date).toLocaleString();

function shortDate(text) {
  const date = new Date(text);
  const today = date.toDateString() === new Date().toDateString();
  const day = today ? {} : { day: "numeric", month: "short" };
  return date.toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit" });
}
