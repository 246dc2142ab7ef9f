// The list of conversations: last message, unread messages, presence.

import { html, nothing, repeat } from "../vendor/lit.js";
import { Chat } from "./chat.js";
import { face } from "./face.js";
import { chats } from "./icons.js";
import { Part, define } from "./part.js";
import { shorten } from "./text.js";

/** The number of conversations from which a search field is useful. */
const MANY = 8;
const LATER = new Set(["read", "persistent"]);

export class Conversations extends Part {
  #wanted = "";

  changed({ detail }) {
    if (!LATER.has(detail.topic)) this.requestUpdate();
  }

  render() {
    const all = [...this.#unbegun(), ...this.chat.client.conversations.map((group) => this.#describe(group))];
    const wanted = this.#wanted.trim().toLocaleLowerCase();
    const shown = all.filter(({ title }) => title.toLocaleLowerCase().includes(wanted));
    return html`${all.length >= MANY ? this.#search() : nothing}
      <nav class="scroll" aria-label=${this.say("list.label")} part="conversations">
        ${all.length ? nothing : this.#none()}
        ${all.length && !shown.length ? html`<p class="empty quiet" role="status">${this.say("list.noMatch")}</p>` : nothing}
        <ul class="list" role="list" ?hidden=${!shown.length}>
          ${repeat(shown, ({ key }) => key, (entry) => html`<li>${this.#entry(entry)}</li>`)}
        </ul>
      </nav>`;
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

  #entry({ key, title, group, where, status, about, unread, preview, kind, when, current }) {
    const id = `about-${key}`;
    // The button's name is only the title. The parts that change with every message are its description.
    return html`<button class="entry ${unread ? "unread" : ""}" part="conversation" aria-describedby=${id}
        aria-current=${current ? "true" : nothing} @click=${() => this.chat.open(where)}>
        ${face(title, { status, group })}
        <bdi class="name cut">${title}</bdi>
        ${when ? html`<time class="when" aria-hidden="true" datetime=${when}>${this.chat.words.when(when)}</time>` : html`<span></span>`}
        <span class="preview cut ${kind}" dir="auto" aria-hidden="true">${preview}</span>
        ${unread ? html`<span class="badge" aria-hidden="true">${unread}</span>` : html`<span></span>`}
      </button>
      <span class="unseen" id=${id}>${[about, preview, when && this.chat.words.when(when)].filter(Boolean).join(", ")}</span>`;
  }

  #describe(group) {
    const { chat } = this;
    const count = group.unread;
    const unread = count >= 100 ? this.say("list.manyUnread") : count > 0 && this.say("list.unread", { count });
    return {
      key: group.id,
      where: { group: group.id },
      title: chat.title(group),
      group: !group.private,
      status: group.other ? chat.client.statusOf(group.other) : undefined,
      about: [chat.presence(group.other), unread].filter(Boolean).join(", "),
      unread: count >= 100 ? "99+" : count || "",
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
    if (draft) return { kind: "", preview: this.say("list.draft", { body: shorten(draft) }) };
    const last = group.unsent.at(-1) ?? group.latest;
    if (!last) return { kind: "", preview: this.say("list.empty") };
    const body = last.body ? shorten(last.body) : this.say("messages.erased");
    // An unsent message has no author yet: it is this user's.
    if (last.author === undefined || last.author === chat.me) return { kind: "", preview: this.say("list.you", { body }) };
    const name = last.author || this.say("conversation.deletedUser");
    return { kind: "", preview: group.private ? body : this.say("list.by", { body, name }) };
  }

  /** Conversations without a group: the open one, and those whose first message is being sent or was refused. */
  #unbegun() {
    const { chat } = this;
    const open = chat.current?.to;
    const names = new Set([open, ...chat.unsentNames].filter(Boolean));
    return [...names].map((title) => {
      const unsent = chat.client.unsentTo(title);
      const failed = unsent.some(({ state }) => state === "failed");
      const state = failed ? "list.failed" : unsent.length ? "list.sending" : "list.notBegun";
      return {
        key: Chat.key({ to: title }),
        where: { to: title },
        title,
        status: chat.client.statusOf(title),
        about: chat.presence(title),
        preview: this.say(state),
        kind: failed ? "failed" : "",
        current: title === open,
      };
    });
  }
}

define("chinwag-conversations", Conversations);
