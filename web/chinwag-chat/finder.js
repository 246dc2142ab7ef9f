// A search: its text, filters and results. No DOM here.

/** The time after a key press within which another one is expected, in milliseconds. */
const TYPING_PAUSE = 180;
const PAGE = 20;
/** The number of pages requested at once: a page of the server may be empty although there are more. */
const PAGES_AT_ONCE = 5;
/** The time before the next attempt, if the server does not say. */
const RETRY_AFTER = 2;
/** The maximum length of the text, so that an asterisk can follow: the server accepts 256. */
export const LONGEST = 255;
/** A text without any of these finds nothing. */
const WORD = /[\p{L}\p{N}]/u;

const NO_FILTERS = { author: "", group: "", after: "", before: "", has: "", mentions: "" };

export class Finder {
  text = "";
  filters = NO_FILTERS;
  /** Whether it shows messages only, in pages. */
  isAll = false;
  /** `{people, groups, messages, next, indexing}`; null before the first answer. */
  found = null;
  isBusy = false;
  /** "", "offline", "often" for too many searches, or "refused" with the reason. */
  trouble = "";
  reason = "";
  /** The index of the chosen option. */
  active = 0;
  /** Redraws the view. */
  onchange = () => {};
  #chat;
  #timer = 0;
  #stop = null;
  #listening = new AbortController();

  /** @param group the id of the group whose messages are searched; empty for everything */
  constructor(chat, group) {
    this.#chat = chat;
    this.filters = { ...NO_FILTERS, group };
    this.isAll = group !== "";
    const goOn = ({ detail }) => detail.topic === "state" && this.#connected();
    chat.addEventListener("change", goOn, { signal: this.#listening.signal });
  }

  end() {
    this.#cancel();
    this.#listening.abort();
  }

  get hasWord() {
    return WORD.test(this.text);
  }

  /** The names of the filters that are set. */
  get set() {
    return Object.keys(NO_FILTERS).filter((name) => this.filters[name]);
  }

  /** What can be chosen, in order: `{kind, …}`. */
  get options() {
    if (!this.found) return [];
    const { people, groups, messages, next } = this.found;
    return [
      ...people.map((person) => ({ kind: "person", person })),
      ...groups.map((group) => ({ kind: "group", group })),
      ...messages.map((message) => ({ kind: "message", message })),
      ...(this.isAll ? [] : [{ kind: "all" }]),
      ...(next ? [{ kind: "more" }] : []),
    ];
  }

  type(text) {
    this.text = text;
    this.#cancel();
    if (!this.hasWord) return this.#reset();
    this.isBusy = true;
    this.#timer = setTimeout(() => this.run(), TYPING_PAUSE);
    return this.onchange();
  }

  filter(change) {
    this.filters = { ...this.filters, ...change };
    this.isAll = this.isAll || this.set.length > 0;
    return this.#again();
  }

  clearFilters() {
    this.filters = NO_FILTERS;
    return this.#again();
  }

  showAll() {
    this.isAll = true;
    return this.#again();
  }

  /** Goes back to the people, groups and newest messages. */
  showFew() {
    this.isAll = false;
    this.filters = NO_FILTERS;
    return this.#again();
  }

  #again() {
    this.#cancel();
    this.found = null;
    return this.hasWord ? this.run() : this.#reset();
  }

  /** Searches again when the view is reopened, since results may have changed. */
  resume() {
    const { found, active } = this;
    if (found && this.hasWord && found.messages.length <= PAGE) this.run(active);
  }

  /** Searches at once. An answer to an earlier search is dropped. */
  async run(active = 0) {
    this.#cancel();
    await this.#attempt(async (signal) => {
      const query = this.#query();
      const found = this.isAll ? await this.#page(null, signal) : await this.#chat.client.search(query, { signal });
      return () => {
        this.found = { people: [], groups: [], next: null, indexing: null, ...found };
        this.active = Math.max(0, Math.min(active, this.options.length - 1));
      };
    });
  }

  /** Adds the next page. */
  async more() {
    const cursor = this.found?.next;
    if (!cursor || this.isBusy) return;
    await this.#attempt(async (signal) => {
      const { messages, ...page } = await this.#page(cursor, signal);
      return () => (this.found = { ...this.found, ...page, messages: [...this.found.messages, ...messages] });
    }, () => this.more());
  }

  /** The next messages; pages of the server without any are passed over. */
  async #page(cursor, signal) {
    const { author, group, after, before, has, mentions } = this.filters;
    const days = { after: after && new Date(dayOf(after) - 1), before: before && new Date(dayOf(before, 1)) };
    const asked = { q: this.#query(), author, group, has, mentions, ...days, limit: PAGE, signal };
    let page = await this.#chat.client.searchMessages({ ...asked, cursor });
    for (let pages = 1; pages < PAGES_AT_ONCE && !page.messages.length && page.next; pages += 1) {
      page = await this.#chat.client.searchMessages({ ...asked, cursor: page.next });
    }
    return page;
  }

  /** @param work returns a function that applies the result @param again is called for a retry */
  async #attempt(work, again = () => this.run()) {
    const { signal } = (this.#stop = new AbortController());
    if (!this.#chat.ready) return this.#fail("offline");
    this.isBusy = true;
    this.onchange();
    try {
      const take = await work(signal);
      if (signal.aborted) return;
      take();
      [this.isBusy, this.trouble] = [false, ""];
      this.onchange();
    } catch (error) {
      if (signal.aborted) return;
      if (error.code === 429) this.#timer = setTimeout(again, 1000 * Math.max(1, error.retryAfter ?? RETRY_AFTER));
      this.#fail(error.code === 0 ? "offline" : error.code === 429 ? "often" : "refused", error);
    }
  }

  #fail(trouble, error = null) {
    [this.isBusy, this.trouble] = [false, trouble];
    this.reason = trouble === "refused" ? this.#chat.why(error) : "";
    // The displayed results belong to another text.
    if (trouble !== "often") this.found = null;
    this.onchange();
  }

  #reset() {
    [this.found, this.isBusy, this.trouble, this.active] = [null, false, "", 0];
    this.onchange();
  }

  #cancel() {
    clearTimeout(this.#timer);
    this.#stop?.abort();
    this.isBusy = false;
  }

  #connected() {
    if (this.trouble === "offline" && this.#chat.ready && this.hasWord) this.run();
  }

  /** The last word is a prefix unless a space follows. */
  #query() {
    const isOpen = /[\p{L}\p{N}\p{M}]$/u.test(this.text) && this.text.split('"').length % 2 === 1;
    return this.text.trim() + (isOpen ? "*" : "");
  }
}

/** The beginning of a local day such as 2026-05-12, or of one `later` days after it. */
function dayOf(text, later = 0) {
  const [year, month, day] = text.split("-").map(Number);
  return new Date(year, month - 1, day + later).getTime();
}
