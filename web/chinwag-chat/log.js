// The messages, as a list of which only the visible part is in the document. The message that is being read stays in
// place, whatever is added above or below and however rows grow: the scroll position depends on a row (the anchor),
// or on the end.

import { html, nothing, repeat } from "../vendor/lit.js";
import { Heights } from "./heights.js";
import { down } from "./icons.js";
import "./message.js";
import { Part, define } from "./part.js";
import { Rows } from "./rows.js";
import { nextEnd } from "./windows.js";

/** The space above the rows, as in the style. */
const ABOVE = 52;
/** A row with less than this visible, in pixels, is not the one being read. */
const LINE = 24;
/** The distance beyond the visible part that is rendered, in pixels. Within it of an edge, more messages are requested. */
const BESIDE = 700;
const NEAR_EDGE = 1500;
const NEAR_END = 60;
const FAILED_FOR = 5_000;
const TOPICS = new Set(["messages", "profile", "unsent", "read", "unread", "group", "user", "state", "open", "view"]);
/** The visible shares of the list at which read marks are checked. */
const SIGHTS = Array.from({ length: 41 }, (_, index) => index / 40);
/** With less of the list visible than this, in pixels, no message counts as seen. */
const SEEN_LEAST = 24;
/** The number of messages loaded around a target. */
const AROUND = 60;
/** The position of the first unread message at opening. */
const FRESH_FROM_TOP = 90;

export class Log extends Part {
  heights = new Heights();
  #shown = null;
  #aim = null;
  #opened = 0;
  /** Whether the messages around the target are being loaded. Meanwhile none are shown or count as read. */
  #aiming = false;
  /** The bottom edge of the visible part of the list, relative to its top. */
  #visibleTo = Infinity;
  #following = true;
  #opening = false;
  /** Whether the new scroll position is not applied yet. Until then, scroll events refer to the previous one. */
  #landing = false;
  /** Whether the conversation was opened before its unread messages were known, so that the position is decided again. */
  #unsure = false;
  /** Whether the message to begin at is not loaded. */
  #isLost = false;
  /** Whether the reader has scrolled or pressed a key since the opening. Not every scroll event comes from the reader. */
  #isMoved = false;
  #moved = { handleEvent: () => (this.#isMoved = true), passive: true };
  #anchor = null;
  #active = null;
  #range = [0, 0];
  #scrollTop = 0;
  /** The size of the list at the last layout. */
  #width = 0;
  #height = 0;
  #busy = new Set();
  /** Renders the rows again when the window for editing or deleting one of them ends. */
  #windowTimer = 0;

  changed({ detail }) {
    if (detail.topic === "threadclosed") this.#focusRoot(detail.root);
    const other = detail.group && detail.group !== this.chat.openGroup;
    if (!other && TOPICS.has(detail.topic)) this.requestUpdate();
  }

