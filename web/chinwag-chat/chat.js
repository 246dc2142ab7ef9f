// What the parts share: the client and what it knows, what is open, and whatever is to be asked or told.

import { ChinwagError } from "../chinwag.js";
import { Drafts } from "./storage.js";
import { Words } from "./words.js";

/** The longest message, unless the server says otherwise. */
const LONGEST = 4096;
const NOTICE_LASTS = 8_000;
/** So many answered messages that are not held are remembered. */
const QUOTED = 500;
/** What the client tells of, and the parts show. */
const TOPICS = ["state", "groups", "group", "messages", "unread", "read", "typing", "unsent", "relations", "presence", "user", "persistent"];

export class Chat extends EventTarget {
  words = Words.english;
  /** What is open: {group: id}, or {to: name} for a private conversation that has no message yet; or null. */
  current = null;
  /** Where there is room for one pane: "list", "chat" or "details". */
  pane = "list";
  /** What the side shows: "chats" or "people". */
  tab = "chats";
  /** The dialog that is open: "", "begin" or "profile". */
  dialog = "";
  notices = [];
  drafts = null;
  /** What the server offers, once that is known. */
  offer = null;
  /** To whom a first message is on its way, or was refused. */
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

  /** Says that something here has changed. */
  tell(topic = "view", detail = null) {
    this.dispatchEvent(new CustomEvent("change", { detail: { topic, ...detail } }));
  }

  // ── Getting around ──

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

  /** A key of a conversation: of its group, or of the person whom it is to be with. */
  static key = (where) => (where?.group ? where.group : where?.to ? `to:${where.to}` : "");

  /** What was unread of the open group when it was opened begins after this number. */
  freshAfter(group) {
    return this.#lastSeen.get(group.id) ?? Infinity;
  }

  // ── Telling and asking ──

  /** A sentence for people. Any error that is not a refusal is a fault of ours, and is written down. */
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

  /** Does what may be refused, and says so where there is no better place. */
  async attempt(act) {
    try {
      return await act();
    } catch (error) {
      this.notify(this.why(error));
      return undefined;
    }
  }

  /** Asks before what cannot be undone; resolves with the answer. */
  ask(question) {
    return new Promise((answer) => this.show({ question: { ...question, answer } }));
  }

  // ── What is known ──

  title(group) {
    if (group.notes) return this.words.say("conversation.notes");
    return group.title ?? this.words.say("conversation.deletedUser");
  }

  /** Asks what the server offers, which the parts show. */
  async learn() {
    try {
      this.offer = await this.client.serverInfo();
      this.tell();
    } catch {
      // Without it nothing is offered that the server may refuse.
    }
  }

  /** The longest message that the server takes. */
  get longest() {
    return this.offer?.limits?.["limits.message_chars"] ?? LONGEST;
  }

  /** A word for a contact's presence; empty for others, who do not say. */
  presence(name) {
    if (name === this.me) return "";
    const status = name && this.client.statusOf(name);
    return status ? this.words.say(`presence.${status}`) : "";
  }

  /** A message that another answers: undefined while it is looked for, null if it is no more. */
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

  /** Why one cannot write there; empty when one can. */
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
    if (topic === "user" && this.current?.to === detail.name) this.current = detail.newName && { to: detail.newName };
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
    // The other may be the first to write, or spell the name otherwise than it was typed here.
    const begun = this.current?.to && this.client.privateWith(this.current.to);
    if (begun && added.includes(begun)) {
      this.drafts?.move(Chat.key(this.current), begun.id);
      this.current = { group: begun.id };
    }
  }
}

/** Something refused here, in words for whoever asked. */
export class Refusal extends Error {}
