// The open conversation in the address of the page: `#<group>`, `#<group>/<number of a message>`,
// `#<group>/thread/<id of its root>`, or `#to/<name>` for a conversation without messages; and the address of an invite
// link, `#invite/<code>`. The browser's Back leads from a thread to its conversation, from a conversation to the list, and from
// a search or a message that it has found to where one was. It closes a dialog, and answers a question with no.

/** The fragment of a place. */
export function fragment(where, seq, thread) {
  if (where?.group && thread) return `#${where.group}/thread/${thread}`;
  if (where?.group) return `#${where.group}${seq ? `/${seq}` : ""}`;
  return where?.to ? `#to/${encodeURIComponent(where.to)}` : "";
}

/** The code of an invite link; empty if the fragment is none. */
export const inviteOf = (text) => /^#invite\/(\w{1,64})$/u.exec(text)?.[1] ?? "";

/** The place of a fragment: `{where, seq, thread}`; null if it names none. */
export function placeOf(text) {
  const [, first, second] = /^#([^/]+)(?:\/(.+))?$/u.exec(text) ?? [];
  if (!first) return null;
  try {
    if (first === "to" && second) return { where: { to: decodeURIComponent(second) }, seq: null, thread: null };
  } catch {
    return null;
  }
  const seq = /^\d{1,15}$/u.test(second ?? "") ? Number(second) : null;
  const [, thread = null] = /^thread\/([0-9a-f-]{36})$/iu.exec(second ?? "") ?? [];
  return /^[0-9a-z-]{8,64}$/iu.test(first) ? { where: { group: first }, seq, thread } : null;
}

/** Keeps the address of the page and the chat in step, both ways. */
export class Address {
  #chat;
  #shown = "";
  #isBegun = false;
  /** Whether the place of the address is being opened, step by step. */
  #isReading = false;
  /** Whether the address names a conversation that is yet to be loaded. */
  #isWaiting = false;
  /** Whether the entry of the history is that of a search that was closed, or of a dialog. It shows what the entry before shows. */
  #isClosed = false;
  /** The number of entries of the history that this page has added. */
  #depth = 0;

  constructor(chat) {
    this.#chat = chat;
    const { signal } = chat.listening;
    addEventListener("popstate", () => this.#isRepeated() || this.#popped(), { signal });
    chat.addEventListener("change", ({ detail }) => this.#changed(detail.topic), { signal });
    chat.linkTo = (group, seq) => location.href.split("#")[0] + fragment({ group: group.id }, seq);
    chat.goBack = () => this.#back();
  }

  /**
   * Whether Back led from the entry of a closed search or dialog to the one before, which shows the same: then it goes on to the
   * one before that. Leaving the entry when the search is closed would take effect a moment later, and undo what the user does meanwhile.
   */
  #isRepeated() {
    const [was, depth] = [this.#shown, history.state?.depth ?? 0];
    const isBack = this.#isClosed && depth === this.#depth - 1 && this.#now() === was;
    this.#isClosed = history.state?.closed === true;
    this.#depth = depth;
    if (isBack) history.back();
    return isBack;
  }

  /** Back from a dialog closes it alone. In another place nothing of the former one stays open. */
  #popped() {
    const chat = this.#chat;
    const isCover = this.#shown === `over${this.#now()}`;
    if (isCover) this.#shown = this.#now();
    if (isCover && chat.isCovered) return chat.uncover();
    this.#isReading = true;
    while (chat.isCovered) chat.uncover();
    if (chat.dialog !== "search") chat.show({ dialog: "" });
    this.#isReading = false;
    return this.#read();
  }

  /** The user has signed out: the next one has other conversations. */
  forget() {
    this.#replace("");
  }

  /** Opens the place that the address names. */
  begin() {
    this.#isBegun = true;
    // A search ends with its page.
    if (this.#layer === "search") history.replaceState({ ...history.state, chinwag: "chat" }, "");
    this.#shown = this.#now();
    this.#depth = history.state?.depth ?? 0;
    this.#isClosed = history.state?.closed === true;
    // A page that is loaded again is where it was: nobody has opened anything.
    this.#read(performance.getEntriesByType("navigation")[0]?.type === "reload");
  }

  #changed(topic) {
    if (topic === "state" && this.#isWaiting && this.#chat.ready) this.#read();
    if (["open", "view", "key", "groups"].includes(topic)) this.#write();
  }

  /** The place of the history's entry. An entry after it may be of a search that ended with an earlier page. */
  #now() {
    const isSearch = this.#layer === "search" && this.#chat.finder;
    return `${isSearch ? "search" : this.#layer === "details" ? "details" : ""}${location.hash}`;
  }

  /** What the entry of the history shows beside its conversation: "search", or a pane. */
  get #layer() {
    return history.state?.chinwag;
  }

