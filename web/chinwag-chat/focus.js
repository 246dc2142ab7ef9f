// Keeps the focus: when the focused element goes away, its neighbour or the next outer part takes the focus, and not
// the whole page.

const FOCUSABLE = "button:not(:disabled), a[href], input:not(:disabled), textarea:not(:disabled), select:not(:disabled), [tabindex]";
/** The number of frames within which code that removes an element may set the focus itself. */
const FRAMES = 3;
/** Elements that received the focus of a removed one, by root. */
const substitutes = new WeakMap();

/** Whether the focus was moved by this module rather than the user. */
export const isSubstitute = (root) => root.activeElement !== null && substitutes.get(root) === root.activeElement;

export class FocusKeeper {
  #root;
  #at = null;
  /** The ancestors of the focused element, each with the index of the previous one. */
  #chain = [];
  /** The same from before a dialog opened; `before` is that of a dialog below it. */
  #before = null;
  #waiting = false;

  /** @param {ShadowRoot} root @param {AbortSignal} signal ends it */
  constructor(root, signal) {
    this.#root = root;
    root.addEventListener("focusin", ({ target }) => this.#remember(target), { signal });
    root.addEventListener("focusout", ({ target }) => this.#left(target), { signal });
    const watch = new MutationObserver(() => this.#look());
    watch.observe(root, { childList: true, subtree: true });
    signal.addEventListener("abort", () => watch.disconnect());
  }

  #remember(target) {
    // When a dialog closes, the previously focused element gets the focus back.
    const dialog = target.closest("dialog");
    const isReturn = dialog && this.#before?.at.closest("dialog") === dialog;
    if (!dialog) this.#before = null;
    else if (isReturn) this.#before = this.#before.before;
    // One dialog may take the place of another.
    else if (this.#at && (this.#at.isConnected || !this.#at.closest("dialog")) && this.#at.closest("dialog") !== dialog) this.#before = { at: this.#at, chain: this.#chain, before: this.#before };
    this.#at = target;
    this.#chain = [];
    for (let child = target; child.parentNode && child !== this.#root; child = child.parentNode) {
      const siblings = [...child.parentNode.children];
      this.#chain.push({ parent: child.parentNode, index: siblings.indexOf(child) });
    }
  }

  /** Whether the user has moved the focus, rather than the element being removed or disabled. */
  #left(target) {
    setTimeout(() => {
      if (target === this.#at && target.isConnected && !target.disabled && shows(target) && !this.#root.activeElement) this.#at = null;
    });
  }

  #look() {
    if (this.#waiting || !this.#at || this.#at.isConnected) return;
    this.#waiting = true;
    let frames = FRAMES;
    const wait = () => {
      frames -= 1;
      if (frames > 0) return requestAnimationFrame(wait);
      this.#waiting = false;
      return this.#restore();
    };
    requestAnimationFrame(wait);
  }

  #restore() {
    const active = document.activeElement;
    const isLost = !this.#root.activeElement && (active === document.body || active === this.#root.host || active === null);
    if (!isLost || !this.#at || this.#at.isConnected) return;
    const isInDialog = this.#chain.find(({ parent }) => parent.isConnected)?.parent.closest?.("dialog[open]");
    const { at, chain } = (!isInDialog && this.#before) || { at: this.#at, chain: this.#chain };
    // Some elements are only visible while an ancestor has the focus.
    const held = at.isConnected && [at, ...chain.map(({ parent }) => parent)].find((each) => each.matches?.(FOCUSABLE) && shows(each));
    const substitute = held || this.#near(chain);
    substitutes.set(this.#root, substitute);
    substitute?.focus({ preventScroll: true });
  }

  #near(chain) {
    const { parent, index } = chain.find(({ parent }) => parent.isConnected && parent !== this.#root) ?? {};
    if (!parent) return null;
    const near = [parent.children[index], parent.children[index - 1], ...parent.children];
    return near.map(focusable).find(Boolean) ?? focusable(parent.parentElement);
  }
}

/** The element itself or its first part that takes the focus. */
function focusable(element) {
  if (!element) return null;
  const all = [element, ...element.querySelectorAll(FOCUSABLE)];
  return all.find((each) => each.matches(FOCUSABLE) && shows(each)) ?? null;
}

const shows = (element) => element.checkVisibility({ visibilityProperty: true });
