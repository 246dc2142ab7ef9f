// The state that all parts share: the client, the open conversation, and the current question or notice.

import { ChinwagError } from "../chinwag.js";
import { Attached } from "./attached.js";
import { Namesakes } from "./namesakes.js";
import { Recent } from "./recent.js";
import { Drafts, TO, keepOffer, keptOffer } from "./storage.js";
import { Words } from "./words.js";

/** The longest message, unless the server has another limit. */
const LONGEST = 4096;
const NOTICE_LASTS = 8_000;
/** So many replied-to messages are remembered that are requested or gone, and so many replies. */
const QUOTED = 500;
/** The number of members whose profiles are requested when a group is opened, in one request. */
const NAMES_MOST = 100;
/** The client's events that the parts show. */
const TOPICS = ["state", "groups", "group", "messages", "thread", "unread", "read", "typing", "unsent", "relations", "presence", "user", "profile", "persistent"];

export class Chat extends EventTarget {
  words = Words.english;
  /** The open conversation: {group: id}, or {to: name} for a private one without messages; or null. */
  current = null;
  /** The number of times that a conversation was opened. */
  opened = 0;
  /** The visible pane if there is room for one: "list", "chat", "details" or "thread". */
  pane = "list";
  /** The open thread: `{root, seq, focus, opened}`, of which `seq` is the reply to show; null if there is none. */
  thread = null;
  /** The content of the side pane: "chats" or "people". */
  tab = "chats";
  /** The open dialog: "", "begin", "profile", "invite", "emoji", "gallery", "finding", "search" or "keys". */
  dialog = "";
  /** The user whose profile card is open. */
  card = null;
  /** The question before an action; null without one. */
  question = null;
  notices = [];
  /** The unsent text of a removed conversation: `{title, text}`; null if there is none. */
  rest = null;
  drafts = null;
  /** The latest searches, once the user is known. */
  recent = null;
  /** The open search, or the last one. */
  finder = null;
  /** The id of the group that the search is limited to; empty for everything. */
  searched = "";
  attached = new Attached();
  /** The open pictures: `{pictures, id}`, of which `id` is the one to show first. */
  gallery = null;
  /** The features of the server, once they are known. */
  offer = null;
  /** Whether they are stored for a page that opens while the server is unreachable. */
  keepsOffer = false;
  /** Whether the server has sent them to this page. */
  isLearned = false;
  /** The registration of the page's service worker, if there is one. */
  worker = null;
  /** "pushed" while the server pushes notifications to this browser, "unpushed" if the browser refuses that, else empty. */
  pushed = "";
  /** Receivers of a first message that is being sent or was refused. */
  unsentNames = new Set();
  /** The message to show: `{group, seq, isLink}`; null for the first unread one, or the newest. */
  aim = null;
  /** The code of the invite link whose dialog is open. */
  invite = "";
  /** Returns the URL of a file. */
  fileUrl = (file, options) => this.client.fileUrl(file, options);
  /** Returns the URL of a message; null if the page has none. */
  linkTo = null;
  /** Goes back to the view from which the conversation was opened. */
  goBack = () => this.show({ pane: "list" });
  /** The user whose drafts these are. */
  #account = "";
  /** The replied-to messages that are not stored here: undefined while one is requested, null if it was deleted. */
  #quoted = new Map();
  /** The ids of messages that could not be requested without a connection. */
  #unanswered = new Set();
  #learning = null;
  #threads = 0;
  #namesakes;
  /** Ids of messages that were displayed as replies. */
  #lost = new Map();
  #lastSeen = new Map();