  #read(isStill = false) {
    const chat = this.#chat;
    this.#isWaiting = false;
    // The address waits for the next sign-in.
    if (chat.me === null) return;
    const invite = inviteOf(location.hash);
    const named = invite ? null : placeOf(location.hash);
    this.#depth = history.state?.depth ?? 0;
    const was = this.#shown;
    this.#shown = this.#now();
    // Only the search is closed.
    if (was === `search${this.#shown}`) return chat.show({ dialog: chat.dialog === "search" ? "" : chat.dialog });
    if (invite) return chat.show({ dialog: "invite", invite, card: null });
    if (!named) return this.#readList();
    const { where } = named;
    if (where.group && !chat.client.groups.has(where.group)) return void this.#load(where.group, isStill);
    this.#isReading = true;
    this.#open({ ...named, isStill });
    this.#readSearch();
    this.#isReading = false;
    this.#write();
  }

  /** Loads the conversation that the address names, and opens it if the address is still the same. */
  async #load(id, isStill) {
    const chat = this.#chat;
    const [hash, opened] = [location.hash, chat.opened];
    this.#isWaiting = true;
    if (!chat.ready) return;
    try {
      await chat.client.loadGroup(id);
    } catch (error) {
      if (!this.#isWaiting || hash !== location.hash) return;
      // Without the connection the next one tries again.
      if (error.code === 0 && !chat.ready) return;
      this.#isWaiting = false;
      this.#replace("");
      chat.notify(error.code === 404 ? chat.words.say("conversation.missing") : chat.why(error), { isHere: true });
      return;
    }
    if (this.#isWaiting && hash === location.hash && opened === chat.opened) this.#read(isStill);
  }

  #readList() {
    const chat = this.#chat;
    const isThere = chat.pane === "list";
    this.#isReading = true;
    if (!isThere) chat.show({ pane: "list" });
    this.#readSearch();
    this.#isReading = false;
    if (!isThere) chat.tell("back");
  }

  /** Back from a message that was found leads to the search, as it was. */
  #readSearch() {
    const chat = this.#chat;
    const isSearch = this.#shown.startsWith("search");
    if (isSearch !== (chat.dialog === "search")) chat.show({ dialog: isSearch ? "search" : "", card: null });
  }

  #open({ where, seq, thread, isStill }) {
    const chat = this.#chat;
    const isOpen = chat.current?.group === where.group && chat.current?.to === where.to;
    const wasList = chat.pane === "list";
    if (!isOpen && where.to) void this.#openWith(where.to);
    else if (!isOpen || seq) chat.open(where, { seq, isLink: true, isStill });
    if (!thread) chat.show({ pane: this.#layer === "details" ? "details" : "chat" });
    else if (chat.thread?.root !== thread) chat.openThread(thread);
    if (isOpen && wasList && !seq && !thread) chat.tell("forward");
  }

  /** Opens the conversation with somebody, whom there may not be. */
  async #openWith(name) {
    const chat = this.#chat;
    await chat.openWith(name);
    if (chat.current?.to !== name || chat.client.unsentTo(name).length) return;
    // If the server does not say, the first message tells of a wrong name.
    const found = await chat.client.findUser(name).catch(() => name);
    if (found !== null || chat.current?.to !== name) return;
    chat.show({ current: null, pane: "list" });
    chat.notify(chat.words.say("begin.unknown", { name }), { isHere: true });
  }

  #write() {
    // The place of a session that has ended waits for the next sign-in.
    if (this.#isReading || this.#chat.me === null || this.#chat.dialog === "invite") return;
    const { current, pane, aim, thread, dialog, isCovered } = this.#chat;
    if (this.#isWaiting && !current && dialog !== "search") return;
    this.#isWaiting = false;
    const hash = pane === "list" || !current ? "" : fragment(current, aim?.isLink ? aim.seq : null, thread?.root);
    const isSearch = dialog === "search";
    const place = `${pane === "details" ? "details" : ""}${hash}`;
    const shown = isSearch ? `search${hash}` : isCovered ? `over${place}` : place;
    if (shown === this.#shown || !this.#isBegun) return;
    if (this.#shown === `over${shown}`) return void (this.#shown = shown);
    if (shown === `over${this.#shown}`) return this.#cover(shown);
    // Closing the details leads back to the entry before them, which is the conversation.
    if (this.#shown === `details${hash}` && !isSearch && this.#depth > 0) return history.back();
    if (this.#shown.startsWith("search") && history.state?.from === shown && this.#depth > 0) return this.#closeSearch(shown, hash);
    // Closing a thread leads back likewise.
    const wasThread = Boolean(placeOf(this.#shown)?.thread);
    if (wasThread && history.state?.from === shown && this.#depth > 0) return history.back();
    // A link to a reply becomes the address of its thread.
    const isLed = thread && placeOf(this.#shown)?.seq;
    if ((!hash && !isSearch) || isLed || inviteOf(this.#shown) || (wasThread && !thread) || this.#became(current ?? {})) return this.#replace(hash);
    const from = this.#shown.replace(/^over/u, "");
    this.#shown = shown;
    // The entry of a closed search or a dialog is used again.
    const add = this.#isClosed ? "replaceState" : "pushState";
    this.#depth += this.#isClosed ? 0 : 1;
    this.#isClosed = false;
    history[add]({ chinwag: isSearch ? "search" : pane, depth: this.#depth, from }, "", this.#url(hash));
  }

  /** Something is in front of the place, and Back closes it. */
  #cover(shown) {
    this.#shown = shown;
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#depth += 1;
    history.pushState({ ...history.state, depth: this.#depth, closed: true }, "");
  }

  /** The entry of the search becomes one of what it was opened over. */
  #closeSearch(shown, hash) {
    const { chinwag, ...state } = history.state;
    const layer = shown.startsWith("details") ? "details" : this.#chat.pane;
    this.#shown = shown;
    this.#isClosed = true;
    history.replaceState({ ...state, chinwag: layer, closed: true }, "", this.#url(hash));
  }

  /** Whether the conversation is the one of the address, which had no group yet. */
  #became({ group }) {
    const to = placeOf(location.hash)?.where.to;
    return group !== undefined && to !== undefined && this.#chat.client.privateWith(to)?.id === group;
  }

  #replace(hash) {
    this.#shown = hash;
    this.#isClosed &&= hash !== "";
    history.replaceState({ chinwag: this.#chat.pane, depth: this.#depth, closed: this.#isClosed }, "", this.#url(hash));
  }

  #url = (hash) => hash || location.pathname + location.search;

  /** Goes back where this page came from; to the list if it was opened in a conversation. */
  #back() {
    if (this.#depth > Number(this.#isClosed)) history.back();
    else this.#chat.show({ pane: "list" });
  }
}
