// <chinwag-chat>: the whole chat as one element, for any page. See docs/embedding.md.

import "./chinwag-chat/account.js";
import { Address, inviteOf } from "./chinwag-chat/address.js";
import { Announcer } from "./chinwag-chat/announcer.js";
import "./chinwag-chat/ask.js";
import "./chinwag-chat/begin.js";
import "./chinwag-chat/card.js";
import { Chat } from "./chinwag-chat/chat.js";
import { watchDay } from "./chinwag-chat/clock.js";
import "./chinwag-chat/conversation.js";
import "./chinwag-chat/conversations.js";
import { face } from "./chinwag-chat/face.js";
import { isSearchable, openSearch, opensSearch } from "./chinwag-chat/finding.js";
import { FocusKeeper } from "./chinwag-chat/focus.js";
import "./chinwag-chat/group.js";
import { glass, plus } from "./chinwag-chat/icons.js";
import "./chinwag-chat/invite.js";
import "./chinwag-chat/keys.js";
import * as notifications from "./chinwag-chat/notifications.js";
import { define } from "./chinwag-chat/part.js";
import "./chinwag-chat/people.js";
import "./chinwag-chat/profile.js";
import { returned } from "./chinwag-chat/provider.js";
import { Roving } from "./chinwag-chat/roving.js";
import { Setup } from "./chinwag-chat/setup.js";
import { status } from "./chinwag-chat/status.js";
import "./chinwag-chat/thread.js";
import { Words } from "./chinwag-chat/words.js";
import { Chinwag } from "./chinwag.js";
import { base } from "./chinwag-chat/style/base.js";
import { files } from "./chinwag-chat/style/files.js";
import { frame } from "./chinwag-chat/style/frame.js";
import { log } from "./chinwag-chat/style/log.js";
import { LitElement, html, nothing } from "./vendor/lit.js";

// Listed here as well, so that browsers request all parts at once rather than one after the other.
import "./chinwag-chat/composer.js";
import "./chinwag-chat/file.js";
import "./chinwag-chat/heights.js";
import "./chinwag-chat/log.js";
import "./chinwag-chat/mentioning.js";
import "./chinwag-chat/message.js";
import "./chinwag-chat/rows.js";
import "./chinwag-chat/storage.js";
import "./chinwag-chat/format.js";
import "./chinwag-chat/links.js";
import "./chinwag-chat/text.js";
import "./words/en.js";

/** The number of conversations loaded at first; scrolling the list loads more. */
const GROUPS = 50;
/** The code of a key press that an input method handles. */
const INPUT_METHOD = 229;
/** The number of held messages of a conversation, through which the user can scroll without a request. */
const HELD = 20_000;

export class ChinwagChat extends LitElement {
  static styles = [base, frame, log, files];
  static properties = {
    server: {},
    /** A token, or (as a property) a function that returns one. */
    token: {},
    /** Keeps the open conversation in the fragment of the page's URL. */
    hash: { type: Boolean },
    signIn: { type: Boolean, attribute: "sign-in" },
    /** Shows a single conversation: of a group by id, or with a person by name. */
    group: {},
    with: {},
    lang: {},
    theme: { reflect: true },
    /** The name beside the logo. */
    name: {},
    /** The registration of a service worker that shows push notifications. The page at `/` sets it. */
    worker: { attribute: false },
  };

  #chat = null;
  #words = Words.english;
  #speaking = 0;
  /** "starting", "in" or "out", and the reason for "out". */
  #stage = "starting";
  #why = "";
  /** The result of a sign-in at the provider, from the URL. */
  #returned = null;
  #unread = -1;
  /** The conversation that `open` requested before it could be shown: {group: id} or {to: name}. */
  #wish = null;
  /** @type {Announcer | null} */
  #announcer = null;
  /** @type {Address | null} */
  #address = null;
  #setup = new Setup((detail) => this.#tell("chinwag-problem", detail));
  #leaving = new AbortController();

