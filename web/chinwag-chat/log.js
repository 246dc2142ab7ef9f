// The messages, as a list of which only the visible part is in the document. The message that is being read stays in
// place, whatever is added above or below and however rows grow: the scroll position depends on a row (the anchor),
// or on the end.

import { html, nothing, repeat } from "../vendor/lit.js";
import { Heights } from "./heights.js";
import { down } from "./icons.js";
import "./message.js";
import { Part, define } from "./part.js";
import { Rows } from "./rows.js";

/** The space above the rows, as in the style. */
const ABOVE = 52;
/** The distance beyond the visible part that is drawn, in pixels. So close to an edge, more messages are requested. */
const BESIDE = 700;
const NEAR_EDGE = 1500;
const NEAR_END = 60;
const TOPICS = new Set(["messages", "unsent", "read", "unread", "group", "user", "state", "open", "view"]);
/** The position of the first unread message at opening. */
const FRESH_FROM_TOP = 90;

export class Log extends Part {
  heights = new Heights();
  #shown = null;
  #following = true;
  #opening = false;
  #anchor = null;
  #active = null;
  #range = [0, 0];
  #scrollTop = 0;
  #width = 0;
  #busy = new Set();

  changed({ detail }) {
    const other = detail.group && detail.group !== this.chat.openGroup;
    if (!other && TOPICS.has(detail.topic)) this.requestUpdate();
  }

  connectedCallback() {
    super.connectedCallback();
    const { signal } = this.listening;
    document.addEventListener("visibilitychange", () => this.#readSeen(), { signal });
    addEventListener("focus", () => this.#readSeen(), { signal });
    this.watch = new ResizeObserver(() => this.#resized());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.watch.disconnect();
  }

  render() {
    const { chat } = this;
    const group = chat.openGroup;
    this.rows = new Rows(chat, group, chat.current?.to);
    this.heights.reset(this.rows.keys());
    this.#begin(chat.current);
    const [start, end] = (this.#range = this.#wanted());
    const indices = Array.from({ length: end - start }, (_, index) => start + index);
    const tab = this.#tabStop(start, end);
    const key = (index) => this.heights.key(index);
    return html`<div class="scroller" part="log" @scroll=${this.#scrolled} @keydown=${this.#press} @focusin=${this.#focused} tabindex="-1">
        <div class="above" role="status">${this.#above(group)}</div>
        <div class="feed" role=${indices.length ? "feed" : nothing} aria-label=${indices.length ? this.say("messages.label") : nothing} aria-busy=${String(this.#busy.size > 0)}>
          <div class="window" @act=${this.#act}>${repeat(indices, key, (index) => this.#row(index, key(index), tab))}</div>
        </div>
      </div>
      <div class="edge">${this.#following ? nothing : this.#toNewest(group)}</div>`;
  }

  #row(index, key, tab) {
    const row = this.rows.describe(index);
    return html`<chinwag-message id=${key} .words=${this.chat.words} .message=${row.message} .author=${row.author}
      .mine=${row.mine} .follows=${row.follows} .faced=${row.faced} .day=${row.day} .fresh=${row.fresh} .note=${row.note}
      .may=${row.may} .quoteAuthor=${row.quoteAuthor} .quoteBody=${row.quoteBody} .tabbable=${key === tab}></chinwag-message>`;
  }

  #above(group) {
    if (!group || group.pending) return nothing;
    if (!group.hasEarlier) return this.say("messages.begin");
    if (!this.chat.ready) return nothing;
    return this.say(this.olderFailed ? "messages.older.failed" : "messages.older");
  }

  #toNewest(group) {
    const count = group?.unread ?? 0;
    const text = count ? this.say("messages.new", { count }) : this.say("messages.newest");
    return html`<button class="compact tonewest" @click=${this.#goToEnd}>${down} ${text}</button>`;
  }

  /** Opens another conversation: at its first unread message, or else at its end. */
  #begin(current) {
    const key = current?.group ?? current?.to ?? null;
    if (key === this.#shown) return;
    this.#shown = key;
    this.heights.forget();
    this.#active = null;
    this.#opening = true;
    this.olderFailed = false;
    const { fresh } = this.rows;
    this.#following = fresh < 0;
    this.#anchor = fresh < 0 ? null : { key: this.heights.key(fresh), offset: -FRESH_FROM_TOP, index: fresh };
    this.#scrollTop = this.#following ? Infinity : this.#anchored();
  }

  /** The rows to draw. */
  #wanted() {
    const height = this.#scroller?.clientHeight || 800;
    const most = Math.max(0, this.heights.total + ABOVE - height);
    const top = Math.min(this.#following ? Infinity : this.#anchored(), most) - ABOVE;
    if (!this.heights.count) return [0, 0];
    return [this.heights.at(top - BESIDE), Math.min(this.heights.count, this.heights.at(top + height + BESIDE) + 1)];
  }

  /** The row in the tab order: the last chosen one, as long as it is drawn. */
  #tabStop(start, end) {
    const index = this.#active === null ? -1 : this.heights.indexOf(this.#active, end - 1);
    if (index < start || index >= end) this.#active = this.heights.key(end - 1) ?? null;
    return this.#active;
  }

