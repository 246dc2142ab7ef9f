// The open conversation: its title, its messages, and the message box.

import { html, nothing } from "../vendor/lit.js";
import "./composer.js";
import { Dropping } from "./dropping.js";
import { bot, faceOf } from "./face.js";
import { isSearchable, openSearch } from "./finding.js";
import { heard, picturesOf } from "./gist.js";
import { back, chats, glass, people } from "./icons.js";
import "./log.js";
import "./menu.js";
import { Part, define } from "./part.js";
import "./pins.js";
import { status } from "./status.js";

const TOPICS = new Set(["open", "profile", "group", "groups", "presence", "relations", "user", "typing", "state", "view"]);
const SAID_EVERY = 900;
const SAID_EACH = 3;

export class Conversation extends Part {
  /** Texts to be announced to screen readers. */
  #unsaid = [];
  #said = "";
  #saying = 0;
  /** Whether the focus was in the message box, which may be removed. */
  #wasWriting = false;
  #dropping = new Dropping(this, () => this.#composer);

  connectedCallback() {
    super.connectedCallback();
    const { signal } = this.listening;
    this.chat.client.addEventListener("message", ({ detail }) => this.#came(detail), { signal });
  }

  changed({ detail }) {
    if (TOPICS.has(detail.topic)) this.requestUpdate();
    // They belong to the previous conversation.
    if (detail.topic === "open") [this.#said, this.#unsaid] = ["", []];
    if ((detail.topic === "open" && detail.focus) || detail.topic === "forward") this.#opened();
  }

  render() {
    const { chat } = this;
    if (!chat.current) return chat.rest ? this.#rest(chat.rest) : this.#none();
    const group = chat.openGroup;
    const title = group ? chat.title(group) : chat.titleWith(chat.current.to);
    const { leave, over, drop, notice } = this.#dropping;
    return html`<section class="middle" aria-label=${this.say("conversation.label")} part="conversation-pane" @dragleave=${leave} @dragover=${over} @drop=${drop}>
      ${notice}
      <header class="bar">
        <button class="icon only-narrow" ?hidden=${chat.alone} aria-label=${this.say("nav.back")} @click=${this.#back}>${back}</button>
        ${this.#head(group, title)}
      </header>
      ${status(chat, "only-narrow")}
      <chinwag-pins .chat=${chat} .group=${group}></chinwag-pins>
      <chinwag-log .chat=${chat} @verb=${({ detail }) => this.act(detail, this.#composer)}></chinwag-log>
      <p class="typing" dir="auto">${this.#typing(group)}</p>
      ${group?.pending ? this.#consent(group) : group?.private && !group.notes && !group.other ? this.#gone(group) : html`<chinwag-composer .chat=${chat} @sent=${() => this.#log.follow()}></chinwag-composer>`}
      <p class="unseen" role="log" aria-live="polite">${this.#said}</p>
    </section>`;
  }

  #head(group, title) {
    const { chat } = this;
    const person = group ? group.other : chat.current.to === chat.me ? null : chat.current.to;
    const about = person ? chat.presence(person) : group?.private === false ? this.say("conversation.members", { count: group.membersCount }) : "";
    const label = person ? this.say("conversation.person", { name: chat.called(person) }) : this.say("conversation.details");
    const details = () => {
      chat.show({ pane: chat.pane === "details" ? "chat" : "details" });
      if (chat.pane === "details") this.focusNext(".details .bar button");
    };
    const tag = person ? bot(this, chat.client.profileOf(person)) : nothing;
    return html`${faceOf(chat, { group, to: chat.current.to, title })}
      <div class="grow">
        <h2 class="title named" tabindex="-1" title=${title}><bdi class="cut">${title}</bdi>${tag}</h2>
        <p class="quiet tiny">${about}</p>
      </div>
      ${group && !group.pending && isSearchable(chat)
        ? html`<button class="icon only-wide" aria-label=${this.say("search.here")} title=${this.say("search.here")} @click=${() => openSearch(chat, group.id)}>${glass}</button>`
        : nothing}
      ${person || group?.private === false
        ? html`<button class="icon" aria-label=${label} aria-expanded=${String(chat.pane === "details")} @click=${details}>${people}</button>`
        : nothing}
      ${group && !group.pending ? html`<chinwag-menu .chat=${chat} .group=${group}></chinwag-menu>` : nothing}`;
  }

  /**
   * A stranger has added this user, who can read the group unnoticed, and accepts or declines.
   */
  #consent(group) {
    const { chat } = this;
    const [by] = group.owner;
    const owner = by && chat.called(by);
    const name = chat.title(group);
    // A disabled button would lose the focus.
    const act = (work, next) => () =>
      this.once(async () => {
        const done = await chat.attempt(() => work().then(() => true));
        if (done) this.focusNext(next);
      });
    const accept = act(() => chat.client.acceptGroup(group.id), "chinwag-conversation textarea");
    const decline = act(() => chat.client.declineGroup(group.id), ".side .entry");
    const block = async () => {
      const question = { title: this.say("people.block.ask", { name: owner }), hint: this.say("people.block.hint") };
      if (!(await chat.ask({ ...question, yes: this.say("people.block"), danger: true }))) return;
      await act(() => chat.client.block(by).then(() => chat.client.declineGroup(group.id)), ".side .entry")();
    };
    return html`<section class="compose consent" aria-label=${this.say("consent.label")}>
      <p>${owner ? this.say("consent.by", { name, owner }) : this.say("consent.lead", { name })}</p>
      <p class="hint">${this.say("consent.hint")}</p>
      <div class="row wrap">
        <button class="primary" @click=${accept}>${this.say("consent.accept")}</button>
        <button @click=${decline}>${this.say("consent.decline")}</button>
        ${owner ? html`<button class="danger" @click=${block}>${this.say("consent.block", { name: owner })}</button>` : nothing}
      </div>
    </section>`;
  }

  /** Shown when the other user was deleted. The messages stay until this user leaves, too. */
  #gone(group) {
    const { chat } = this;
    const hide = async () => {
      if (!(await chat.attempt(() => chat.client.changeSettings(group.id, { hidden: true }).then(() => true)))) return;
      chat.show({ current: null, pane: "list" });
      chat.notify(this.say("gone.hidden"));
      this.focusNext(".side .entry");
    };
    const leave = async () => {
      const question = { title: this.say("gone.leave.ask"), hint: this.say("gone.leave.hint") };
      if (!(await chat.ask({ ...question, yes: this.say("gone.leave"), danger: true }))) return;
      await chat.attempt(() => chat.client.quitGroup(group.id));
      this.focusNext(".side .entry");
    };
    const text = chat.drafts?.textsOf(group.id).join("\n\n");
    return html`<section class="compose consent" aria-label=${this.say("gone.label")}>
      <p>${this.say("compose.gone")} ${this.say("gone.hint")}</p>
      ${text ? this.#kept(text) : nothing}
      <div class="row wrap">
        <button @click=${hide}>${this.say("menu.hide")}</button>
        <button class="danger" @click=${leave}>${this.say("gone.leave")}</button>
      </div>
    </section>`;
  }

  /** The unsent text of a removed conversation, for copying. */
  #rest({ title, text }) {
    return html`<section class="middle" aria-label=${this.say("conversation.label")} part="conversation-pane">
      <header class="bar">
        <button class="icon only-narrow" aria-label=${this.say("nav.back")} @click=${this.#back}>${back}</button>
        <h2 class="title grow" tabindex="-1">${this.say("conversation.gone", { name: title })}</h2>
      </header>
      <div class="section stack rest">${this.#kept(text)}</div>
    </section>`;
  }

  #kept(text) {
    return html`<label for="kept-text">${this.say("compose.kept")}</label><textarea id="kept-text" dir="auto" readonly .value=${text}></textarea>`;
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
    const [name, other, more] = (group?.typing ?? []).map((each) => this.chat.called(each));
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

  willUpdate() {
    const { activeElement } = this.getRootNode();
    this.#wasWriting = activeElement !== null && Boolean(this.#composer?.contains(activeElement));
  }

  updated() {
    if (this.#wasWriting && !this.#composer) this.querySelector("h2[tabindex]")?.focus();
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
    this.chat.goBack();
    this.focusNext(".entry[aria-current]");
  }

  /** Carries out a button of a message. `composer` is the message box beside it. */
  async act({ verb, message, about }, composer) {
    const { chat } = this;
    if (verb === "react") return this.#chooseEmoji(message);
    if (verb === "toggle") return chat.attempt(() => chat.client.react(message.id, about, !message.reactions[about].mine));
    if (verb === "card") return chat.show({ card: message.author });
    if (verb === "mention") return chat.show({ card: about });
    if (verb === "reply" || verb === "edit") return composer[verb](message);
    if (verb === "thread") return chat.openThread(message.thread ?? message.id, { seq: message.thread ? message.seq : null });
    if (verb === "jump") return chat.jump(message.respond_to);
    if (verb === "pin" || verb === "unpin") return chat.attempt(() => chat.client.pin(message.id, verb === "pin"));
    if (verb === "picture") return this.#showPicture(message, about);
    if (verb === "link") return this.#copyLink(message);
    if (verb === "report") return this.#report(message);
    if (verb === "retry") return chat.client.resend(message.client_id);
    if (verb === "discard") return this.#discard(message, composer);
    const question = { title: this.say("messages.delete.ask"), hint: this.say("messages.delete.hint") };
    const sure = await chat.ask({ ...question, yes: this.say("messages.delete"), danger: true });
    return sure && chat.attempt(() => chat.client.delete(message.id));
  }

  /** The emoji picker is loaded when it is first opened. */
  async #chooseEmoji(message) {
    const { chat } = this;
    try {
      await import("./emoji.js");
      chat.show({ dialog: "emoji", reactTo: message });
    } catch {
      chat.notify(this.say("reactions.failed"));
    }
  }

  /** Opens a picture in the gallery of the conversation. */
  async #showPicture(message, id) {
    const { chat } = this;
    try {
      await import("./gallery.js");
      const held = chat.openGroup?.messages ?? [];
      const messages = held.some((each) => each.id === message.id) ? held : [message];
      chat.show({ dialog: "gallery", gallery: { pictures: picturesOf(messages), id } });
    } catch {
      chat.notify(this.say("files.failed"));
    }
  }

  /** Asks for the reason, and reports a message to the admins of the server. */
  async #report(message) {
    const { chat } = this;
    const write = { label: this.say("messages.report.reason"), most: 1000, wrong: this.say("messages.report.none") };
    const question = { title: this.say("messages.report.ask"), hint: this.say("messages.report.hint"), write };
    const reason = await chat.ask({ ...question, yes: this.say("messages.report.yes") });
    if (!reason) return;
    await chat.attempt(async () => {
      await chat.client.report(message.id, reason);
      chat.notify(this.say("messages.report.done"));
    });
  }

  async #copyLink({ seq }) {
    const { chat } = this;
    const link = chat.linkTo(chat.openGroup, seq);
    try {
      await navigator.clipboard.writeText(link);
      chat.notify(this.say("messages.link.done"), { isHere: true });
    } catch {
      // Without access to the clipboard, show the link for copying by hand.
      chat.notify(link);
    }
  }

  /** Discards an unsent message, and puts its text back into the box. */
  #discard(message, composer) {
    this.chat.client.discard(message.client_id);
    composer?.restore(message);
  }

  /** Announces new messages as they arrive; for many at once only their number. */
  #came({ group, message }) {
    if (group !== this.chat.openGroup) return;
    // The thread pane announces its replies.
    if (message.thread && message.thread === this.chat.thread?.root) return;
    this.#unsaid.push(this.say("messages.said", { name: this.chat.called(message.author), body: heard(this.chat.words, message) }));
    this.#saying ||= setTimeout(() => {
      const unsaid = this.#unsaid.splice(0);
      this.#saying = 0;
      this.#said = unsaid.length > SAID_EACH ? this.say("messages.new", { count: unsaid.length }) : unsaid.join("\n");
      this.requestUpdate();
    }, SAID_EVERY);
  }
}

define("chinwag-conversation", Conversation);