  connectedCallback() {
    super.connectedCallback();
    this.#leaving = new AbortController();
    const { signal } = this.#leaving;
    addEventListener("beforeunload", (event) => this.#beforeUnload(event), { signal });
    addEventListener("keydown", (event) => this.hash && this.#pressed(event), { signal });
    new FocusKeeper(this.renderRoot, signal);
    new Roving(this.renderRoot, signal);
    watchDay(() => this.#speak(), signal);
    this.#speak();
    if (this.hash && this.signIn) this.#returned = returned();
    if (this.hasUpdated) this.#begin();
    // It may have been removed before its first render.
    else this.requestUpdate();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#leaving.abort();
    this.#end();
    if (this.#unread > 0) this.#countUnread();
  }

  /** A removed element neither renders nor connects. */
  shouldUpdate() {
    return this.isConnected;
  }

  willUpdate(changed) {
    if (changed.has("lang")) this.#speak();
    if (changed.has("worker")) this.#push();
    if (["server", "token", "group", "with"].some((name) => changed.has(name)) || !this.#chat) this.#begin();
  }

  /** The number of unread messages in all conversations of the element, for the host page. */
  get unread() {
    if (this.#stage !== "in" || !this.#chat) return 0;
    const { alone, client, openGroup } = this.#chat;
    if (!alone) return client.unread;
    return openGroup && !openGroup.muted ? openGroup.unread : 0;
  }

  /** The client module's object (see chinwag.d.ts). Null while there is none. */
  get client() {
    return this.#chat?.client ?? null;
  }

  /** Opens the conversation with a person, or of a group by its id, as soon as it can be shown. */
  open(where) {
    if (!where?.to && !where?.group) return;
    const chat = this.#chat;
    const isHere = chat && (where.to || chat.ready || chat.client.groups.has(where.group));
    this.#wish = this.#stage === "in" && isHere ? null : where;
    if (this.#wish) return;
    if (where.to) chat.openWith(where.to);
    else void chat.visit(where.group);
  }

  render() {
    const stages = { starting: () => this.#starting(), in: () => this.#in(), out: () => this.#out() };
    return html`<div class="root" lang=${this.#words.lang} @keydown=${this.#keyed} @keyup=${this.#keyed} @keypress=${this.#keyed} @dragover=${this.#dropped} @drop=${this.#dropped} @avatar-url=${this.#addressed}>${stages[this.#stage]()}
      <p class="unseen" role="status">${this.#announcer?.text}</p></div>`;
  }

  /** Provides the URL for an uploaded avatar. */
  #addressed({ detail }) {
    detail.url = this.#chat?.client.avatarUrl(detail.path);
  }

  #in() {
    const chat = this.#chat;
    const alone = Boolean(this.group || this.with);
    return html`<div class="frame ${alone ? "alone" : ""}" data-pane=${chat.pane} part="frame">
        ${alone ? nothing : this.#side()}
        <chinwag-conversation .chat=${chat}></chinwag-conversation>
        ${chat.pane === "details" ? html`<aside class="details" part="details" aria-label=${this.#say("conversation.details")}><chinwag-group .chat=${chat}></chinwag-group></aside>` : nothing}
        ${chat.pane === "thread" && chat.thread ? html`<aside class="details" part="thread" aria-label=${this.#say("thread.title")}><chinwag-thread .chat=${chat}></chinwag-thread></aside>` : nothing}
      </div>
      ${chat.dialog === "begin" ? html`<chinwag-begin .chat=${chat}></chinwag-begin>` : nothing}
      ${chat.dialog === "profile" ? html`<chinwag-profile .chat=${chat} .owned=${!this.token}></chinwag-profile>` : nothing}
      ${chat.dialog === "invite" ? html`<chinwag-invite .chat=${chat}></chinwag-invite>` : nothing}
      ${chat.dialog === "gallery" ? html`<chinwag-gallery .chat=${chat}></chinwag-gallery>` : nothing}
      ${chat.dialog === "emoji" ? html`<chinwag-emoji .chat=${chat}></chinwag-emoji>` : nothing}
      ${chat.dialog === "finding" ? html`<chinwag-finding .chat=${chat}></chinwag-finding>` : nothing}
      ${chat.dialog === "search" ? html`<chinwag-search .chat=${chat}></chinwag-search>` : nothing}
      ${chat.dialog === "keys" ? html`<chinwag-keys .chat=${chat}></chinwag-keys>` : nothing}
      ${chat.card ? html`<chinwag-card .chat=${chat}></chinwag-card>` : nothing}
      ${chat.question ? html`<chinwag-ask .chat=${chat}></chinwag-ask>` : nothing}
      <div class="toasts" role="status">${chat.notices.map(({ text }) => html`<p class="toast">${text}</p>`)}</div>`;
  }

  #side() {
    const chat = this.#chat;
    const invited = chat.client.relations.invited_by.size;
    const tab = (name, text, badge) => html`<button aria-pressed=${String(chat.tab === name)} aria-describedby=${badge ? "invited" : nothing}
      @click=${() => chat.show({ tab: name })}>${text}${badge ? html`<span class="badge" aria-hidden="true">${badge}</span>` : nothing}</button>`;
    return html`<section class="side" part="sidebar" aria-label=${this.#say("nav.label")}>
      <div class="bar">
        <button class="me" aria-label=${this.#say("nav.profile")} title=${this.#say("nav.signedInAs", { name: chat.client.nameOf(chat.me) })}
          @click=${() => chat.show({ dialog: "profile" })}>${face(chat.me, { profile: chat.client.profileOf(chat.me) })}</button>
        <slot name="logo"></slot>
        <div class="grow"><p class="brand cut">${this.name || "Chinwag"}</p><p class="tiny quiet cut" dir="auto">${this.#say("nav.signedInAs", { name: chat.client.nameOf(chat.me) })}</p></div>
        ${isSearchable(chat) ? html`<button class="icon" aria-label=${this.#say("search.title")} title=${this.#say("search.title")} @click=${() => openSearch(chat)}>${glass}</button>` : nothing}
        <button class="icon" aria-label=${this.#say("nav.begin")} title=${this.#say("nav.begin")} @click=${() => chat.show({ dialog: "begin" })}>${plus}</button>
      </div>
      ${status(chat)}
      <div class="tabs">${tab("chats", this.#say("nav.chats"), 0)}${tab("people", this.#say("nav.people"), invited)}</div>
      <p class="unseen" id="invited">${invited ? this.#say("nav.invited", { count: invited }) : nothing}</p>
      ${chat.tab === "chats" ? html`<chinwag-conversations .chat=${chat}></chinwag-conversations>` : html`<chinwag-people .chat=${chat}></chinwag-people>`}
    </section>`;
  }

  #starting() {
    return html`<div class="door"><div class="empty" role="status">
      <p>${this.#say("account.starting")}</p>
      ${this.#chat?.client.state === "waiting" ? status(this.#chat) : nothing}
    </div></div>`;
  }

  #out() {
    const invited = this.hash && inviteOf(location.hash) ? this.#say("account.invited") : "";
    if (this.signIn && this.#chat) return html`<chinwag-account .chat=${this.#chat} .name=${this.name || "Chinwag"} .why=${this.#why || invited} .returned=${this.#returned} @signed-in=${() => this.#enter(this.client)}></chinwag-account>`;
    return html`<div class="door"><p class="empty" role="status">${this.#why || this.#say("account.elsewhere")}</p></div>`;
  }

  #say(key, values) {
    return this.#words.say(key, values);
  }

  async #speak() {
    const tag = this.lang || this.closest("[lang]")?.lang || document.documentElement.lang || navigator.language;
    const turn = (this.#speaking += 1);
    // A region determines the date format; without one the reader's language does.
    const words = await Words.for(tag, this.lang?.includes("-") ? this.lang : navigator.language);
    if (this.#chat?.finder) await words.loadSearch().catch(() => {});
    // Another language may have been set meanwhile.
    if (turn !== this.#speaking) return;
    this.#words = words;
    if (this.#chat) this.#chat.words = this.#words;
    this.#chat?.tell();
    this.requestUpdate();
  }

  /** Connects with the values of the attributes. */
  #begin() {
    this.#end();
    try {
      this.#enter(new Chinwag({ server: this.server || undefined, token: this.token || undefined, groups: GROUPS, held: HELD, away: true, offline: this.signIn }));
    } catch (error) {
      // The address is invalid: the page's author sees that here and in the console.
      this.#stage = "out";
      this.#why = this.#words.sentence(error.message);
      console.error(error);
      this.requestUpdate();
    }
  }

  async #enter(client) {
    this.#chat?.end();
    const chat = (this.#chat = new Chat(client));
    const { signal } = chat.listening;
    chat.words = this.#words;
    chat.worker = this.worker ?? null;
    chat.alone = Boolean(this.group || this.with);
    chat.keepsOffer = this.signIn;
    this.#address = this.hash && !chat.alone ? new Address(chat) : null;
    this.#announcer = new Announcer(chat, () => this.requestUpdate());
    this.#stage = "starting";
    chat.addEventListener("change", (event) => this.#changed(event), { signal });
    client.addEventListener("signedout", ({ detail }) => this.#signedOut(detail.reason), { signal });
    client.addEventListener("message", ({ detail }) => this.#came(chat, detail), { signal });
    this.requestUpdate();
    const learned = chat.learn();
    try {
      await client.connect();
      if (chat !== this.#chat) return;
      if (this.#stage !== "in") this.#show();
    } catch (error) {
      // The form needs the server's features from the start.
      await learned;
      // The server may have been unreachable at the start.
      if (!chat.isLearned) await chat.learn();
      if (chat !== this.#chat) return;
      this.#stage = "out";
      if (error.code !== 401) this.#why = chat.why(error);
      this.#setup.look(error, Boolean(this.token));
    }
    this.requestUpdate();
  }

  /** Shows the conversations of the server, or the stored ones while it is unreachable. */
  #show() {
    this.#stage = "in";
    this.#why = "";
    // Opening another conversation cancels the request.
    const wish = this.#wish;
    this.#openOne();
    this.#address?.begin();
    this.open(wish);
    this.#countUnread();
    this.#push();
    this.requestUpdate();
  }

  /** Enables push once the user is signed in and the page's service worker is registered. */
  async #push() {
    const chat = this.#chat;
    if (!chat || this.#stage !== "in" || !this.worker) return;
    chat.worker = this.worker;
    if (!chat.isLearned) await chat.learn();
    await notifications.push(chat);
  }

  /** Shows the stored conversations while the server is unreachable. */
  async #recall() {
    const chat = this.#chat;
    const isKnown = await chat.client.recall();
    if (!isKnown || chat !== this.#chat || this.#stage !== "starting") return;
    chat.recallOffer();
    this.#show();
  }

  /** If only one conversation is requested: that one, as soon as it exists. */
  #openOne() {
    const chat = this.#chat;
    if (!chat.alone || chat.current) return;
    if (this.with) chat.openWith(this.with);
    else if (chat.client.groups.has(this.group)) chat.open({ group: this.group }, { focus: false });
    else if (chat.client.moreGroups) chat.client.loadGroup(this.group).catch(() => {});
  }

  #end() {
    this.#chat?.end();
    this.#chat?.client.close();
    this.#chat = null;
  }

  #changed({ detail }) {
    if (this.#chat.isPast) {
      this.#chat.recent?.clear();
      this.#address?.forget();
      return void this.#enter(this.client);
    }
    if (detail.topic === "state" && this.client?.state === "waiting") this.#setup.look(this.client.problem, false);
    if (this.#stage === "starting" && detail.topic === "state") this.#recall();
    if (this.#stage === "starting" && detail.topic !== "state") return;
    if (["view", "open", "state", "groups", "relations", "user", "profile"].includes(detail.topic)) this.requestUpdate();
    if (detail.topic === "open") this.#wish = null;
    if (detail.topic === "state" && this.#stage === "in") this.open(this.#wish);
    if (detail.topic === "groups") this.#openOne();
    if (detail.topic === "state") this.#tell("chinwag-state", { state: this.client.state });
    this.#countUnread();
  }

  /** Keeps key presses in fields inside the element, so that they do not trigger shortcuts of the host page. */
  #keyed = (event) => {
    if (event.type === "keydown") this.#pressed(event);
    if (event.composedPath()[0].matches?.("input, textarea, select")) event.stopPropagation();
  };

  /** Prevents the browser from opening a file that is dropped beside a conversation. */
  #dropped = (event) => {
    if (event.defaultPrevented || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  };

  /** `?` lists the shortcuts, except in text fields. Ctrl+K opens the search. Escape closes a thread or the details. */
  #pressed = (event) => {
    if (opensSearch(event) && !event.defaultPrevented && this.#stage === "in" && isSearchable(this.#chat)) {
      event.preventDefault();
      this.#search();
      return;
    }
    const [target] = event.composedPath();
    if (event.key === "Escape" && !event.defaultPrevented && this.#stage === "in") return this.#escaped(event, target);
    const isTyped = target instanceof Element && target.matches("input, textarea, select");
    if (event.key !== "?" || isTyped || event.defaultPrevented || this.#stage !== "in" || this.#chat.dialog || this.#chat.question) return;
    event.preventDefault();
    this.#chat.show({ dialog: "keys" });
  };

  /** Escape first leaves the text of a search. While an input method is composing, Escape belongs to it. */
  #escaped(event, target) {
    const chat = this.#chat;
    if (event.isComposing || event.keyCode === INPUT_METHOD || chat.dialog || chat.isCovered || !["thread", "details"].includes(chat.pane)) return;
    event.preventDefault();
    if (target instanceof HTMLInputElement && target.type === "search" && target.value) {
      target.value = "";
      target.dispatchEvent(new Event("input", { bubbles: true }));
    } else if (chat.thread) chat.closeThread();
    else this.renderRoot.querySelector("chinwag-group")?.close();
  }

  /** Opens the search, of the only conversation if there is one. */
  #search() {
    const { dialog, question, card, alone, openGroup } = this.#chat;
    if (dialog || question || card || (alone && !openGroup)) return;
    openSearch(this.#chat, alone ? openGroup.id : "");
  }

  #countUnread() {
    const count = this.unread;
    if (count === this.#unread) return;
    this.#unread = count;
    if (this.#chat) notifications.closeRead(this.#chat);
    this.#tell("chinwag-unread", { count });
  }

  #came(chat, { group, message }) {
    if (chat.alone && group !== chat.openGroup) return;
    notifications.show(chat, group, message);
    this.#tell("chinwag-message", { group: group.id, title: chat.title(group), author: message.author, body: message.body });
  }

  #signedOut(reason) {
    this.#chat.recent?.clear();
    if (reason !== "ended") this.#address?.forget();
    if (this.#stage !== "in") return;
    // A suspension has its own reason.
    const refused = this.client.problem?.code === 403 ? this.#chat.why(this.client.problem) : this.#say("account.ended");
    this.#why = { ended: refused, deleted: this.#say("account.deleted") }[reason] ?? "";
    this.#stage = "out";
    if (!this.#chat.isLearned) this.#chat.learn().then(() => this.requestUpdate());
    this.#countUnread();
    this.#tell("chinwag-signedout", { reason });
    this.requestUpdate();
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }

  /** Attached files would be lost with the page, and unsent messages if the browser stores nothing. */
  #beforeUnload(event) {
    const { client } = this;
    const isLoss = (client?.unsentCount && !client.persistent) || this.#chat?.attached.isEmpty === false;
    if (isLoss) event.preventDefault();
  }
}

define("chinwag-chat", ChinwagChat);
