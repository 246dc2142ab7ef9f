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
/** A row of which less than a line is visible is not the one that is being read, in pixels. */
const LINE = 24;
/** The distance beyond the visible part that is drawn, in pixels. So close to an edge, more messages are requested. */
const BESIDE = 700;
const NEAR_EDGE = 1500;
const NEAR_END = 60;
const FAILED_FOR = 5_000;
const TOPICS = new Set(["messages", "profile", "unsent", "read", "unread", "group", "user", "state", "open", "view"]);
/** The shares of the list on the screen at which read marks are looked at again. */
const SIGHTS = Array.from({ length: 41 }, (_, index) => index / 40);
/** Less of the list than this on the screen shows no message, in pixels. */
const SEEN_LEAST = 24;
/** The number of messages that are loaded around an aim. */
const AROUND = 60;
/** The position of the first unread message at opening. */
const FRESH_FROM_TOP = 90;

export class Log extends Part {
  heights = new Heights();
  #shown = null;
  #aim = null;
  #opened = 0;
  /** Whether the messages at the aim are being loaded. Meanwhile none are shown, and none count as read. */
  #aiming = false;
  /** The bottom edge of the part of the list that is on the screen, from the list's top. */
  #visibleTo = Infinity;
  #following = true;
  #opening = false;
  /** Whether its new place is not in the document yet. A scroll event that comes before is of the former place. */
  #landing = false;
  /** Whether it was opened before its unread messages were known or loaded, so that its place is decided again. */
  #unsure = false;
  /** Whether the message to begin at was not stored here. */
  #isLost = false;
  /** Whether the reader has scrolled or pressed anything in it since. A scroll event need not be the reader's. */
  #isMoved = false;
  #moved = { handleEvent: () => (this.#isMoved = true), passive: true };
  #anchor = null;
  #active = null;
  #range = [0, 0];
  #scrollTop = 0;
  /** The size of the list when its rows were put in place last. */
  #width = 0;
  #height = 0;
  #busy = new Set();
  /** Draws the rows again when the time for changing one of them is over. */
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

  /** Opens another conversation: at the wanted message or its first unread one, or else at its end. */
  #begin(current) {
    const key = current?.group ?? current?.to ?? null;
    const { aim, opened } = this.chat;
    if (key === this.#shown && opened === this.#opened) return;
    // Opened again, with nothing new: the reader stays in place.
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

  /** Whether the place of a conversation that was opened too early is to be decided now. It stays where the reader has scrolled. */
  #decide(group) {
    if (!this.#unsure || !group || group.isBehind || !this.chat.ready || this.olderFailed || this.chat.opened !== this.#opened) return false;
    this.#unsure = false;
    if (this.#aim) return this.#isLost;
    return !this.#isMoved && (this.chat.lookAgain(group) || this.#isLost);
  }

  /** The number around which messages must be loaded first; 0 if they are here. */
  #missing(aim) {
    const { group, rows } = { group: this.chat.openGroup, rows: this.rows };
    if (!group || group.pending || !this.chat.ready) return 0;
    // It may be an entry that has not been loaded.
    if (aim) return rows.indexOf(aim.seq) < 0 || (group.lacksEntries && !rows.has(aim.seq)) ? aim.seq : 0;
    return rows.lacksFresh ? this.chat.fresh(group).after || 1 : 0;
  }

  /** Loads the messages around the aim; or the latest ones, if the unread ones are among so many. */
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
    // A link to a reply leads to its thread.
    const aimed = this.#aim?.isLink && index >= 0 ? this.rows.at(index) : null;
    if (aimed?.thread && aimed.seq === this.#aim.seq) this.chat.openThread(aimed.thread, { seq: aimed.seq });
  }

  /** After a thread was closed, the reader is at its root again, if that is drawn. */
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

  /** Puts everything in place, now that the heights of the drawn rows are known. */
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
    // Of a row that has become lower, a line is still in view.
    return top + Math.min(anchor.offset, Math.max(0, next - top - LINE)) + ABOVE;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight, clientWidth } = this.#scroller;
    if (this.#landing || Math.abs(scrollTop - this.#scrollTop) < 1) return;
    // The browser has moved it, not the reader: everything is put in place after a change of size.
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
    // Nothing is drawn again before half of the additional part is used. Near an edge there is less of it.
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

  /** Entries come with pages of the history. Those among the newest messages are requested when somebody looks. */
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

  /** The notice stays for a while, and then the request is repeated. */
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

  /** Shows the newest messages. Resolves with whether they are shown: another conversation may have been opened meanwhile. */
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
    // Until its place is decided, a conversation shows nothing new.
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

  /** The arrow keys move from message to message, Home and End to the first and the last drawn one. */
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
