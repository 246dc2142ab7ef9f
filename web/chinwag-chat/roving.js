// Lists of rows with several controls (`data-roving`): each list has one tab stop. Up, Down, Home and End move between rows,
// Left and Right between the controls of a row.

const LISTS = "ul[data-roving]";
const CONTROLS = "button:not([role=menuitem]), a[href], select";

export class Roving {
  #root;
  /** The control in the tab order, by list. */
  #stops = new WeakMap();

  /** @param {ShadowRoot} root @param {AbortSignal} signal ends it */
  constructor(root, signal) {
    this.#root = root;
    root.addEventListener("focusin", ({ target }) => this.#focused(target), { signal });
    root.addEventListener("keydown", (event) => this.#pressed(event), { signal });
    const watch = new MutationObserver(() => this.#mark());
    watch.observe(root, { childList: true, subtree: true });
    signal.addEventListener("abort", () => watch.disconnect());
  }

  /** Updates the tab stops after rows were added or removed. */
  #mark() {
    for (const list of this.#root.querySelectorAll(LISTS)) {
      const controls = [...list.querySelectorAll(CONTROLS)];
      const before = this.#stops.get(list);
      const stop = controls.includes(before) ? before : controls[0];
      if (stop) this.#stops.set(list, stop);
      for (const control of controls) control.tabIndex = control === stop ? 0 : -1;
    }
  }

  #focused(target) {
    const list = target.matches(CONTROLS) && target.closest(LISTS);
    const before = list && this.#stops.get(list);
    if (!list || before === target) return;
    if (before) before.tabIndex = -1;
    target.tabIndex = 0;
    this.#stops.set(list, target);
  }

  #pressed(event) {
    const { target, key } = event;
    const list = !event.defaultPrevented && target.matches(CONTROLS) && target.closest(LISTS);
    if (!list || event.altKey || event.ctrlKey || event.metaKey) return;
    const row = target.closest("li");
    const [rows, controls] = [[...list.children], [...row.querySelectorAll(CONTROLS)]];
    const [at, column] = [rows.indexOf(row), controls.indexOf(target)];
    const isBackward = getComputedStyle(list).direction === "rtl" ? "ArrowRight" : "ArrowLeft";
    const beside = { ArrowLeft: 1, ArrowRight: 1 }[key] && controls[column + (key === isBackward ? -1 : 1)];
    // A select element handles these keys itself.
    const to = target.matches("select") ? undefined : { ArrowUp: rows[at - 1], ArrowDown: rows[at + 1], Home: rows[0], End: rows.at(-1) }[key];
    const others = to ? [...to.querySelectorAll(CONTROLS)] : [];
    const next = beside || others[Math.min(column, others.length - 1)];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}