  constructor(client) {
    super();
    this.client = client;
    this.#namesakes = new Namesakes(client);
    const { signal } = (this.listening = new AbortController());
    for (const topic of TOPICS) {
      client.addEventListener(topic, ({ detail }) => this.#told(topic, detail), { signal });
    }
  }

  /** Clears the state after a sign-out, or when another user has signed in. */
  end() {
    this.listening.abort();
    this.finder?.end();
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

  /** Whether another user has signed in from another tab. This page's state belongs to the former user. */
  get isPast() {
    return this.me !== null && this.drafts !== null && this.client.account !== this.#account;
  }

  /** Reports a change here. */
  tell(topic = "view", detail = null) {
    this.dispatchEvent(new CustomEvent("change", { detail: { topic, ...detail } }));
  }

  // ── Navigation ──

  /** Opens a conversation; `isStill` if a reload restores it. */
  open(where, { focus = true, seq = null, isLink = false, isStill = false } = {}) {
    this.current = where;
    this.opened += 1;
    this.pane = "chat";
    this.thread = null;
    while (this.isCovered) this.#closeTopmost();
    this.dialog = "";
    this.rest = null;
    this.#dropNotices();
    const group = this.openGroup;
    if (group) this.#learnNames(group);
    if (group) this.#learnRoles(group);
    this.aim = seq && group ? { group: group.id, seq, isLink } : null;
    if (group) this.#see(group);
    // Opening removes the user's mark as unread.
    if (group?.settings.markedUnread && !isStill) this.client.markRead(group.id, group.lastRead);
    this.tell("open", { focus: focus && !this.aim });
  }

  #see({ id, unread, lastRead, latest }) {
    this.#lastSeen.set(id, { after: unread ? lastRead : Infinity, count: unread, head: latest?.seq ?? 0 });
  }

  /** Records the unread messages of the open group again if those from its opening are read. Returns whether there are any. */
  lookAgain(group) {
    const { after, head } = this.fresh(group);
    if (!group.unread || (after !== Infinity && group.lastRead < head)) return false;
    this.#see(group);
    return true;
  }

  /** Without an answer it is asked again when the connection is back. */
  #learnRoles(group) {
    if (this.ready) this.client.loadRoles(group.id).catch(() => {});
  }

