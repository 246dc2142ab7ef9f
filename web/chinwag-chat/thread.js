// The thread pane: the root, the replies, and a separate message box.

import { html, nothing, repeat } from "../vendor/lit.js";
import "./composer.js";
import { Dropping } from "./dropping.js";
import { heard } from "./gist.js";
import { cross } from "./icons.js";
import "./message.js";
import { Part, define } from "./part.js";
import { Rows } from "./rows.js";

const TOPICS = new Set(["thread", "messages", "profile", "unsent", "read", "group", "user", "state", "open", "view"]);
const NEAR_END = 80;
/** The number of replies rendered at first, and added with each press of the button above them. */
const DRAWN = 150;
/** The page size for loading older replies up to the target. */
const AIM_PAGE = 100;
const AIM_MOST = 2_000;
/** The number of replies rendered above the target. */
const ABOVE_AIM = 20;
const SAID_EVERY = 900;

export class Thread extends Part {
  /** The client's thread object. */
  #thread = null;
  /** The number of times that a thread was opened. */
  #opened = 0;
  #following = true;
  /** The number of the first rendered reply; 0 for the newest ones. */
  #from = 0;
  /** The size of the list at the last layout. */
  #size = "";
  /** The reply to show first. */
  #aim = null;
  #said = "";
  #unsaid = [];
  #saying = 0;
  /** The last focused message, and the one in the tab order. */
  #active = "";
  #tabStop = "";
  #dropping = new Dropping(this, () => this.querySelector("chinwag-composer"));

