// The open conversation in the address of the page: `#<group>`, `#<group>/<number of a message>`,
// `#<group>/thread/<id of its root>`, or `#to/<name>` for a conversation without messages; and the address of an invite
// link, `#invite/<code>`. The browser's Back leads from a thread to its conversation, and from a conversation to the list.

/** The fragment of a place. */
export function fragment(where, seq, thread) {
  if (where?.group && thread) return `#${where.group}/thread/${thread}`;
  if (where?.group) return `#${where.group}${seq ? `/${seq}` : ""}`;
  return where?.to ? `#to/${encodeURIComponent(where.to)}` : "";
}

/** The code of an invite link; empty if the fragment is none. */
export const inviteOf = (text) => /^#invite\/(\w{1,64})$/u.exec(text)?.[1] ?? "";

/** The place of a fragment: `{where, seq, thread}`; null if it names none. */
export function place(text) {
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
  /** The number of entries of the history that this page has added. */
  #depth = 0;

  constructor(chat) {
    this.#chat = chat;
    const { signal } = chat.listening;
    addEventListener("popstate", () => this.#read(), { signal });
    chat.addEventListener("change", ({ detail }) => ["open", "view", "key", "groups"].includes(detail.topic) && this.#write(), { signal });
    chat.linkTo = (group, seq) => location.href.split("#")[0] + fragment({ group: group.id }, seq);
    chat.goBack = () => this.#back();
  }

  /** Opens the place that the address names. */
  begin() {
    this.#isBegun = true;
    this.#shown = this.#now(history.state?.chinwag);
    this.#depth = history.state?.depth ?? 0;
    // A page that is loaded again is where it was: nobody has opened anything.
    this.#read(performance.getEntriesByType("navigation")[0]?.type === "reload");
  }

  #now(pane) {
    return `${pane === "details" ? "details" : ""}${location.hash}`;
  }

  #read(isStill = false) {
    const chat = this.#chat;
    // The address waits for the next sign-in.
    if (chat.me === null) return;
    const invite = inviteOf(location.hash);
    const named = invite ? null : place(location.hash);
    this.#depth = history.state?.depth ?? 0;
    this.#shown = this.#now(history.state?.chinwag);
    if (invite) return chat.show({ dialog: "invite", invite, card: null });
    if (!named) {
      if (chat.pane === "list") return;
      chat.show({ pane: "list" });
      chat.tell("back");
      return;
    }
    const { where } = named;
    if (where.group && !chat.client.groups.has(where.group)) {
      this.#replace("");
      chat.notify(chat.words.say("conversation.missing"));
      return;
    }
    this.#isReading = true;
    this.#open({ ...named, isStill });
    this.#isReading = false;
    this.#write();
  }

  #open({ where, seq, thread, isStill }) {
    const chat = this.#chat;
    const isOpen = chat.current?.group === where.group && chat.current?.to === where.to;
    if (!isOpen || seq) where.to ? chat.openWith(where.to) : chat.open(where, { seq, isLink: true, isStill });
    if (!thread) chat.show({ pane: history.state?.chinwag === "details" ? "details" : "chat" });
    else if (chat.thread?.root !== thread) chat.openThread(thread);
  }

  #write() {
    if (this.#isReading || this.#chat.dialog === "invite") return;
    const { current, pane, aim, thread } = this.#chat;
    const hash = pane === "list" || !current ? "" : fragment(current, aim?.isLink ? aim.seq : null, thread?.root);
    const shown = `${pane === "details" ? "details" : ""}${hash}`;
    if (shown === this.#shown || !this.#isBegun) return;
    // Closing the details leads back to the entry before them, which is the conversation.
    if (this.#shown === `details${hash}` && this.#depth > 0) return history.back();
    // Closing a thread leads back likewise.
    const wasThread = Boolean(place(this.#shown)?.thread);
    if (wasThread && history.state?.from === shown && this.#depth > 0) return history.back();
    // A link to a reply becomes the address of its thread.
    const isLed = thread && place(this.#shown)?.seq;
    if (!hash || isLed || inviteOf(this.#shown) || (wasThread && !thread) || this.#became(current)) return this.#replace(hash);
    const from = this.#shown;
    this.#shown = shown;
    this.#depth += 1;
    history.pushState({ chinwag: pane, depth: this.#depth, from }, "", this.#url(hash));
  }

  /** Whether the conversation is the one of the address, which had no group yet. */
  #became({ group }) {
    const to = place(location.hash)?.where.to;
    return group !== undefined && to !== undefined && this.#chat.client.privateWith(to)?.id === group;
  }

  #replace(hash) {
    this.#shown = hash;
    history.replaceState({ chinwag: this.#chat.pane, depth: this.#depth }, "", this.#url(hash));
  }

  #url = (hash) => hash || location.pathname + location.search;

  /** Goes back where this page came from; to the list if it was opened in a conversation. */
  #back() {
    if (this.#depth > 0) history.back();
    else this.#chat.show({ pane: "list" });
  }
}
