// The open conversation: its title, its messages, and the message box.

import { html, nothing } from "../vendor/lit.js";
import "./composer.js";
import { face } from "./face.js";
import { back, chats, people } from "./icons.js";
import "./log.js";
import { Part, define } from "./part.js";
import { status } from "./status.js";

const TOPICS = new Set(["open", "group", "groups", "presence", "relations", "user", "typing", "state", "view"]);
const SAID_EVERY = 900;
const SAID_EACH = 3;

export class Conversation extends Part {
  /** Texts that wait for the screen reader. */
  #unsaid = [];
  #said = "";
  #saying = 0;

  connectedCallback() {
    super.connectedCallback();
    const { signal } = this.listening;
    this.chat.client.addEventListener("message", ({ detail }) => this.#came(detail), { signal });
  }

  changed({ detail }) {
    if (detail.topic === "open" && detail.focus) this.#opened();
    if (TOPICS.has(detail.topic)) this.requestUpdate();
  }

  render() {
    const { chat } = this;
    if (!chat.current) return this.#none();
    const group = chat.openGroup;
    const title = group ? chat.title(group) : chat.current.to;
    return html`<section class="middle" aria-label=${this.say("conversation.label")} part="conversation-pane">
      <header class="bar">
        <button class="icon only-narrow" ?hidden=${chat.alone} aria-label=${this.say("nav.back")} @click=${this.#back}>${back}</button>
        ${this.#head(group, title)}
      </header>
      ${status(chat, "only-narrow")}
      <chinwag-log .chat=${chat} @verb=${this.#verb}></chinwag-log>
      <p class="typing" dir="auto">${this.#typing(group)}</p>
      ${group?.pending ? this.#consent(group) : html`<chinwag-composer .chat=${chat} @sent=${() => this.#log.follow()}></chinwag-composer>`}
      <p class="unseen" role="log" aria-live="polite">${this.#said}</p>
    </section>`;
  }

  #head(group, title) {
    const { chat } = this;
    const person = group ? group.other : chat.current.to === chat.me ? null : chat.current.to;
    const about = person ? chat.presence(person) : group?.private === false ? this.say("conversation.members", { count: group.membersCount }) : "";
    const label = person ? this.say("conversation.person", { name: person }) : this.say("conversation.details");
    const details = () => {
      chat.show({ pane: chat.pane === "details" ? "chat" : "details" });
      if (chat.pane === "details") this.focusNext(".details .bar button");
    };
    return html`${face(title, { status: person ? chat.client.statusOf(person) : undefined, group: !person })}
      <div class="grow">
        <h2 class="title cut" tabindex="-1"><bdi>${title}</bdi></h2>
        <p class="quiet tiny">${about}</p>
      </div>
      ${person || group?.private === false
        ? html`<button class="icon" aria-label=${label} aria-expanded=${String(chat.pane === "details")} @click=${details}>${people}</button>`
        : nothing}`;
  }

  /**
   * Somebody who is not a contact has added this user, who sees the group without being seen, and accepts or
   * declines.
   */
  #consent(group) {
    const { chat } = this;
    const [owner] = group.owner;
    const name = chat.title(group);
    const act = (work) => async () => {
      const buttons = this.querySelectorAll(".consent button");
      for (const button of buttons) button.disabled = true;
      const done = await chat.attempt(() => work().then(() => true));
      for (const button of buttons) button.disabled = false;
      if (done && !group.pending) this.focusNext("textarea");
    };
    const block = async () => {
      const question = { title: this.say("people.block.ask", { name: owner }), hint: this.say("people.block.hint") };
      if (!(await chat.ask({ ...question, yes: this.say("people.block"), danger: true }))) return;
      await act(() => chat.client.block(owner).then(() => chat.client.declineGroup(group.id)))();
    };
    return html`<section class="compose consent" aria-label=${this.say("consent.label")}>
      <p>${owner ? this.say("consent.by", { name, owner }) : this.say("consent.lead", { name })}</p>
      <p class="hint">${this.say("consent.hint")}</p>
      <div class="row wrap">
        <button class="primary" @click=${act(() => chat.client.acceptGroup(group.id))}>${this.say("consent.accept")}</button>
        <button @click=${act(() => chat.client.declineGroup(group.id))}>${this.say("consent.decline")}</button>
        ${owner ? html`<button class="danger" @click=${block}>${this.say("consent.block", { name: owner })}</button>` : nothing}
      </div>
    </section>`;
  }

  #none() {
    return html`<section class="middle" aria-label=${this.say("conversation.label")}>
      <div class="empty">${chats}
        <h2 class="title">${this.say("conversation.none")}</h2>
        <p class="quiet">${this.say("conversation.none.hint")}</p>
      </div>
    </section>`;
  }

  #typing(group) {
    const [name, other, more] = group?.typing ?? [];
    if (more) return this.say("typing.many");
    if (other) return this.say("typing.two", { name, other });
    return name ? this.say("typing.one", { name }) : nothing;
  }

  get #log() {
    return this.querySelector("chinwag-log");
  }

  get #composer() {
    return this.querySelector("chinwag-composer");
  }

  async #opened() {
    await this.updateComplete;
    await this.#composer?.updateComplete;
    // On a touch screen the focus would open the keyboard over the messages.
    const touch = matchMedia("(pointer: coarse)").matches;
    if (touch || this.chat.whyNot() || !this.#composer) this.querySelector("h2")?.focus();
    else this.#composer?.focusBox();
  }

  #back() {
    this.chat.show({ pane: "list" });
    this.focusNext(".entry[aria-current]");
  }

  async #verb({ detail: { verb, message } }) {
    const { chat } = this;
    if (verb === "reply" || verb === "edit") return this.#composer[verb](message);
    if (verb === "retry") return chat.client.resend(message.client_id);
    if (verb === "discard") return chat.client.discard(message.client_id);
    const question = { title: this.say("messages.delete.ask"), hint: this.say("messages.delete.hint") };
    const sure = await chat.ask({ ...question, yes: this.say("messages.delete"), danger: true });
    return sure && chat.attempt(() => chat.client.delete(message.id));
  }

  /** New messages are read out as they arrive, a few at a time; of many at once only their number. */
  #came({ group, message }) {
    if (group !== this.chat.openGroup) return;
    this.#unsaid.push(this.say("messages.said", { name: message.author, body: message.body }));
    this.#saying ||= setTimeout(() => {
      const unsaid = this.#unsaid.splice(0);
      this.#saying = 0;
      this.#said = unsaid.length > SAID_EACH ? this.say("messages.new", { count: unsaid.length }) : unsaid.join("\n");
      this.requestUpdate();
    }, SAID_EVERY);
  }
}

define("chinwag-conversation", Conversation);