  connectedCallback() {
    super.connectedCallback();
    const { signal } = this.listening;
    this.chat.client.addEventListener("message", ({ detail }) => this.#came(detail), { signal });
    document.addEventListener("visibilitychange", () => this.#readSeen(), { signal });
    addEventListener("focus", () => this.#readSeen(), { signal });
    this.watch = new ResizeObserver(() => this.#settle());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.watch.disconnect();
    this.#thread?.close();
    this.#thread = null;
  }

  changed({ detail }) {
    const other = detail.group && detail.group !== this.chat.openGroup;
    if (!other && TOPICS.has(detail.topic)) this.requestUpdate();
  }

  willUpdate() {
    const { chat } = this;
    const { thread: wanted, openGroup: group } = chat;
    if (!wanted || !group || wanted.opened === this.#opened) return;
    this.#opened = wanted.opened;
    this.#aim = wanted.seq;
    this.#following = true;
    this.#from = 0;
    if (this.#thread?.id === wanted.root && this.#thread.group === group) return;
    this.#thread?.close();
    this.#thread = chat.client.openThread(group.id, wanted.root);
    [this.#said, this.#unsaid] = ["", []];
    this.#focusStart(wanted.focus);
  }

  render() {
    const thread = this.#thread;
    if (!thread) return nothing;
    const { root, replies, unsent, gone } = thread;
    const stored = root ? [root, ...replies] : [...replies];
    this.rows = new Rows(this.chat, thread.group, null, { stored, unsent });
    const indices = this.#indices(root);
    this.#tabStop = this.#tabStopOf(root ? [0, ...indices] : indices);
    const scope = { thread: thread.id, messages: stored, gone };
    const { leave, over, drop, notice } = this.#dropping;
    return html`<div class="pane" @dragleave=${leave} @dragover=${over} @drop=${drop}>${notice}<div class="bar">
        <div class="grow">
          <h2 class="title" id="thread-title" tabindex="-1">${this.say("thread.title")}</h2>
          <p class="quiet tiny cut"><bdi>${this.chat.title(thread.group)}</bdi></p>
        </div>
        <button class="icon" aria-label=${this.say("thread.close")} title=${this.say("thread.close")} @click=${this.#close}>${cross}</button>
      </div>
      <div class="scroller" tabindex="-1" @scroll=${this.#scrolled} @keydown=${this.#press} @focusin=${this.#focused}>
        <div class="thread-rows" role="group" aria-label=${this.say("thread.label")} @act=${this.#act}>
          ${root ? this.#row(0) : nothing}
          ${gone ? html`<p class="notice" role="status">${this.say("thread.gone")}</p>` : nothing}
          ${this.#between(thread)}
          ${this.#replies(indices)}
        </div>
      </div>
      <chinwag-composer .chat=${this.chat} .scope=${scope} @sent=${this.#sent}></chinwag-composer>
      <p class="unseen" role="log" aria-live="polite">${this.#said}</p></div>`;
  }

  /** The replies as a feed, which may only contain articles. */
  #replies(indices) {
    const rows = repeat(indices, (index) => this.rows.keyOf(this.rows.at(index)), (index) => this.#row(index));
    const isFeed = indices.length > 0;
    return html`<div role=${isFeed ? "feed" : nothing} aria-label=${isFeed ? this.say("thread.replies") : nothing} aria-busy=${String(this.#thread.loading)}>${rows}</div>`;
  }

  /** The rows of the rendered replies. */
  #indices(root) {
    const from = (root ? 1 : 0) + this.#firstDrawn;
    return Array.from({ length: this.rows.count - from }, (_, index) => from + index);
  }

  /** The last selected message while it is rendered; else the newest one. */
  #tabStopOf(indices) {
    const keys = indices.map((index) => this.#keyOf(index));
    return keys.includes(this.#active) ? this.#active : (keys.at(-1) ?? "");
  }

  #keyOf(index) {
    return `thread-${this.rows.keyOf(this.rows.at(index))}`;
  }

  /** The index of the first rendered reply. */
  get #firstDrawn() {
    const { replies } = this.#thread;
    const newest = Math.max(0, replies.length - DRAWN);
    const wanted = this.#from ? replies.findIndex(({ seq }) => seq >= this.#from) : -1;
    return wanted < 0 ? newest : Math.min(newest, wanted);
  }

  /** Renders `count` more replies above. */
  #drawAbove(count) {
    this.#from = this.#thread.replies[Math.max(0, this.#firstDrawn - count)]?.seq ?? 0;
    this.requestUpdate();
  }

  /** The content between the root and the replies. */
  #between({ root, replies, loading, error, hasEarlier }) {
    if (error) return html`<div class="notice"><p class="error" role="alert">${this.say("thread.failed")}</p><button class="compact" @click=${() => this.#thread.load()}>${this.say("messages.retry")}</button></div>`;
    if (loading && !replies.length) return html`<p class="notice" role="status">${this.say("thread.loading")}</p>`;
    const count = root?.replies?.count ?? 0;
    return html`${count ? html`<p class="day">${this.say("thread.count", { count })}</p>` : nothing}
      ${hasEarlier || this.#firstDrawn > 0 ? html`<div class="notice"><button class="compact" aria-busy=${String(loading)} @click=${this.#loadEarlier}>${this.say("thread.earlier")}</button></div>` : nothing}`;
  }

  #row(index) {
    const row = this.rows.describe(index);
    const may = row.may.split(" ").filter((verb) => verb !== "thread").join(" ");
    const isRoot = row.message.id === this.#thread.id;
    const aimed = this.#aim !== null && row.message.seq === this.#aim;
    const key = this.#keyOf(index);
    return html`<chinwag-message id=${key} .words=${this.chat.words} .message=${row.message} .author=${row.author} .name=${row.name} .profile=${row.profile}
      .mine=${row.mine} .follows=${row.follows && !isRoot && index > this.#firstDrawn + 1} .faced=${row.faced} .day=${isRoot ? row.day : ""} .note=${isRoot ? "" : row.note}
      .may=${may} .aimed=${aimed} .reactors=${row.reactors} .quoteAuthor=${row.quoteAuthor} .quoteBody=${row.quoteBody} .fileUrl=${this.chat.fileUrl} .tabbable=${key === this.#tabStop}></chinwag-message>`;
  }

  async updated() {
    const scroller = this.querySelector(".scroller");
    if (!scroller) return;
    this.watch.observe(scroller);
    this.watch.observe(this.querySelector(".thread-rows"));
    await Promise.all([...this.querySelectorAll("chinwag-message")].map((row) => row.updateComplete));
    this.#findAim();
    this.#settle();
  }

  /** Renders the target, which is loaded first if it is older. */
  #findAim() {
    const { replies, hasEarlier, loading, error } = this.#thread ?? {};
    if (this.#aim === null || !replies?.length || loading || error) return;
    const index = replies.findIndex(({ seq }) => seq >= this.#aim);
    if (index === 0 && replies[0].seq !== this.#aim && hasEarlier && replies.length < AIM_MOST) this.#thread.loadEarlier(AIM_PAGE);
    else if (index >= 0 && index < this.#firstDrawn) this.#drawAbove(this.#firstDrawn - index + ABOVE_AIM);
  }

  /** Scrolls to the target when it is rendered, and follows the end while the reader is there. */
  #settle() {
    const scroller = this.querySelector(".scroller");
    if (!scroller || !this.#thread) return;
    this.#size = `${scroller.clientWidth} ${scroller.clientHeight}`;
    const aimed = this.#aim !== null && this.querySelector("article.aimed");
    if (aimed && this.#following) {
      this.#following = false;
      // Not scrollIntoView, which would scroll the host page as well.
      scroller.scrollTop += aimed.getBoundingClientRect().top - scroller.getBoundingClientRect().top - scroller.clientHeight / 2;
    } else if (this.#following) {
      scroller.scrollTop = scroller.scrollHeight;
    }
    this.#readSeen();
  }

  #scrolled({ target }) {
    const { scrollHeight, scrollTop, clientHeight, clientWidth } = target;
    // After a resize, the browser may have scrolled rather than the reader.
    if (this.#size !== `${clientWidth} ${clientHeight}`) return;
    const before = this.#following;
    this.#following = scrollHeight - scrollTop - clientHeight < NEAR_END;
    // New replies must not move the visible ones.
    if (before && !this.#following) this.#drawAbove(0);
    else if (this.#following && this.#aim === null) this.#from = 0;
    this.#readSeen();
  }

  /**
   * Replies count as read once they are on the screen, in a window with the focus. The one read mark of the group stays
   * before the first message that was not shown.
   */
  #readSeen() {
    const { chat } = this;
    const group = chat.openGroup;
    const scroller = this.querySelector(".scroller");
    if (!group || group !== this.#thread?.group || document.hidden || !document.hasFocus() || group.settings.markedUnread) return;
    if (!scroller?.clientHeight || !scroller.checkVisibility()) return;
    const { bottom } = scroller.getBoundingClientRect();
    const shown = [...this.querySelectorAll("article")].filter((row) => row.getBoundingClientRect().bottom <= bottom + 8).length;
    // Replies that are not rendered are between the root and the others.
    const undrawn = shown > (this.#thread.root ? 1 : 0) ? this.#firstDrawn : 0;
    const last = this.rows.stored[Math.min(shown + undrawn, this.rows.stored.length) - 1];
    if (!last || (group.hasEarlier && group.messages[0]?.seq > group.lastRead + 1)) return;
    let upto = group.lastRead;
    for (const { seq, author, thread } of group.messages) {
      if (seq <= group.lastRead) continue;
      if (author !== chat.me && (thread !== this.#thread.id || seq > last.seq)) break;
      upto = seq;
    }
    if (upto > group.lastRead) chat.client.markRead(group.id, upto);
  }

  async #focusStart(focus) {
    if (!focus) return;
    await this.updateComplete;
    const composer = this.querySelector("chinwag-composer");
    await composer?.updateComplete;
    // On a touch screen the focus would open the keyboard over the replies.
    if (matchMedia("(pointer: coarse)").matches || this.chat.whyNot()) this.querySelector("h2")?.focus();
    else composer?.focusBox();
  }

  async #loadEarlier() {
    const scroller = this.querySelector(".scroller");
    const before = scroller.scrollHeight - scroller.scrollTop;
    this.#following = false;
    if (!this.#firstDrawn) await this.chat.attempt(() => this.#thread.loadEarlier());
    this.#drawAbove(DRAWN);
    await this.updateComplete;
    scroller.scrollTop = scroller.scrollHeight - before;
  }

  #close = () => this.chat.closeThread();

  #focused({ target }) {
    const row = target.closest("chinwag-message");
    if (!row || row.id === this.#active) return;
    this.#active = row.id;
    this.requestUpdate();
  }

  /** The arrow keys move between messages. */
  #press(event) {
    if (!event.target.matches("article")) return;
    const rows = [...this.querySelectorAll("article")];
    const at = rows.indexOf(event.target);
    const to = { ArrowUp: rows[at - 1], ArrowDown: rows[at + 1], Home: rows[0], End: rows.at(-1) }[event.key];
    if (!to) return;
    event.preventDefault();
    to.focus();
  }

  #sent = () => {
    this.#following = true;
    this.#aim = null;
    this.requestUpdate();
  };

  #act({ detail }) {
    const composer = this.querySelector("chinwag-composer");
    this.getRootNode().querySelector("chinwag-conversation")?.act(detail, composer);
  }

  /** Announces new replies as they arrive; for many at once only their number. */
  #came({ group, message }) {
    if (group !== this.#thread?.group || message.thread !== this.#thread.id) return;
    this.#unsaid.push(this.say("thread.said", { name: this.chat.called(message.author), body: heard(this.chat.words, message) }));
    this.#saying ||= setTimeout(() => {
      const unsaid = this.#unsaid.splice(0);
      this.#saying = 0;
      this.#said = unsaid.length > 3 ? this.say("thread.new", { count: unsaid.length }) : unsaid.join("\n");
      this.requestUpdate();
    }, SAID_EVERY);
  }
}

define("chinwag-thread", Thread);