  /** Names are told apart from those of all members, who need not have written anything, unless they are very many. */
  #learnNames(group) {
    if (group.private) return;
    if (group.membersCount > NAMES_MOST) return this.#namesakes.look(group);
    for (const name of [...group.owner, ...group.admins, ...group.members, ...group.restricts]) this.client.profileOf(name);
  }

  /** Shows a message of the open group, which need not be loaded. */
  async jump(id) {
    const group = this.openGroup;
    const found = group && (group.message(id) ?? (await this.attempt(() => this.client.fetchMessage(id))));
    if (found && group === this.openGroup) this.open({ group: group.id }, { seq: found.seq });
  }

  /** Opens a thread of the open group, by the id of its root. */
  openThread(root, { seq = null, focus = true } = {}) {
    if (!this.openGroup) return;
    this.show({ thread: { root, seq, focus, opened: (this.#threads += 1) }, pane: "thread", dialog: "", card: null });
  }

  /** Closes the thread. The focus returns to its root, if that is shown. */
  closeThread() {
    const { root } = this.thread ?? {};
    // The link to the reply would open the thread again.
    if (this.aim?.isLink) this.aim = null;
    this.show({ thread: null, pane: "chat" });
    this.tell("threadclosed", { root });
  }

  /** Opens a conversation by the id of its group, which may have to be loaded first. Resolves with whether it is open. */
  async visit(id, options = {}) {
    const { opened } = this;
    if (!this.client.groups.has(id)) {
      try {
        await this.client.loadGroup(id);
      } catch (error) {
        this.notify(error.code === 404 ? this.words.say("conversation.missing") : this.why(error), { isHere: true });
        return false;
      }
      // The reader has opened another conversation meanwhile.
      if (opened !== this.opened) return false;
    }
    this.open({ group: id }, options);
    return true;
  }

  openWith(name) {
    const group = this.client.privateWith(name);
    if (!group && this.client.moreGroups && this.ready) return this.#visitWith(name);
    return this.open(group ? { group: group.id } : { to: name });
  }

  /** Opens the private group with a user, which may not be loaded. */
  async #visitWith(name) {
    const { opened } = this;
    // If the server does not answer, the first message finds the group.
    const group = await this.client.loadPrivate(name).catch(() => undefined);
    if (opened === this.opened) this.open(group ? { group: group.id } : { to: name });
  }

  show(change) {
    const before = this.pane;
    Object.assign(this, change);
    if (this.pane !== "thread") this.thread = null;
    if (this.pane === "list" && before !== "list") this.#dropNotices();
    this.tell();
  }

  /** Whether anything covers the conversations, except for a search or an invite, which have their own URLs. */
  get isCovered() {
    return Boolean(this.question || this.card) || !["", "finding", "search", "invite"].includes(this.dialog);
  }

  /** Closes everything that covers the conversations. A question is answered with no. */
  uncover() {
    this.#closeTopmost();
    this.tell();
  }

  #closeTopmost() {
    const { question } = this;
    if (question) this.question = null;
    else if (this.card) this.card = null;
    else Object.assign(this, { dialog: "", gallery: null, reactTo: null });
    question?.answer(false);
  }

  /** The URL of an invite: on this page, or on the server's own page. */
  inviteLink(code) {
    const page = this.linkTo ? location.href.split("#")[0] : `${this.client.server}/`;
    return `${page}#invite/${encodeURIComponent(code)}`;
  }

  /** The key of a conversation: its group, or its person if it has no group yet. */
  static key = (where) => (where?.group ? where.group : where?.to ? `${TO}${where.to}` : "");

  /**
   * The unread messages of a group when it was opened: `count` of them, with numbers from `after` to `head`. `after` is
   * infinite if there were none.
   */
  fresh(group) {
    return this.#lastSeen.get(group.id) ?? { after: Infinity, count: 0, head: 0 };
  }

  // ── Notices and questions ──

  /** A sentence for people. An error that is not a refusal is a bug of this page, and is logged. */
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

  /** @param isHere whether to remove the text when another conversation or the list is opened */
  notify(text, { isHere = false } = {}) {
    const notice = { text, isHere };
    this.notices = [...this.notices.filter((each) => each.text !== text).slice(-2), notice];
    setTimeout(() => this.show({ notices: this.notices.filter((each) => each !== notice) }), NOTICE_LASTS);
    this.tell();
  }

  /** Removes the notices of the previous view. */
  #dropNotices() {
    this.notices = this.notices.filter(({ isHere }) => !isHere);
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
    if (group.private && group.title) return this.called(group.title);
    return group.title ?? this.words.say("conversation.deletedUser");
  }

  /** The title of a conversation with somebody that has no message yet. */
  titleWith(name) {
    return name === this.me ? this.words.say("conversation.notes") : this.called(name);
  }

  /** A user's display name, with the name if another display name or name looks like it; else the name. */
  called(name) {
    const { client } = this;
    const shown = client.nameOf(name);
    return shown !== name && client.isAmbiguous(name) ? this.words.say("card.both", { shown, name }) : shown;
  }

  /** Requests the features of the server. Concurrent calls share a request. */
  learn() {
    this.#learning ??= this.#learn().finally(() => (this.#learning = null));
    return this.#learning;
  }

  async #learn() {
    const wasReady = this.ready;
    try {
      this.offer = await this.client.serverInfo();
      this.isLearned = true;
      if (this.keepsOffer) keepOffer(this.client.server, this.offer);
      this.tell();
    } catch {
      // Retry if the connection was established meanwhile. Until the features are known, optional functions are not offered.
      if (this.ready && !wasReady) await this.#learn();
    }
  }

  /** Uses the stored features until the server can be reached. */
  recallOffer() {
    this.offer ??= keptOffer(this.client.server);
  }

  /** The longest message that the server accepts. */
  get longest() {
    return this.offer?.limits?.["limits.message_chars"] ?? LONGEST;
  }

  /** The presence of a contact; undefined for other users, and while the connection is lost. */
  statusOf(name) {
    return name && this.ready ? this.client.statusOf(name) : undefined;
  }

  /** The text of a contact's presence; empty if it is unknown. */
  presence(name) {
    if (name === this.me) return "";
    const status = this.statusOf(name);
    return status ? this.words.say(`presence.${status}`) : "";
  }

  /** A message that another one replies to: undefined while it is requested, null if it was deleted. */
  quoted(group, id) {
    const held = group.message(id);
    if (held || this.#quoted.has(id)) return held ?? this.#quoted.get(id);
    if (this.#quoted.size >= QUOTED) this.#quoted.delete(this.#quoted.keys().next().value);
    this.#quoted.set(id, undefined);
    this.client.findMessage(group.id, id).then(
      // From now on the group keeps it up to date.
      (message) => (group.message(id) ? this.#quoted.delete(id) : this.#quoted.set(id, message)),
      (error) => (error.passing ? this.#unanswered.add(id) : this.#quoted.set(id, null)),
    ).then(() => this.tell("messages", { group }));
    return undefined;
  }

  /** Requests everything that could not be requested without a connection. */
  #catchUp() {
    if (!this.isLearned) this.learn();
    if (this.openGroup) this.#learnRoles(this.openGroup);
    for (const id of this.#unanswered) this.#quoted.delete(id);
    this.#unanswered.clear();
  }

  /** Whether a message replied to one that was deleted while this page was open. */
  lostQuote(message) {
    // An unsent message has no id yet.
    if (!message.id) return false;
    if (message.respond_to) {
      if (this.#lost.size >= QUOTED) this.#lost.delete(this.#lost.keys().next().value);
      this.#lost.set(message.id, true);
    }
    return !message.respond_to && this.#lost.has(message.id);
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
    if (this.me && !this.drafts) this.#remember();
    if (topic === "state" && this.ready) this.#catchUp();
    if (topic === "groups") this.#follow(detail);
    if (topic === "unsent" && detail.to) this.#unsent(detail.to);
    if (["messages", "profile"].includes(topic) && this.openGroup?.membersCount > NAMES_MOST) this.#learnNames(this.openGroup);
    if (topic === "user" && detail.newName && this.unsentNames.delete(detail.name)) this.#unsent(detail.newName);
    if (topic === "user" && detail.newName === this.me) this.drafts?.rename(this.client.server, this.me);
    if (topic === "user" && detail.newName === this.me) this.recent?.rename(this.me);
    if (topic === "user" && this.card === detail.name) this.card = detail.newName;
    if (topic === "user" && !detail.newName) this.attached.set(Chat.key({ to: detail.name }), []);
    if (topic === "groups" || topic === "user") this.attached.keep((key) => this.#takesFiles(key));
    if (topic === "thread" && detail.thread.gone) this.attached.set(`${detail.thread.group.id}/${detail.thread.id}`, []);
    if (topic === "user" && this.current?.to === detail.name) this.#become(detail.newName && { to: detail.newName });
    else if (topic === "user" && detail.newName) this.#move(Chat.key({ to: detail.name }), Chat.key({ to: detail.newName }));
    this.tell(topic, detail);
  }

  /** Whether files can be sent to a conversation, or to a thread of it. */
  #takesFiles(key) {
    const group = this.client.groups.get(key.split("/")[0]);
    return key.startsWith(TO) || (group !== undefined && !(group.private && !group.notes && !group.other));
  }

  #remember() {
    const { server, account } = this.client;
    this.#account = account;
    this.drafts = new Drafts(server, this.me, account);
    this.recent = new Recent(server, this.me, account);
  }

  #unsent(name) {
    if (this.client.unsentTo(name).length) this.unsentNames.add(name);
    else this.unsentNames.delete(name);
  }

  #follow({ added, removed }) {
    const gone = removed.find(({ id }) => id === this.current?.group);
    if (gone) {
      const text = this.drafts?.textsOf(gone.id).join("\n\n");
      this.rest = text ? { title: this.title(gone), text } : null;
      this.current = null;
      this.thread = null;
      this.pane = text ? "chat" : "list";
      this.notify(this.words.say("conversation.gone", { name: this.title(gone) }));
    }
    // The other user may have written first, or spell the name differently than it was typed.
    const begun = this.current?.to && this.client.privateWith(this.current.to);
    if (begun && added.includes(begun)) this.#become({ group: begun.id });
    // Drafts to other users move to their conversations, too.
    for (const to of this.drafts?.recipients ?? []) {
      const group = this.client.privateWith(to);
      if (group && added.includes(group)) this.#move(Chat.key({ to }), group.id);
    }
  }

  /** Changes the key of the open conversation, which keeps its draft. */
  #become(where) {
    const [from, to] = [Chat.key(this.current), Chat.key(where)];
    this.current = where;
    if (to) this.#move(from, to);
    this.tell("key", { from, to });
  }

  #move(from, to) {
    this.drafts?.move(from, to);
    this.attached.move(from, to);
  }
}

/** A refusal by this page, with a sentence for people. */
export class Refusal extends Error {}
