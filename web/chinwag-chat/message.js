// One message. It is rendered again only if one of its properties has changed.

import { LitElement, html, nothing } from "../vendor/lit.js";
import { face } from "./face.js";
import { bin, chain, flag, pencil, pin, reply, smile, tack, thread, untack } from "./icons.js";
import "./file.js";
import { aliasOf, isGone, kindOf } from "./gist.js";
import { EVERYONE, spans } from "./mentions.js";
import { define } from "./part.js";
import { beginning, formatted, isEmojiOnly } from "./text.js";

export class Message extends LitElement {
  static properties = {
    words: { attribute: false },
    /** A stored or unsent message. Objects are immutable. */
    message: { attribute: false },
    /** The author's displayed name, its user name (none for a deleted user), and its profile. */
    author: {},
    name: {},
    profile: { attribute: false },
    mine: { type: Boolean },
    /** Whether it follows a message of the same person closely. */
    follows: { type: Boolean },
    /** Whether the author's avatar is shown. */
    faced: { type: Boolean },
    /** The day that begins here, if one does, and whether unread messages begin here. */
    day: {},
    /** The sentence of an entry of the group, which is not a message. */
    entry: {},
    fresh: { type: Boolean },
    /** The mentioned users in the text form of `rows.js`, and whether this user is one of them. */
    mentions: {},
    called: { type: Boolean },
    quoteAuthor: {},
    quoteBody: {},
    /** The text of the root, above a reply in a thread. */
    under: {},
    /** The people who replied in the thread of this message: `{name, profile}`. */
    repliers: { attribute: false },
    /** Returns the URL of a file. */
    fileUrl: { attribute: false },
    /** The names shown for the users of each reaction, in JSON. */
    reactors: {},
    note: {},
    may: {},
    /** Whether a link or a quote led to this message. */
    aimed: { type: Boolean },
    tabbable: { type: Boolean },
    /** Whether all lines of a long message are shown. */
    whole: { state: true },
    /** Whether it has the focus. A touch moves the focus before its click: what moves then would take the place of what
     *  was touched. So this follows after the click. */
    touched: { state: true },
  };

  createRenderRoot() {
    return this;
  }

  render() {
    const { message, words } = this;
    if (this.entry) return this.#entry();
    const kinds = ["message", this.mine && "mine", this.follows && "follows", this.faced && "faced", this.aimed && "aimed", this.called && "called", this.touched && "touched", message.state].filter(Boolean);
    return html`${this.day ? html`<p class="day">${this.day}</p>` : nothing}
      ${this.fresh ? html`<p class="day new">${words.say("messages.unreadFrom")}</p>` : nothing}
      <article class=${kinds.join(" ")} part="message ${this.mine ? "mine" : ""}" tabindex=${this.#tab}
          aria-labelledby="by-${this.id}" aria-describedby="body-${this.id}" @focusin=${this.#focus} @focusout=${this.#focus}>
        ${this.faced && !this.follows ? this.#face() : nothing}
        <p class="meta" id="by-${this.id}">
          ${this.#author()}
          <time datetime=${message.date} title=${words.whenExactly(message.date)}>${words.time(message.date)}</time>
          ${message.edited ? html`<span>${words.say("messages.edited")}</span>` : nothing}
          ${message.pinned ? html`<span class="pinned">${pin} ${words.say("messages.pinned")}</span>` : nothing}
          ${this.called ? html`<span class="unseen">${words.say("mentions.you")}</span>` : nothing}
        </p>
        <div class="line">
          <div class="bubble" part="bubble">
            ${this.under ? this.#under() : nothing}
            ${this.quoteAuthor === undefined ? nothing : this.#quote()}
            ${this.#files()}
            ${this.#text()}
          </div>
          ${this.#beside()}
        </div>
        ${message.pinned && this.follows ? html`<p class="note pinned" aria-hidden="true">${pin} ${words.say("messages.pinned")}</p>` : nothing}
        ${this.#reactions()}
        ${this.repliers ? this.#thread() : nothing}
        ${this.note ? html`<p class="note ${message.state === "failed" ? "error" : ""}">${this.note}</p>` : nothing}
        ${message.state === "failed" ? this.#remedy(["retry", "discard"]) : nothing}
        ${message.state && message.state !== "failed" && message.attachments.length ? this.#remedy(["discard"]) : nothing}
      </article>`;
  }

