// The message box: a new message, a reply or an edit, with a draft for each conversation.

import { html, nothing } from "../vendor/lit.js";
import { Chat } from "./chat.js";
import { cross, send } from "./icons.js";
import { Part, define } from "./part.js";
import { shorten } from "./text.js";

/** The number of remaining characters is shown below this. */
const FEW_LEFT = 300;
const TOPICS = new Set(["open", "key", "group", "groups", "relations", "user", "view", "state"]);

export class Composer extends Part {
  #open = "";
  #reply = null;
  #edit = null;

  changed({ detail }) {
    const group = this.chat.openGroup;
    // At once: the text that is typed before the next frame is a draft under the new key.
    if (detail.topic === "key" && detail.from === this.#open) this.#open = detail.to;
    // The message that is replied to or edited may be deleted meanwhile.
    if (detail.topic === "messages" && detail.group === group && detail.removed?.length) this.#dropStale(group);
    if (TOPICS.has(detail.topic)) this.requestUpdate();
  }

  render() {
    const { chat } = this;
    const why = chat.whyNot();
    return html`<form class="compose" part="composer" novalidate @submit=${this.#submit}>
      ${this.#context()}
      <label for="compose-body" class="unseen">${this.say("compose.label")}</label>
      <div class="box">
        <textarea id="compose-body" rows="1" dir="auto" placeholder=${why ? "" : this.say("compose.placeholder")} ?disabled=${Boolean(why)}
          aria-describedby="compose-error compose-why" enterkeyhint="send"
          @input=${this.#typed} @keydown=${this.#press}></textarea>
        <button class="primary send" ?disabled=${Boolean(why)}>${this.#edit ? this.say("save") : html`${send}<span>${this.say("compose.send")}</span>`}</button>
      </div>
      <p class="hint" id="compose-why">${why || this.#left()}</p>
      <p class="error" id="compose-error" role="alert">${this.error}</p>
    </form>`;
  }

  #context() {
    const about = this.#edit
      ? this.say("compose.editing")
      : this.#reply && this.say("compose.replying", { name: this.#reply.author, body: shorten(this.#reply.body) });
    if (!about) return nothing;
    return html`<div class="context">
      <p class="grow cut" dir="auto">${about}</p>
      <button type="button" class="icon compact" aria-label=${this.say("cancel")} @click=${this.#leaveContext}>${cross}</button>
    </div>`;
  }

  #left() {
    const count = this.#room();
    return count > FEW_LEFT || count === this.chat.longest ? "" : this.say("compose.left", { count });
  }

  /** The number of remaining characters. */
  #room() {
    return this.chat.longest - length(this.#box?.value ?? "");
  }

  get #box() {
    return this.querySelector("textarea");
  }

  updated() {
    this.#follow();
  }

  focusBox() {
    this.#box?.focus();
  }

  reply(message) {
    this.#leaveContext();
    this.#reply = message;
    this.#began();
  }

  edit(message) {
    this.#leaveContext();
    this.#edit = message;
    this.#box.value = message.body;
    this.#began();
  }

  #began() {
    this.error = "";
    this.requestUpdate();
    this.updateComplete.then(() => this.focusBox());
  }

  async #submit(event) {
    event?.preventDefault();
    const { chat } = this;
    const body = this.#box.value;
    const where = chat.current;
    const edited = this.#edit;
    const done = await this.attempt(() => {
      const [count, most] = [length(body), chat.longest];
      if (!body.trim()) throw chat.refuse("compose.empty");
      if (count > most) throw chat.refuse("compose.long", { most, count });
      if (edited) return chat.client.edit(edited.id, body).then(() => true);
      // The state of the message is shown beside it.
      chat.client.send(where, body, { respondTo: this.#reply?.id ?? null }).sent.catch(() => {});
      this.dispatchEvent(new CustomEvent("sent", { bubbles: true }));
      return true;
    });
    if (!done || Chat.key(where) !== this.#open) return;
    if (!edited) this.#keep((this.#box.value = ""));
    this.#leaveContext();
    this.focusBox();
  }

  /** Another conversation was opened: show its draft, keep the other's. */
  #follow() {
    const { chat } = this;
    const key = Chat.key(chat.current);
    if (key === this.#open || !this.#box) return;
    this.#open = key;
    this.#reply = this.#edit = null;
    this.error = "";
    this.#box.value = chat.drafts?.get(key) ?? "";
    this.requestUpdate();
  }

  #keep(text) {
    if (!this.#edit) this.chat.drafts?.set(this.#open, text);
  }

  #press(event) {
    if (event.key === "Escape" && (this.#edit || this.#reply)) {
      event.stopPropagation();
      this.#leaveContext();
    }
    // While an input method is composing, Enter chooses a candidate.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#submit();
  }

  #typed() {
    const { client, current } = this.chat;
    if (this.error || this.#room() <= FEW_LEFT) this.requestUpdate();
    this.error = "";
    this.#keep(this.#box.value);
    if (current?.group && !this.#edit) client.typing(current.group, Boolean(this.#box.value));
  }

  #leaveContext() {
    if (this.#edit) this.#box.value = this.chat.drafts?.get(this.#open) ?? "";
    this.#reply = this.#edit = null;
    this.error = "";
    this.requestUpdate();
  }

  #dropStale(group) {
    const about = this.#edit ?? this.#reply;
    if (about && group && !group.message(about.id) && !group.hasLater) this.#leaveContext();
  }
}

/** In characters as the server counts them. */
const length = (text) => [...text].length;

define("chinwag-composer", Composer);
