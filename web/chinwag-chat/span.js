// The rendered part of a long list: the visible rows, and some beyond. All rows have the same height.

/** Shorter lists are rendered completely. */
const LONG = 80;
/** The number of rows rendered beyond each edge. */
const BESIDE = 8;
/** The assumed height of a row with its gap until one is measured, and the gap, in pixels. */
const [PITCH, GAP] = [64, 2];
/** The assumed height of the list until it is measured. */
const HEIGHT = 800;

export class Span {
  /** Whether only a part is rendered. */
  isPart = false;
  #part;
  #parts;
  #pitch = PITCH;
  #count = 0;
  #range = [0, 0];
  #watch = new ResizeObserver(() => this.handleEvent());
  #watched = null;

  /**
   * @param part a part with a list
   * @param parts selectors of the scroll container, the list and a row, and the gap below each row
   */
  constructor(part, parts = { frame: "nav", list: "ul", row: ".entry", gap: GAP }) {
    this.#part = part;
    this.#parts = parts;
  }

  /** The number of rows visible at once. */
  get page() {
    return Math.max(1, Math.floor((this.#nav?.clientHeight ?? HEIGHT) / this.#pitch) - 1);
  }

  /** The indices of the rows to render, including `others`. */
  indices(count, others) {
    this.#count = count;
    this.isPart = count > LONG;
    const [start, end] = (this.#range = this.isPart ? this.#seen() : [0, count]);
    const indices = Array.from({ length: end - start }, (_, at) => start + at);
    const beside = [...new Set(others)].filter((each) => each >= 0 && each < count && (each < start || each >= end));
    return [...indices, ...beside].sort((a, b) => a - b);
  }

  /** Positions the rendered rows. */
  put() {
    const nav = this.#nav;
    if (nav !== this.#watched) {
      this.#watch.disconnect();
      if (nav) this.#watch.observe(nav);
      this.#watched = nav;
    }
    const list = this.#list;
    if (!list) return;
    const height = this.isPart ? Math.ceil(list.querySelector(this.#parts.row)?.getBoundingClientRect().height ?? 0) : 0;
    if (height && height + this.#parts.gap !== this.#pitch) {
      this.#pitch = height + this.#parts.gap;
      this.#part.requestUpdate();
    }
    list.style.height = this.isPart ? `${this.#count * this.#pitch}px` : "";
    for (const row of list.children) row.style.top = this.isPart ? `${row.dataset.index * this.#pitch}px` : "";
  }

  /** Scrolls to a row. */
  reveal(index) {
    const nav = this.#nav;
    if (!this.isPart || !nav) return;
    const top = this.#top(nav) + index * this.#pitch;
    nav.scrollTop = Math.min(top, Math.max(nav.scrollTop, top + this.#pitch - nav.clientHeight));
  }

  /** Called when the list was scrolled or resized. */
  handleEvent() {
    if (!this.isPart) return;
    const [start, end] = this.#seen();
    if (start !== this.#range[0] || end !== this.#range[1]) this.#part.requestUpdate();
  }

  get #nav() {
    return this.#part.querySelector(this.#parts.frame);
  }

  get #list() {
    return this.#nav?.querySelector(this.#parts.list);
  }

  /** The position of the first row in the scroll container. */
  #top(nav) {
    return this.#list.getBoundingClientRect().top - nav.getBoundingClientRect().top + nav.scrollTop;
  }

  #seen() {
    const nav = this.#nav;
    const above = nav && this.#list ? nav.scrollTop - this.#top(nav) : 0;
    const first = Math.max(0, Math.floor(above / this.#pitch));
    const rows = Math.ceil((nav?.clientHeight ?? HEIGHT) / this.#pitch);
    const start = Math.max(0, Math.min(first, this.#count - rows) - BESIDE);
    return [start, Math.min(this.#count, start + rows + 2 * BESIDE)];
  }
}