  /** Only one message of a list is in the tab order, with its controls. */
  get #tab() {
    return this.tabbable ? 0 : -1;
  }

  /** Sets the tab stops of links, which text.js renders. */
  updated() {
    for (const link of this.querySelectorAll(".body a")) link.tabIndex = this.#tab;
  }

  #focus = ({ type }) => {
    // The list makes it the tab stop in its next frame, and Tab may be pressed before.
    if (type === "focusin") this.tabbable = true;
    setTimeout(() => (this.touched = this.matches(":focus-within")));
  };

  #text() {
    const { message, words } = this;
    if (message.body) return html`<div class="body ${isEmojiOnly(message.body) ? "large" : ""}" id="body-${this.id}">${this.#body(this.#shown())}</div>${this.#more()}`;
    if (!isGone(message)) return html`<p class="body unseen" id="body-${this.id}">${words.say("files.count", { count: message.attachments.length })}</p>`;
    return html`<p class="body gone" id="body-${this.id}">${words.say("messages.erased")}</p>`;
  }

  /** The files of the message. Its text is their caption. */
  #files() {
    const { message, words } = this;
    const files = message.attachments ?? [];
    if (!files.length) return nothing;
    const isPicture = (file) => kindOf(file) === "image";
    const tiled = files.filter(isPicture).length > 1;
    const each = (file) => html`<chinwag-file class=${tiled && isPicture(file) ? "tile" : nothing} .file=${file} .fileUrl=${this.fileUrl} .words=${words} .tiled=${tiled} .tabbable=${this.tabbable}></chinwag-file>`;
    return html`<div class="files" role="group" aria-label=${words.say("files.label")} @open-picture=${({ detail }) => this.#tell("picture", detail)}>${files.map(each)}</div>`;
  }

  /** A change of the group at its position in the log. */
  #entry() {
    const { message, words } = this;
    return html`${this.day ? html`<p class="day">${this.day}</p>` : nothing}
      <article class="change ${this.aimed ? "aimed" : ""}" part="entry" tabindex=${this.#tab} aria-labelledby="body-${this.id}">
        <p id="body-${this.id}" dir="auto">${this.entry}</p>
        <time class="unseen" datetime=${message.date}>${words.time(message.date)}</time>
      </article>`;
  }

  /** The area beside the bubble: the time, if no heading shows it, and the buttons. It covers nothing. */
  #beside() {
    const { message, words } = this;
    const acts = message.id && this.may;
    if (!acts && !this.follows) return nothing;
    const stamp = html`<span class="stamp" aria-hidden="true">${words.time(message.date)}${message.edited ? html` · ${words.say("messages.edited")}` : nothing}</span>`;
    const opener = html`<button class="opener" tabindex=${this.#tab} aria-expanded=${String(Boolean(this.touched))} @click=${() => (this.touched = true)}>${words.say("messages.actions")}</button>`;
    return html`${acts ? opener : nothing}<div class="beside">${this.follows ? stamp : nothing}${acts ? this.#actions() : nothing}</div>`;
  }

  #shown() {
    return this.whole ? this.message.body : beginning(this.message.body);
  }

  /** The button that expands a long message. */
  #more() {
    const { body } = this.message;
    if (beginning(body) === body) return nothing;
    return html`<button class="bare more" tabindex=${this.#tab} aria-expanded=${String(Boolean(this.whole))} @click=${() => (this.whole = !this.whole)}>
      ${this.words.say(this.whole ? "messages.less" : "messages.more")}</button>`;
  }

  /** The text, in which each mention opens the card of its user. */
  #body(body) {
    if (!this.mentions) return formatted(body);
    const mentioned = JSON.parse(this.mentions);
    const pill = ({ text, mention }) => {
      const own = mentioned.find(({ name }) => name === mention)?.own ? "own" : "";
      if (mention === EVERYONE) return html`<span class="mention ${own}">${text}</span>`;
      return html`<button class="mention bare ${own}" aria-haspopup="dialog" tabindex=${this.#tab} @click=${() => this.#tell("mention", mention)}><bdi>${text}</bdi></button>`;
    };
    return formatted(body, (text) => spans(text, mentioned), pill);
  }

  #face() {
    const look = face(this.name ?? this.author, { little: true, profile: this.profile });
    // For the pointer only: the name beside it is a button, too.
    return this.name ? html`<span class="opens" @click=${() => this.#tell("card")}>${look}</span>` : look;
  }

  #author() {
    if (this.mine || !this.name) return html`<bdi class="author">${this.mine ? this.words.say("messages.you") : this.author}</bdi>`;
    const tag = this.profile?.kind === "bot" ? html`<span class="tag">${this.words.say("card.bot")}</span>` : nothing;
    const shown = this.profile?.kind === "bot" && aliasOf(this.message);
    // The label contains the bot's own name besides the displayed one.
    const label = shown ? this.words.say("card.both", { shown, name: this.author }) : nothing;
    return html`<button class="author bare" aria-haspopup="dialog" aria-label=${label} title=${label} tabindex=${this.#tab} @click=${() => this.#tell("card")}><bdi>${shown || this.author}</bdi></button>${tag}`;
  }

  /** A button for each reaction, pressed if it is this user's too. */
  #reactions() {
    const { message, words } = this;
    const all = Object.entries(message.reactions ?? {});
    if (!all.length || isGone(message)) return nothing;
    const may = this.may.split(" ").includes("react");
    const called = JSON.parse(this.reactors || "[]");
    const pill = ([emoji, { count, mine, names: first }], at) => {
      const names = called[at] ?? first;
      const more = count - names.length;
      const people = words.names.format(more > 0 ? [...names, words.say("reactions.more", { count: more })] : names);
      const label = words.say("reactions.by", { emoji, count, names: people });
      return html`<button class="pill" tabindex=${this.#tab} aria-pressed=${String(mine)} aria-label=${label} title=${label} ?disabled=${!may}
        @click=${() => this.#tell("toggle", emoji)}><span class="emoji">${emoji}</span> <span>${count}</span></button>`;
    };
    return html`<div class="reactions" role="group" aria-label=${words.say("reactions.label")} part="reactions">${all.map(pill)}</div>`;
  }

  #quote() {
    const { message, quoteAuthor, quoteBody } = this;
    const label = quoteAuthor ? this.words.say("messages.to", { name: quoteAuthor }) : "";
    const content = html`<cite><span class="unseen">${label}</span><bdi aria-hidden=${label ? "true" : nothing}>${quoteAuthor}</bdi></cite>
      <span dir="auto">${quoteBody}</span>`;
    if (!message.respond_to || !message.id) return html`<blockquote class="quoted">${content}</blockquote>`;
    return html`<blockquote class="quoted"><button class="plain jump" tabindex=${this.#tab} title=${this.words.say("messages.jump")} @click=${() => this.#tell("jump")}>${content}</button></blockquote>`;
  }

  /** The root of a reply; a click opens its thread. */
  #under() {
    return html`<button class="plain jump under" tabindex=${this.#tab} title=${this.words.say("thread.open")} @click=${() => this.#tell("thread")}>
      <span class="unseen">${this.words.say("thread.in")}</span> ${thread}<span class="cut" dir="auto">${this.under}</span></button>`;
  }

  /** The line below a root: the authors, the number and the latest time of its replies. */
  #thread() {
    const { words } = this;
    const { count, last } = this.message.replies;
    const text = count >= 1000 ? words.say("thread.many") : words.say("thread.count", { count });
    return html`<button class="replies" part="replies" tabindex=${this.#tab} title=${words.say("thread.open")} @click=${() => this.#tell("thread")}>
      <span class="faces">${this.repliers.map(({ name, profile }) => face(name, { little: true, profile }))}</span>
      <span>${text}</span>
      <time class="quiet" datetime=${last} title=${words.whenExactly(last)}>${words.when(last)}</time></button>`;
  }

  #actions() {
    const may = this.may.split(" ");
    const button = (verb, icon) => {
      if (!may.includes(verb)) return nothing;
      const name = this.words.say(`messages.${verb}`);
      return html`<button class="icon compact ${verb === "delete" ? "danger" : ""}" tabindex=${this.#tab} aria-label=${name} title=${name} @click=${() => this.#tell(verb)}>${icon}</button>`;
    };
    return html`<div class="actions" role="group" aria-label=${this.words.say("messages.actions")} part="actions">
      ${button("react", smile)}${button("reply", reply)}${button("thread", thread)}${button("edit", pencil)}${button("link", chain)}${button("pin", tack)}${button("unpin", untack)}${button("report", flag)}${button("delete", bin)}</div>`;
  }

  #remedy(verbs) {
    const button = (verb) => html`<button class="compact" tabindex=${this.#tab} @click=${() => this.#tell(verb)}>${this.words.say(`messages.${verb}`)}</button>`;
    return html`<div class="remedy">${verbs.map(button)}</div>`;
  }

  /** @param {string} verb @param {string} [about] an emoji, or a name */
  #tell(verb, about) {
    this.dispatchEvent(new CustomEvent("act", { detail: { verb, about, message: this.message }, bubbles: true }));
  }
}

define("chinwag-message", Message);
