// Finds elements of the page as people do: by text, label and role, through shadow roots, and only visible ones. It runs
// before the page's own scripts, and exports its functions as `window.eyes`.

const walk = (node) => [...node.querySelectorAll("*")].flatMap((each) => (each.shadowRoot ? [each, ...walk(each.shadowRoot)] : [each]));
const shown = (element) => element.checkVisibility({ visibilityProperty: true });
const tidy = (text) => (text ?? "").replace(/\s+/gu, " ").trim();

/** All elements that a user can reach: those of the topmost open dialog, or of the whole page. */
const reachable = () => {
  const all = walk(document);
  const modal = all.filter((element) => element.matches("dialog:modal")).at(-1);
  return modal ? [...modal.querySelectorAll("*")] : all;
};

/** The accessible name: a label, or else the content. */
const nameOf = (element) => tidy(element.getAttribute("aria-label") ?? element.labels?.[0]?.innerText ?? heard(element));
/** The content of an element without parts that are hidden from screen readers. */
const heard = (element) => {
  const copy = element.cloneNode(true);
  copy.querySelectorAll("[aria-hidden=true]").forEach((each) => each.remove());
  return copy.textContent;
};
const usable = (kind, name) => reachable().filter((element) => element.matches(kind) && !element.disabled && nameOf(element) === name && shown(element))[0] ?? null;

const button = (name) => usable("button, summary", name);
const field = (name) => usable("input, textarea, select", name);
const part = (name) => walk(document).filter((element) => element.getAttribute("aria-label") === name && shown(element));
const textOf = (elements) => elements.map((element) => element.innerText).join("\n");
const roots = () => walk(document).filter((element) => element.shadowRoot).flatMap((element) => [...element.shadowRoot.children]);
const pageText = () => textOf([document.body, ...roots()]);

const messages = () => part("Messages").flatMap((feed) => [...feed.querySelectorAll("article.message")]);
const bodyOf = (article) => article.querySelector(".body").textContent;
const message = (body) => messages().filter((article) => bodyOf(article) === body);

/** The polling interval in ms, since not every condition depends on the page. */
const LOOK_EVERY = 100;
/** After a change, waits this long in ms for further changes. */
const GATHER = 10;
let changes = 0;
const waiting = new Set();
const changed = () => {
  changes += 1;
  for (const go of waiting) go();
};
const watcher = new MutationObserver(changed);
const watched = new WeakSet();
for (const kind of ["focusin", "input", "scroll", "change"]) addEventListener(kind, changed, { capture: true, passive: true });

/** Observes the document and all shadow roots that exist by now. */
const watch = () => {
  const all = walk(document).flatMap(({ shadowRoot }) => shadowRoot ?? []);
  for (const root of [document, ...all].filter((each) => !watched.has(each))) {
    watched.add(root);
    watcher.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
  }
};
const pause = (time) =>
  new Promise((done) => {
    const go = () => (clearTimeout(timer), waiting.delete(go), done());
    const timer = setTimeout(go, time);
    if (time > GATHER) waiting.add(go);
  });

/**
 * Polls until `look` returns a truthy value, and returns that: at once, after each change of the page, and at intervals.
 * Exceptions before the deadline count as not found, because the page may just have changed.
 */
const finds = async (look, patience) => {
  const by = performance.now() + patience;
  for (;;) {
    const before = changes;
    watch();
    const isLast = performance.now() > by;
    try {
      const found = await look();
      if (found || isLast) return found;
    } catch (error) {
      if (isLast) throw error;
    }
    if (changes === before) await pause(LOOK_EVERY);
    await pause(GATHER);
  }
};

/** Resolves after two animation frames, or after 100 ms if none is drawn. */
const drawn = () =>
  new Promise((done) => {
    requestAnimationFrame(() => requestAnimationFrame(done));
    setTimeout(done, 100);
  });

/** The centre of an element on the screen; null if it has no box. */
const middle = (element) => {
  const box = [...element.getClientRects()].find(({ width, height }) => width > 0 && height > 0);
  return box ? [box.x + box.width / 2, box.y + box.height / 2] : null;
};

/**
 * The point to click for an element: scrolled into view, at the same position for two frames, and not covered. A click that
 * hits another element is cancelled, and `window.aimed.hit` is false.
 */
const aim = async (element) => {
  if (!element) return null;
  element.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
  const before = String(middle(element));
  await drawn();
  const point = middle(element);
  if (!point || String(point) !== before) return null;
  let hit = document.elementFromPoint(...point);
  for (let inner; hit?.shadowRoot && (inner = hit.shadowRoot.elementFromPoint(...point)) && inner !== hit; ) hit = inner;
  const chain = [];
  for (let at = hit; at; at = at.parentNode ?? at.host) chain.push(at);
  if (!chain.includes(element)) throw new Error(`${hit?.outerHTML?.slice(0, 120)} lies over it`);
  const aimed = (window.aimed = { hit: false });
  const judge = (event) => {
    aimed.hit = event.composedPath().includes(element);
    if (aimed.hit) return;
    event.stopImmediatePropagation();
    event.preventDefault();
  };
  addEventListener("click", judge, { capture: true, once: true });
  return point;
};

window.eyes = { walk, shown, tidy, reachable, nameOf, button, field, part, roots, pageText, messages, bodyOf, message, drawn, middle, aim, finds };
