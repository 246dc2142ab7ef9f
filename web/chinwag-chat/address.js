// The open conversation in the page's URL: `#<group>`, `#<group>/<number of a message>`,
// `#<group>/thread/<id of its root>`, or `#to/<name>` for a conversation without messages; and an invite link as
// `#invite/<code>`. The browser's Back leads from a thread to its conversation, from a conversation to the list, and from a
// search or its result to the previous view. It closes a dialog, and answers a question with no.

/** The fragment of a view. */
export function fragment(where, seq, thread) {
  if (where?.group && thread) return `#${where.group}/thread/${thread}`;
  if (where?.group) return `#${where.group}${seq ? `/${seq}` : ""}`;
  return where?.to ? `#to/${encodeURIComponent(where.to)}` : "";
}

/** The code of an invite link; empty if the fragment is none. */
export const inviteOf = (text) => /^#invite\/(\w{1,64})$/u.exec(text)?.[1] ?? "";

/** The view of a fragment: `{where, seq, thread}`; null if it names none. */
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

/** Synchronizes the page's URL and the chat in both directions. */
export class Address {
  #chat;
  #shown = "";
  #isBegun = false;
  /** Whether the view of the URL is being opened. */
  #isReading = false;
  /** Whether the URL names a conversation that is not loaded yet. */
  #isWaiting = false;
  /** Whether the history entry belongs to a closed search or dialog. It shows the same as the entry before it. */
  #isClosed = false;
  /** The number of history entries that this page has added. */
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
   * Whether Back led from the entry of a closed search or dialog to the one before, which shows the same: then it goes back
   * once more. Removing the entry on close would take effect a moment later, and undo navigation in between.
   */
  #isRepeated() {
    const [was, depth] = [this.#shown, history.state?.depth ?? 0];
    const isBack = this.#isClosed && depth === this.#depth - 1 && this.#now() === was;
    this.#isClosed = history.state?.closed === true;
    this.#depth = depth;
    if (isBack) history.back();
    return isBack;
  }

  /** Back only closes an open dialog. In another view, everything of the previous one is closed. */
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

  /** Clears the URL after a sign-out: the next user has other conversations. */
  forget() {
    this.#replace("");
  }

  /** Opens the view that the URL names. */
  begin() {
    this.#isBegun = true;
    // A search does not survive a reload.
    if (this.#layer === "search") history.replaceState({ ...history.state, chinwag: "chat" }, "");
    this.#shown = this.#now();
    this.#depth = history.state?.depth ?? 0;
    this.#isClosed = history.state?.closed === true;
    // A reload restores the view without counting as opening it.
    this.#read(performance.getEntriesByType("navigation")[0]?.type === "reload");
  }

  #changed(topic) {
    if (topic === "state" && this.#isWaiting && this.#chat.ready) this.#read();
    if (["open", "view", "key", "groups"].includes(topic)) this.#write();
  }

  /** The view of the history entry. A later entry may belong to a search of an earlier page. */
  #now() {
    const isSearch = this.#layer === "search" && this.#chat.finder;
    return `${isSearch ? "search" : this.#layer === "details" ? "details" : ""}${location.hash}`;
  }

  /** The part of the history entry that covers its conversation: "search", or a pane. */
  get #layer() {
    return history.state?.chinwag;
  }

  #read(isStill = false) {
    const chat = this.#chat;
    this.#isWaiting = false;
    // The URL is kept for the next sign-in.
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

  /** Loads the conversation that the URL names, and opens it if the URL is still the same. */
  async #load(id, isStill) {
    const chat = this.#chat;
    const [hash, opened] = [location.hash, chat.opened];
    this.#isWaiting = true;
    if (!chat.ready) return;
    try {
      await chat.client.loadGroup(id);
    } catch (error) {
      if (!this.#isWaiting || hash !== location.hash) return;
      // Without a connection, the next one tries again.
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

  /** Back from a found message restores the search. */
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

  /** Opens the conversation with a user, who may not exist. */
  async #openWith(name) {
    const chat = this.#chat;
    await chat.openWith(name);
    if (chat.current?.to !== name || chat.client.unsentTo(name).length) return;
    // If the server does not answer, the first message reports a wrong name.
    const found = await chat.client.findUser(name).catch(() => name);
    if (found !== null || chat.current?.to !== name) return;
    chat.show({ current: null, pane: "list" });
    chat.notify(chat.words.say("begin.unknown", { name }), { isHere: true });
  }

  #write() {
    // The URL of an ended session is kept for the next sign-in.
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
    // Closing the details goes back to the entry before them, which is the conversation.
    if (this.#shown === `details${hash}` && !isSearch && this.#depth > 0) return history.back();
    if (this.#shown.startsWith("search") && history.state?.from === shown && this.#depth > 0) return this.#closeSearch(shown, hash);
    // Closing a thread goes back as well.
    const wasThread = Boolean(placeOf(this.#shown)?.thread);
    if (wasThread && history.state?.from === shown && this.#depth > 0) return history.back();
    // The URL of a reply is replaced by that of its thread.
    const isLed = thread && placeOf(this.#shown)?.seq;
    if ((!hash && !isSearch) || isLed || inviteOf(this.#shown) || (wasThread && !thread) || this.#became(current ?? {})) return this.#replace(hash);
    const from = this.#shown.replace(/^over/u, "");
    this.#shown = shown;
    // The entry of a closed search or dialog is reused.
    const add = this.#isClosed ? "replaceState" : "pushState";
    this.#depth += this.#isClosed ? 0 : 1;
    this.#isClosed = false;
    history[add]({ chinwag: isSearch ? "search" : pane, depth: this.#depth, from }, "", this.#url(hash));
  }

  /** Adds an entry for a dialog or search, so that Back closes it. */
  #cover(shown) {
    this.#shown = shown;
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#depth += 1;
    history.pushState({ ...history.state, depth: this.#depth, closed: true }, "");
  }

  /** Turns the entry of the search into one of the view below it. */
  #closeSearch(shown, hash) {
    const { chinwag, ...state } = history.state;
    const layer = shown.startsWith("details") ? "details" : this.#chat.pane;
    this.#shown = shown;
    this.#isClosed = true;
    history.replaceState({ ...state, chinwag: layer, closed: true }, "", this.#url(hash));
  }

  /** Whether the conversation is the one in the URL, which had no group yet. */
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

  /** Goes back to the previous view, or to the list if the page was opened in a conversation. */
  #back() {
    if (this.#depth > Number(this.#isClosed)) history.back();
    else this.#chat.show({ pane: "list" });
  }
}