  get #scroller() {
    return this.querySelector(".scroller");
  }

  get #window() {
    return this.querySelector(".window");
  }

  async updated() {
    this.watch.observe(this.#scroller);
    this.watch.observe(this.#window);
    this.#width = this.#scroller.clientWidth;
    await Promise.all([...this.#window.children].map((row) => row.updateComplete));
    this.#settle();
  }

  /** Puts everything in place, now that the heights of the drawn rows are known. */
  #settle() {
    if (!this.isConnected) return;
    const measured = this.#measure();
    const scroller = this.#scroller;
    this.querySelector(".feed").style.height = `${this.heights.total}px`;
    this.#window.style.top = `${this.heights.top(this.#range[0])}px`;
    const end = scroller.scrollHeight - scroller.clientHeight;
    const to = this.#following ? end : Math.min(end, Math.max(0, this.#anchored()));
    if (Math.abs(scroller.scrollTop - to) > 0.5) scroller.scrollTop = to;
    this.#scrollTop = scroller.scrollTop;
    if (this.#opening && !measured) this.#follow(end - to);
    if (measured) this.#drawWhatIsMissing();
    this.#askForMore();
    this.#readSeen();
  }

  /** If all new messages are visible, the list follows the end. */
  #follow(left) {
    this.#opening = false;
    if (this.#following || left > NEAR_END || this.chat.openGroup?.hasLater) return;
    this.#following = true;
    this.requestUpdate();
  }

  #measure() {
    let news = false;
    let index = this.#range[0];
    for (const row of this.#window.children) {
      news = this.heights.measure(index, row.getBoundingClientRect().height) || news;
      index += 1;
    }
    return news;
  }

  /** The scroll position that keeps the anchor in place. */
  #anchored() {
    const anchor = this.#anchor;
    if (!anchor) return this.#scrollTop;
    const index = this.heights.indexOf(anchor.key, anchor.index);
    anchor.index = index < 0 ? Math.min(anchor.index, Math.max(0, this.heights.count - 1)) : index;
    anchor.key = this.heights.key(anchor.index);
    return this.heights.top(anchor.index) + anchor.offset + ABOVE;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    if (Math.abs(scrollTop - this.#scrollTop) < 1) return;
    const up = scrollTop < this.#scrollTop;
    this.#opening = false;
    this.#scrollTop = scrollTop;
    const before = this.#following;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END && !this.chat.openGroup?.hasLater;
    // Only scrolling up stops it: a new layout of the text also moves the end.
    this.#following = atEnd || (before && !up);
    const index = this.heights.at(scrollTop - ABOVE);
    this.#anchor = { key: this.heights.key(index), index, offset: scrollTop - ABOVE - this.heights.top(index) };
    if (before !== this.#following) this.requestUpdate();
    this.#drawWhatIsMissing();
    this.#askForMore();
    this.#readSeen();
  }

  #drawWhatIsMissing() {
    const [start, end] = this.#wanted();
    const [from, to] = this.#range;
    // Nothing is drawn again before half of the additional part is used.
    const spent = (one, other) => Math.abs(this.heights.top(one) - this.heights.top(other)) > BESIDE / 2;
    if (spent(start, from) || spent(end, to)) this.requestUpdate();
  }

  #resized() {
    if (!this.hasUpdated || !this.#scroller.clientHeight) return;
    if (this.#scroller.clientWidth !== this.#width) {
      this.#width = this.#scroller.clientWidth;
      this.heights.forget();
      this.requestUpdate();
    }
    this.#settle();
  }

  #askForMore() {
    const group = this.chat.openGroup;
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    if (!group || !clientHeight || !this.chat.ready) return;
    if (group.hasEarlier && scrollTop < NEAR_EDGE && !this.olderFailed) this.#load(group, "loadEarlier");
    if (group.hasLater && scrollHeight - scrollTop - clientHeight < NEAR_EDGE) this.#load(group, "loadLater");
  }

  async #load(group, how) {
    if (this.#busy.has(how)) return;
    this.#busy.add(how);
    try {
      await this.chat.client[how](group.id, 100);
    } catch {
      // The notice stays for a while, and then the request is repeated.
      this.olderFailed = true;
      setTimeout(() => {
        this.olderFailed = false;
        this.requestUpdate();
      }, 5_000);
    } finally {
      this.#busy.delete(how);
      this.requestUpdate();
    }
  }

  #goToEnd = async () => {
    await this.follow();
    this.querySelector("chinwag-message:last-child article")?.focus({ preventScroll: true });
  };

  /** Shows the newest messages. */
  async follow() {
    const group = this.chat.openGroup;
    if (group?.hasLater) await this.chat.attempt(() => this.chat.client.loadLatest(group.id));
    this.#following = true;
    this.requestUpdate();
    await this.updateComplete;
  }

  /** Visible messages count as read. */
  #readSeen() {
    const group = this.chat.openGroup;
    const scroller = this.#scroller;
    if (!group || document.hidden || !scroller?.clientHeight || !scroller.checkVisibility()) return;
    const row = this.heights.at(scroller.scrollTop + scroller.clientHeight - ABOVE - 8);
    const { stored } = this.rows;
    const message = this.rows.group === group && stored[Math.min(row, stored.length - 1)];
    if (message && message.seq > group.lastRead) this.chat.client.markRead(group.id, message.seq);
  }

  #act({ detail: { verb, message } }) {
    this.dispatchEvent(new CustomEvent("verb", { detail: { verb, message }, bubbles: true }));
  }

  #focused({ target }) {
    const row = target.closest("chinwag-message");
    if (!row || row.id === this.#active) return;
    this.#active = row.id;
    this.requestUpdate();
  }

  /** The arrow keys move from message to message, Home and End to the first and the last drawn one. */
  #press(event) {
    if (!event.target.matches("article")) return;
    const row = event.target.closest("chinwag-message");
    const rows = [...this.#window.children];
    const at = rows.indexOf(row);
    const to = { ArrowUp: rows[at - 1], ArrowDown: rows[at + 1], Home: rows[0], End: rows.at(-1) }[event.key];
    if (!to) return;
    event.preventDefault();
    to.querySelector("article").focus();
  }
}

define("chinwag-log", Log);
