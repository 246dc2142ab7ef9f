// The list of conversations: last message, unread messages, presence.

import { html, nothing, repeat } from "../vendor/lit.js";
import { Chat } from "./chat.js";
import { faceOf } from "./face.js";
import { gist } from "./gist.js";
import { chats, pin, silent } from "./icons.js";
import { led } from "./led.js";
import { Part, define } from "./part.js";
import { Span } from "./span.js";
import { fold, preview } from "./text.js";

/** The number of conversations from which a search field is shown. */
const MANY = 8;
const LATER = new Set(["read", "persistent"]);
/** The number of further conversations loaded at once. */
const PAGE = 100;
const FAILED_FOR = 5_000;

export class Conversations extends Part {
  #wanted = "";
  /** The key of the entry in the tab order, which is the last focused one. */
  #stop = null;
  /** The entries of the list: keys with their content or group. */
  #shown = [];
  #span = new Span(this);
  /** Whether conversations that are not loaded are visible or searched. */
  #lacks = false;
  #isLoading = false;

  changed({ detail }) {
    if (detail.topic === "back") this.focusNext(".entry[aria-current]");
    if (!LATER.has(detail.topic)) this.requestUpdate();
  }

  render() {
    const { current, client } = this.chat;
    const all = [...this.#unbegun(), ...client.conversations.map((group) => ({ key: group.id, group }))];
    const wanted = fold(this.#wanted.trim());
    const isHidden = ({ key, group }) => group?.settings.hidden && key !== current?.group;
    const shown = (this.#shown = all.filter((entry) => (wanted ? this.#text(entry).includes(wanted) : !isHidden(entry))));
    const open = Chat.key(current);
    const indexOf = (key) => shown.findIndex((entry) => entry.key === key);
    const [at, openAt] = [indexOf(this.#stop), indexOf(open)];
    const stop = at >= 0 ? at : Math.max(0, openAt);
    // Reserve space for conversations that are not loaded, so that the list has its final length.
    const count = shown.length + (wanted ? 0 : client.moreGroups);
    const indices = this.#span.indices(count, [stop, openAt]);
    this.#lacks = client.moreGroups > 0 && (wanted !== "" || indices.some((index) => index >= shown.length));
    const place = (index) => (this.#span.isPart ? [count, index + 1] : [nothing, nothing]);
    const row = (index) => {
      if (index >= shown.length) return html`<li class="blank" data-index=${index} aria-hidden="true"></li>`;
      return html`<li data-key=${shown[index].key} data-index=${index} aria-setsize=${place(index)[0]} aria-posinset=${place(index)[1]}>${this.#entry(this.#content(shown[index]), index === stop)}</li>`;
    };
    return html`${all.length >= MANY || wanted || all.some(isHidden) ? this.#search() : nothing}
      <nav class="scroll" @scroll=${this.#span} aria-label=${this.say("list.label")} part="conversations">
        ${all.length ? nothing : this.#none()}
        ${wanted && client.moreGroups ? html`<p class="empty quiet" role="status">${this.say("list.loading")}</p>` : nothing}
        ${all.length && !count && !(wanted && client.moreGroups) ? html`<p class="empty quiet" role="status">${this.say(wanted ? "list.noMatch" : "list.allHidden")}</p>` : nothing}
        <ul class="list ${this.#span.isPart ? "part" : ""}" role="list" ?hidden=${!count} @keydown=${this.#press} @focusin=${this.#focused}>
          ${repeat(indices, (index) => shown[index]?.key ?? `blank ${index}`, row)}
        </ul>
      </nav>`;
  }

  updated() {
    this.#span.put();
    if (this.#lacks) this.#load();
  }

  /** Loads further conversations. After a failure it waits, and tries again. */
  async #load() {
    if (this.#isLoading || !this.chat.ready) return;
    this.#isLoading = true;
    try {
      await this.chat.client.loadGroups(PAGE);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, FAILED_FOR));
    } finally {
      this.#isLoading = false;
      this.requestUpdate();
    }
  }

  /** Loads conversations until the list has `count`. */
  async #reach(count) {
    const { client } = this.chat;
    while (this.#shown.length < count && client.moreGroups && this.chat.ready) {
      if (!(await client.loadGroups(PAGE).catch(() => 0))) return;
      this.requestUpdate();
      await this.updateComplete;
    }
  }

  /** The displayed content of an entry. */
  #content(entry) {
    return entry.group ? this.#describe(entry.group) : entry;
  }

  /** The searchable text of an entry. */
  #text({ group, title, name }) {
    const texts = group ? [this.chat.title(group), group.other ?? ""] : [title, name];
    return fold(texts.join(" "));
  }

  #search() {
    const find = (event) => {
      this.#wanted = event.target.value;
      this.requestUpdate();
    };
    const label = this.say("list.search");
    return html`<div class="search"><input type="search" aria-label=${label} placeholder=${label} @input=${find}></div>`;
  }

  #none() {
    return html`<div class="empty">
      ${chats}
      <h2 class="title">${this.say("list.none")}</h2>
      <p class="quiet">${this.say("list.none.hint")}</p>
      <button class="primary" @click=${() => this.chat.show({ dialog: "begin" })}>${this.say("nav.begin")}</button>
    </div>`;
  }

