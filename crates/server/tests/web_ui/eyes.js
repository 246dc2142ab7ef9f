// How a test finds things on the page, as people do: by words, labels and roles, through shadow roots, and only what is
// shown. It runs before the page's own scripts, and each of the test's scripts finds it in `window.eyes`.

const walk = (node) => [...node.querySelectorAll("*")].flatMap((each) => (each.shadowRoot ? [each, ...walk(each.shadowRoot)] : [each]));
const shown = (element) => element.checkVisibility({ visibilityProperty: true });
const tidy = (text) => (text ?? "").replace(/\s+/gu, " ").trim();

/** Everything that can be reached: of an open dialog, what is in it alone. */
const reachable = () => {
  const all = walk(document);
  const modal = all.filter((element) => element.matches("dialog:modal")).at(-1);
  return modal ? [...modal.querySelectorAll("*")] : all;
};

/** A label is the name, and what stands on an element only where there is none. */
const nameOf = (element) => tidy(element.getAttribute("aria-label") ?? element.labels?.[0]?.innerText ?? heard(element));
/** The text of an element without what is there for the eye alone. */
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

/** How long a wait may go without a look: a condition need not be one of the page. */
const LOOK_EVERY = 100;
/** After a change the rest of it is waited for. */
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

/** Watches the document, and those shadow roots that are in it by now. */
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
 * Waits until a look finds something, and returns that: it looks at once, after each change of the page, and now and
 * then. What is thrown meanwhile, because the page has just changed, counts as nothing found, until the patience is over.
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

/** The next two frames of the screen, or a tenth of a second where none is drawn. */
const drawn = () =>
  new Promise((done) => {
    requestAnimationFrame(() => requestAnimationFrame(done));
    setTimeout(done, 100);
  });

/** The middle of an element on the screen; none where it has no place. */
const middle = (element) => {
  const box = [...element.getClientRects()].find(({ width, height }) => width > 0 && height > 0);
  return box ? [box.x + box.width / 2, box.y + box.height / 2] : null;
};

/**
 * Where to click for an element: scrolled into view, in one place for two frames, and with nothing over it. A click that
 * meets something else is undone, and `window.aimed.hit` says so.
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
