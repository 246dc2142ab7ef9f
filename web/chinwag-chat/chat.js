// The state that all parts share: the client, the open conversation, and the current question or notice.

import { ChinwagError } from "../chinwag.js";
import { Drafts } from "./storage.js";
import { Words } from "./words.js";

/** The longest message, unless the server has another limit. */
const LONGEST = 4096;
const NOTICE_LASTS = 8_000;
/** The number of replied-to messages outside the stored part that are remembered. */
const QUOTED = 500;
/** The client's events that the parts show. */
const TOPICS = ["state", "groups", "group", "messages", "unread", "read", "typing", "unsent", "relations", "presence", "user", "persistent"];

export class Chat extends EventTarget {
  words = Words.english;
  /** The open conversation: {group: id}, or {to: name} for a private one without messages; or null. */
  current = null;
  /** The visible pane if there is room for one: "list", "chat" or "details". */
  pane = "list";
  /** The content of the side pane: "chats" or "people". */
  tab = "chats";
  /** The open dialog: "", "begin" or "profile". */
  dialog = "";
  notices = [];
  drafts = null;
  /** The features of the server, once they are known. */
  offer = null;
  /** Receivers of a first message that is being sent or was refused. */
  unsentNames = new Set();
  #quoted = new Map();
  #lastSeen = new Map();

  constructor(client) {
    super();
    this.client = client;
    const { signal } = (this.listening = new AbortController());
    for (const topic of TOPICS) {
      client.addEventListener(topic, ({ detail }) => this.#told(topic, detail), { signal });
    }
  }

  /** Nobody is signed in any more, or somebody else is. */
  end() {
    this.listening.abort();
  }

  get me() {
    return this.client.me;
  }

  get openGroup() {
    return this.client.groups.get(this.current?.group);
  }

  get ready() {
    return this.client.state === "ready";
  }

  /** Reports a change here. */
  tell(topic = "view", detail = null) {
    this.dispatchEvent(new CustomEvent("change", { detail: { topic, ...detail } }));
  }

  // ── Navigation ──

  open(where, { focus = true } = {}) {
    this.current = where;
    this.pane = "chat";
    this.dialog = "";
    const group = this.openGroup;
    if (group) this.#lastSeen.set(group.id, group.unread ? group.lastRead : Infinity);
    this.tell("open", { focus });
  }

  openWith(name) {
    const group = this.client.privateWith(name);
    this.open(group ? { group: group.id } : { to: name });
  }

  show(change) {
    Object.assign(this, change);
    this.tell();
  }

  /** The key of a conversation: its group, or the person that it will be with. */
  static key = (where) => (where?.group ? where.group : where?.to ? `to:${where.to}` : "");

  /** The number after which messages of the open group were unread when it was opened. */
  freshAfter(group) {
    return this.#lastSeen.get(group.id) ?? Infinity;
  }

  // ── Notices and questions ──

  /** A sentence for people. Any error that is not a refusal is a fault of this page, and is logged. */
  why(error) {
    if (error instanceof Refusal) return error.message;
    if (!(error instanceof ChinwagError)) {
      console.error(error);
      return this.words.say("error.fault");
    }
    if (error.code === 0 && !this.ready) return this.words.say("error.unreachable");
    return this.words.refusal({ errors: error.fields, detail: error.detail || error.message });
  }

  refuse(key, values) {
    return new Refusal(this.words.say(key, values));
  }

  notify(text) {
    const notice = { text };
    this.notices = [...this.notices.slice(-2), notice];
    setTimeout(() => this.show({ notices: this.notices.filter((each) => each !== notice) }), NOTICE_LASTS);
    this.tell();
  }

  /** Runs an action that may be refused, and shows the refusal if there is no better place. */
  async attempt(act) {
    try {
      return await act();
    } catch (error) {
      this.notify(this.why(error));
      return undefined;
    }
  }

  /** Asks before an action that cannot be undone. Resolves with the answer. */
  ask(question) {
    return new Promise((answer) => this.show({ question: { ...question, answer } }));
  }

  // ── Data ──

  title(group) {
    if (group.notes) return this.words.say("conversation.notes");
    return group.title ?? this.words.say("conversation.deletedUser");
  }

  /** Requests the features of the server, which the parts show. */
  async learn() {
    try {
      this.offer = await this.client.serverInfo();
      this.tell();
    } catch {
      // Without them nothing is offered that the server may refuse.
    }
  }

  /** The longest message that the server accepts. */
  get longest() {
    return this.offer?.limits?.["limits.message_chars"] ?? LONGEST;
  }

  /** The text of a contact's presence; empty for other users, whose presence is unknown. */
  presence(name) {
    if (name === this.me) return "";
    const status = name && this.client.statusOf(name);
    return status ? this.words.say(`presence.${status}`) : "";
  }

  /** A message that another one replies to: undefined while it is requested, null if it was deleted. */
  quoted(group, id) {
    const held = group.message(id);
    if (held || this.#quoted.has(id)) return held ?? this.#quoted.get(id);
    if (this.#quoted.size >= QUOTED) this.#quoted.delete(this.#quoted.keys().next().value);
    this.#quoted.set(id, undefined);
    this.client.fetchMessage(id).then(
      (message) => this.#quoted.set(id, message),
      () => this.#quoted.set(id, null),
    ).then(() => this.tell("messages", { group }));
    return undefined;
  }

  /** The reason why the user cannot write there; empty if it can. */
  whyNot() {
    const group = this.openGroup;
    const say = (key) => this.words.say(key);
    if (!group) return this.client.relations.blockeds.has(this.current?.to) ? say("compose.blocked") : "";
    if (group.notes) return "";
    if (group.private && !group.other) return say("compose.gone");
    if (group.role !== "restricts") return "";
    if (!group.private) return say("compose.readOnly");
    return say(this.client.relations.blockeds.has(group.other) ? "compose.blocked" : "compose.cannot");
  }

  #told(topic, detail) {
    if (this.me && !this.drafts) this.drafts = new Drafts(this.client.server, this.me);
    if (topic === "groups") this.#follow(detail);
    if (topic === "unsent" && detail.to) this.#unsent(detail.to);
    if (topic === "user" && detail.newName === this.me) this.drafts?.rename(this.client.server, this.me);
    if (topic === "user" && this.current?.to === detail.name) this.#become(detail.newName && { to: detail.newName });
    this.tell(topic, detail);
  }

  #unsent(name) {
    if (this.client.unsentTo(name).length) this.unsentNames.add(name);
    else this.unsentNames.delete(name);
  }

  #follow({ added, removed }) {
    const gone = removed.find(({ id }) => id === this.current?.group);
    if (gone) {
      this.current = null;
      this.pane = "list";
      this.notify(this.words.say("conversation.gone", { name: this.title(gone) }));
    }
    // The other user may write first, or have another spelling of the name than was typed here.
    const begun = this.current?.to && this.client.privateWith(this.current.to);
    if (begun && added.includes(begun)) this.#become({ group: begun.id });
  }

  /** The open conversation has another key from now on, and keeps its draft. */
  #become(where) {
    const [from, to] = [Chat.key(this.current), Chat.key(where)];
    this.current = where;
    if (to) this.drafts?.move(from, to);
    this.tell("key", { from, to });
  }
}

/** A refusal by this page, with a sentence for people. */
export class Refusal extends Error {}