  #entry({ key, title, name, group, where, about, unread, mentioned, lead, preview, kind, when, current, pinned, muted }, isStop) {
    const id = `about-${key}`;
    // The button's name is only the title. The parts that change with every message are its description.
    return html`<button class="entry ${unread && !muted ? "unread" : ""} ${muted ? "muted" : ""}" part="conversation" tabindex=${isStop ? 0 : -1} aria-describedby=${id} title=${title}
        aria-current=${current ? "true" : nothing} @click=${() => this.chat.open(where)}>
        ${this.#face(faceOf(this.chat, { group, to: where.to, title }), name)}
        <bdi class="name cut">${title}</bdi>
        <span class="when" aria-hidden="true">${pinned ? pin : nothing}${muted ? silent : nothing}
          ${when ? html`<time datetime=${when}>${this.chat.words.when(when)}</time>` : nothing}</span>
        <span class="preview led ${kind}" aria-hidden="true">${led(lead, preview)}</span>
        ${unread ? html`<span class="badges" aria-hidden="true">${mentioned ? html`<span class="badge at">@${mentioned}</span>` : nothing}<span class="badge">${unread}</span></span>` : nothing}
      </button>
      <span class="unseen" id=${id}>${[about, [lead, preview].filter(Boolean).join(" "), when && this.chat.words.when(when)].filter(Boolean).join(", ")}</span>`;
  }

  /** For the pointer only: the conversation's heading opens the card, too. */
  #face(look, name) {
    if (!name) return look;
    const open = (event) => {
      event.stopPropagation();
      this.chat.show({ card: name });
    };
    return html`<span class="opens" @click=${open}>${look}</span>`;
  }

  #focused({ target }) {
    const { key } = target.closest("li").dataset;
    if (key === this.#stop) return;
    this.#stop = key;
    this.requestUpdate();
  }

  /** The arrow keys move between entries, including those not rendered yet. */
  async #press(event) {
    let shown = this.#shown;
    const at = shown.findIndex(({ key }) => key === this.#stop);
    const [last, page] = [shown.length + this.chat.client.moreGroups - 1, this.#span.page];
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: last, PageUp: Math.max(0, at - page), PageDown: Math.min(last, at + page) }[event.key];
    if (to === undefined || to < 0 || to > last) return;
    event.preventDefault();
    const stop = this.#stop;
    if (to >= shown.length && !this.#wanted.trim()) await this.#reach(to + 1);
    // The reader may have moved on meanwhile.
    if (stop !== this.#stop) return;
    shown = this.#shown;
    const index = Math.min(to, shown.length - 1);
    const key = shown[index]?.key;
    if (key === undefined) return;
    this.#stop = key;
    this.#span.reveal(index);
    this.requestUpdate();
    await this.updateComplete;
    if (this.#stop === key) [...this.querySelectorAll("li")].find(({ dataset }) => dataset.key === key)?.querySelector(".entry").focus();
  }

  #describe(group) {
    const { chat } = this;
    const count = group.unread;
    const { markedUnread, pinned } = group.settings;
    const called = group.mentioned > 0 && this.say("list.mentioned", { count: group.mentioned });
    const marks = [pinned && "list.pinned", group.muted && "list.muted", markedUnread && "list.marked"].filter(Boolean);
    const unread = count >= 100 ? this.say("list.manyUnread") : count > 0 && this.say("list.unread", { count });
    return {
      key: group.id,
      where: { group: group.id },
      title: chat.title(group),
      group,
      name: group.other,
      about: [chat.presence(group.other), unread, called, ...marks.map((key) => this.say(key))].filter(Boolean).join(", "),
      unread: count >= 100 ? "99+" : count || (markedUnread ? "•" : ""),
      mentioned: group.mentioned >= 100 ? "99+" : group.mentioned,
      pinned,
      muted: group.muted,
      when: group.latest?.date,
      current: chat.current?.group === group.id,
      ...this.#preview(group),
    };
  }

  #preview(group) {
    const { chat } = this;
    const current = chat.current?.group === group.id;
    const draft = !current && chat.drafts?.get(group.id);
    if (group.pending) return { kind: "", preview: this.say("list.pending") };
    if (group.unsent.some(({ state }) => state === "failed")) return { kind: "failed", preview: this.say("list.failed") };
    if (group.typing.length) return { kind: "", preview: this.say("list.typing") };
    if (draft) return { kind: "", lead: this.say("list.draft"), preview: preview(draft) };
    const last = group.unsent.at(-1) ?? group.latest;
    if (!last) return { kind: "", preview: this.say("list.empty") };
    const body = gist(this.chat.words, last) || this.say("messages.erased");
    // An unsent message has no author yet: it is this user's.
    if (last.author === undefined || last.author === chat.me) return { kind: "", lead: this.say("list.you"), preview: body };
    const name = last.author ? chat.called(last.author) : this.say("conversation.deletedUser");
    return { kind: "", lead: group.private ? "" : this.say("list.by", { name }), preview: body };
  }

  /** Conversations without a group: the open one, and those whose first message is being sent or was refused. */
  #unbegun() {
    const { chat } = this;
    const open = chat.current?.to;
    const drafted = chat.drafts?.recipients ?? [];
    const names = new Set([open, ...chat.unsentNames, ...drafted.filter((name) => !chat.client.privateWith(name))].filter(Boolean));
    return [...names].map((name) => {
      const unsent = chat.client.unsentTo(name);
      const failed = unsent.some(({ state }) => state === "failed");
      const state = failed ? "list.failed" : unsent.length ? "list.sending" : "list.notBegun";
      const draft = name !== open && !unsent.length && chat.drafts?.get(Chat.key({ to: name }));
      return {
        key: Chat.key({ to: name }),
        where: { to: name },
        title: chat.titleWith(name),
        name,
        about: chat.presence(name),
        lead: draft ? this.say("list.draft") : "",
        preview: draft ? preview(draft) : this.say(state),
        kind: failed ? "failed" : "",
        current: name === open,
      };
    });
  }
}

define("chinwag-conversations", Conversations);