  connectedCallback() {
    super.connectedCallback();
    const { signal } = this.listening;
    document.addEventListener("visibilitychange", () => this.#readSeen(), { signal });
    addEventListener("focus", () => this.#readSeen(), { signal });
    this.watch = new ResizeObserver(() => this.#resized());
    this.sight = new IntersectionObserver((all) => this.#sighted(all.at(-1)), { threshold: SIGHTS });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.watch.disconnect();
    this.sight.disconnect();
    clearTimeout(this.#windowTimer);
  }

  render() {
    const { chat } = this;
    const group = chat.openGroup;
    const isDecided = this.#decide(group);
    this.rows = new Rows(chat, group, chat.current?.to);
    this.heights.reset(this.rows.keys(), (index) => this.rows.at(index)?.body?.length ?? 0);
    if (isDecided) this.#place();
    else this.#begin(chat.current);
    const [start, end] = (this.#range = this.#aiming ? [0, 0] : this.#wanted());
    const indices = Array.from({ length: end - start }, (_, index) => start + index);
    const tab = this.#tabStop(start, end);
    const key = (index) => this.heights.key(index);
    return html`<div class="scroller" part="log" @scroll=${this.#scrolled} @wheel=${this.#moved} @touchmove=${this.#moved} @pointerdown=${this.#moved} @keydown=${this.#press} @focusin=${this.#focused} tabindex="-1">
        <div class="above" role="status">${this.#above(group)}</div>
        <div class="feed" role=${indices.length ? "feed" : nothing} aria-label=${indices.length ? this.say("messages.label") : nothing} aria-busy=${String(this.#busy.size > 0)}>
          <div class="window" @act=${this.#act}>${repeat(indices, key, (index) => this.#row(index, key(index), tab))}</div>
        </div>
      </div>
      <div class="edge">${this.#following ? nothing : this.#toNewest(group)}</div>`;
  }

  #row(index, key, tab) {
    const row = this.rows.describe(index);
    return html`<chinwag-message id=${key} .words=${this.chat.words} .message=${row.message} .author=${row.author} .name=${row.name} .profile=${row.profile}
      .mine=${row.mine} .follows=${row.follows} .faced=${row.faced} .day=${row.day} .fresh=${row.fresh} .reactors=${row.reactors} .note=${row.note}
      .entry=${row.entry} .may=${row.may} .aimed=${row.aimed} .mentions=${row.mentions} .called=${row.called} .quoteAuthor=${row.quoteAuthor} .quoteBody=${row.quoteBody}
      .under=${row.under} .repliers=${row.repliers} .fileUrl=${this.chat.fileUrl} .tabbable=${key === tab}></chinwag-message>`;
  }

  #above(group) {
    if (this.#aiming) return this.say("messages.older");
    if (!group || group.pending) return nothing;
    if (!group.hasEarlier) return this.say("messages.begin");
    if (!this.chat.ready) return nothing;
    return this.say(this.olderFailed ? "messages.older.failed" : "messages.older");
  }

  #toNewest(group) {
    const count = group?.unread ?? 0;
    const text = count >= 100 ? this.say("messages.manyNew") : count ? this.say("messages.new", { count }) : this.say("messages.newest");
    return html`<button class="compact tonewest" @click=${this.#goToEnd}>${down} ${text}</button>`;
  }

  /** Opens another conversation at the target, at its first unread message, or at its end. */
  #begin(current) {
    const key = current?.group ?? current?.to ?? null;
    const { aim, opened } = this.chat;
    if (key === this.#shown && opened === this.#opened) return;
    // Opened again without new messages: keep the position.
    const isSame = key === this.#shown && !aim && (!this.rows.group || this.chat.fresh(this.rows.group).after === Infinity);
    [this.#shown, this.#aim, this.#opened] = [key, aim, opened];
    this.#unsure = !this.chat.ready || Boolean(this.rows.group?.isBehind);
    this.#isMoved = false;
    if (!isSame) this.#place();
  }

  #place() {
    if (this.#missing(this.#aim)) this.#loadAim(this.#aim);
    else this.#land();
  }

  /** Whether to decide the position of a conversation that was opened too early. If the reader has scrolled, it is kept. */
  #decide(group) {
    if (!this.#unsure || !group || group.isBehind || !this.chat.ready || this.olderFailed || this.chat.opened !== this.#opened) return false;
    this.#unsure = false;
    if (this.#aim) return this.#isLost;
    return !this.#isMoved && (this.chat.lookAgain(group) || this.#isLost);
  }

  /** The number around which messages must be loaded first; 0 if they are loaded. */
  #missing(aim) {
    const { group, rows } = { group: this.chat.openGroup, rows: this.rows };
    if (!group || group.pending || !this.chat.ready) return 0;
    // The target may be an entry that is not loaded.
    if (aim) return rows.indexOf(aim.seq) < 0 || (group.lacksEntries && !rows.has(aim.seq)) ? aim.seq : 0;
    return rows.lacksFresh ? this.chat.fresh(group).after || 1 : 0;
  }

  /** Loads the messages around the target, or the latest ones if these include the unread ones. */
  async #loadAim(aim) {
    const { chat } = this;
    const group = chat.openGroup;
    const { count } = chat.fresh(group);
    const here = this.#opened;
    this.#aiming = true;
    const isLoaded = await chat.attempt(async () => {
      if (aim) await chat.client.loadAround(group.id, aim.seq, AROUND);
      else if (count >= 100) await chat.client.loadAround(group.id, Math.max(1, chat.fresh(group).after), AROUND);
      else for (let pages = 0; pages < 3 && new Rows(chat, group).lacksFresh; pages += 1) await chat.client.loadEarlier(group.id, 100);
      return true;
    });
    if (here !== this.#opened || group !== chat.openGroup) return;
    this.#unsure = !isLoaded;
    this.rows = new Rows(chat, chat.openGroup, chat.current?.to);
    this.heights.reset(this.rows.keys(), (index) => this.rows.at(index)?.body?.length ?? 0);
    this.#land();
    if (!isLoaded) this.#failOlder();
    this.requestUpdate();
  }

  #land() {
    this.heights.forget();
    this.#aiming = false;
    this.#active = null;
    this.#opening = this.#landing = true;
    this.olderFailed = false;
    const index = this.#aim ? this.rows.indexOf(this.#aim.seq) : this.rows.fresh;
    this.#following = index < 0;
    this.#isLost = index < 0 && (this.#aim !== null || this.rows.lacksFresh);
    this.#anchor = index < 0 ? null : { key: this.heights.key(index), offset: -FRESH_FROM_TOP, index };
    this.#scrollTop = this.#following ? Infinity : this.#anchored();
    if (this.#aim && index >= 0) this.#active = this.heights.key(index);
    if (this.#aim) this.#focusAim(this.#active);
    if (this.#aim?.isLink && !this.#unsure && !this.rows.has(this.#aim.seq)) this.chat.notify(this.say("messages.link.gone"), { isHere: true });
    // A link to a reply opens its thread.
    const aimed = this.#aim?.isLink && index >= 0 ? this.rows.at(index) : null;
    if (aimed?.thread && aimed.seq === this.#aim.seq) this.chat.openThread(aimed.thread, { seq: aimed.seq });
  }

  /** After a thread is closed, focuses its root if that is rendered. */
  async #focusRoot(id) {
    await this.updateComplete;
    const row = [...this.#window.children].find(({ message }) => message?.id === id);
    if (!row) return;
    row.querySelector("article").focus({ preventScroll: true });
    // On a narrow screen the list was hidden.
    this.#settle();
    // Not scrollIntoView, which would scroll the host page as well.
    const [{ top, height }, view] = [row.getBoundingClientRect(), this.#scroller.getBoundingClientRect()];
    const offset = Math.min(0, Math.max(view.top - top, height - view.height));
    if (this.#following && Math.abs(offset - (view.top - top)) < 1) return;
    this.#following = false;
    this.#anchor = { key: row.id, index: this.heights.indexOf(row.id, this.#range[0]), offset };
    this.requestUpdate();
  }

  async #focusAim(key) {
    await this.updateComplete;
    await this.updateComplete;
    const row = [...this.#window.children].find(({ id }) => id === key);
    row?.querySelector("article")?.focus({ preventScroll: true });
  }

  /** The range of rows to render. */
  #wanted() {
    const height = this.#scroller?.clientHeight || 800;
    const most = Math.max(0, this.heights.total + ABOVE - height);
    const top = Math.min(this.#following ? Infinity : this.#anchored(), most) - ABOVE;
    if (!this.heights.count) return [0, 0];
    return [this.heights.at(top - BESIDE), Math.min(this.heights.count, this.heights.at(top + height + BESIDE) + 1)];
  }

  /** The row in the tab order: the last selected one while it is rendered. */
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
    this.sight.observe(this.#scroller);
    this.#width = this.#scroller.clientWidth;
    this.#watchWindows();
    await Promise.all([...this.#window.children].map((row) => row.updateComplete));
    this.#settle();
  }

  #watchWindows() {
    clearTimeout(this.#windowTimer);
    const drawn = this.rows.stored.slice(...this.#range).filter(({ author }) => author === this.chat.me);
    const delay = nextEnd(this.chat, drawn);
    if (this.isConnected && delay !== Infinity) this.#windowTimer = setTimeout(() => this.requestUpdate(), delay);
  }

  /** Updates positions and scroll offset from the measured heights of the rendered rows. */
  #settle() {
    if (!this.isConnected) return;
    this.#landing = false;
    const measured = this.#measure();
    const scroller = this.#scroller;
    this.querySelector(".feed").style.height = `${this.heights.total}px`;
    this.#window.style.top = `${this.heights.top(this.#range[0])}px`;
    const end = scroller.scrollHeight - scroller.clientHeight;
    const to = this.#following ? end : Math.min(end, Math.max(0, this.#anchored()));
    if (Math.abs(scroller.scrollTop - to) > 0.5) scroller.scrollTop = to;
    [this.#scrollTop, this.#height] = [scroller.scrollTop, scroller.clientHeight];
    if (this.#opening && !measured) this.#follow(end - to);
    if (measured) this.#drawWhatIsMissing();
    this.#askForMore();
    this.#askForEntries();
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
    const [top, next] = [this.heights.top(anchor.index), this.heights.top(anchor.index + 1)];
    // Keep a line in view of a row that has become lower.
    return top + Math.min(anchor.offset, Math.max(0, next - top - LINE)) + ABOVE;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight, clientWidth } = this.#scroller;
    if (this.#landing || Math.abs(scrollTop - this.#scrollTop) < 1) return;
    // The browser has scrolled because of a resize; the layout restores the position.
    if (clientHeight !== this.#height || clientWidth !== this.#width) return;
    const up = scrollTop < this.#scrollTop;
    this.#opening = false;
    this.#scrollTop = scrollTop;
    const before = this.#following;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END && !this.chat.openGroup?.hasLater;
    // Only scrolling up stops it: a new layout of the text also moves the end.
    this.#following = atEnd || (before && !up);
    const index = this.heights.at(scrollTop - ABOVE + LINE);
    this.#anchor = { key: this.heights.key(index), index, offset: scrollTop - ABOVE - this.heights.top(index) };
    if (before !== this.#following) this.requestUpdate();
    this.#drawWhatIsMissing();
    this.#askForMore();
    this.#readSeen();
  }

  #drawWhatIsMissing() {
    const [start, end] = this.#wanted();
    const [from, to] = this.#range;
    // Render again only after half of the additional range is scrolled past. It is smaller near an edge.
    const spent = (one, other) => Math.abs(this.heights.top(one) - this.heights.top(other)) > BESIDE / 2;
    const isAtEdge = (start === 0 && from > 0) || (end === this.heights.count && to < end);
    if (isAtEdge || spent(start, from) || spent(end, to)) this.requestUpdate();
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
    if (!group || !clientHeight || !this.chat.ready || this.olderFailed) return;
    if (group.hasEarlier && scrollTop < NEAR_EDGE) this.#load(group, "loadEarlier");
    if (group.hasLater && scrollHeight - scrollTop - clientHeight < NEAR_EDGE) this.#load(group, "loadLater");
  }

  /** Entries arrive with pages of the history. Those among the newest messages are requested when they become visible. */
  #askForEntries() {
    const group = this.chat.openGroup;
    if (group?.lacksEntries && !group.pending && this.chat.ready && !this.olderFailed) this.#load(group, "loadEntries");
  }

  async #load(group, how) {
    if (this.#busy.has(how)) return;
    this.#busy.add(how);
    try {
      await this.chat.client[how](group.id, 100);
    } catch {
      this.#failOlder();
    } finally {
      this.#busy.delete(how);
      this.requestUpdate();
    }
  }

  /** Shows an error for a while. The next render repeats the request. */
  #failOlder() {
    this.olderFailed = true;
    setTimeout(() => {
      this.olderFailed = false;
      this.requestUpdate();
    }, FAILED_FOR);
  }

  #goToEnd = async () => {
    if (await this.follow()) this.querySelector("chinwag-message:last-child article")?.focus({ preventScroll: true });
  };

  /** Shows the newest messages. Resolves with false if another conversation was opened meanwhile. */
  async follow() {
    const { openGroup: group, opened } = this.chat;
    if (group?.hasLater) await this.chat.attempt(() => this.chat.client.loadLatest(group.id));
    if (opened !== this.chat.opened) return false;
    this.#following = true;
    this.requestUpdate();
    await this.updateComplete;
    return true;
  }

  #sighted({ boundingClientRect, intersectionRect, intersectionRatio }) {
    this.#visibleTo = intersectionRatio > 0.99 ? Infinity : Math.max(0, intersectionRect.bottom - boundingClientRect.top);
    this.#readSeen();
  }

  /** Messages count as read once they are on the screen, in a window with the focus. */
  #readSeen() {
    const group = this.chat.openGroup;
    const scroller = this.#scroller;
    if (!group || this.#aiming || document.hidden || !document.hasFocus()) return;
    if (!scroller?.clientHeight || !scroller.checkVisibility()) return;
    const visible = Math.min(scroller.clientHeight, this.#visibleTo);
    if (visible < SEEN_LEAST) return;
    const row = this.heights.at(scroller.scrollTop + visible - ABOVE - 8);
    const { stored } = this.rows;
    const message = this.rows.group === group && stored.slice(0, row + 1).findLast(({ changes }) => !changes);
    // Until its position is decided, a conversation's new messages do not count as seen.
    const isPassing = this.#unsure && !this.#isMoved && message && (this.#isLost || message.seq > this.chat.fresh(group).head);
    if (message && message.seq > group.lastRead && !isPassing && !group.settings.markedUnread) this.chat.client.markRead(group.id, message.seq);
  }

  #act({ detail }) {
    this.dispatchEvent(new CustomEvent("verb", { detail, bubbles: true }));
  }

  #focused({ target }) {
    const row = target.closest("chinwag-message");
    if (!row || row.id === this.#active) return;
    this.#active = row.id;
    this.requestUpdate();
  }

  /** The arrow keys move between messages, Home and End to the first and the last rendered one. */
  #press(event) {
    this.#isMoved = true;
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
