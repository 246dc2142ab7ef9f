// The search in the documentation, and the table of contents on narrow screens.

const SHOWN = 12;
/** The number of characters shown before and after a match. */
const AROUND = 60;

const input = document.getElementById("find");
const list = document.getElementById("found");
const none = document.getElementById("none");
/** The base path of the server's pages, which may be a path of a larger site. */
const base = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

/** @type {Promise<{ at: string, page: string, heading: string, text: string, folded: string }[]> | null} */
let loading = null;
let marked = -1;

const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

async function load() {
  const response = await fetch(`${base}/docs/sections.json`);
  if (!response.ok) throw new Error(`status ${response.status}`);
  const sections = await response.json();
  return sections.map((section) => ({ ...section, folded: fold(`${section.heading} ${section.text}`) }));
}

/** Sections that contain all words; those with a word in the heading first. */
function search(sections, words) {
  const score = ({ heading, page, folded }) => {
    if (!words.every((word) => folded.includes(word))) return 0;
    const title = fold(heading);
    const inTitle = words.filter((word) => title.includes(word)).length;
    const together = words.length > 1 && folded.includes(words.join(" ")) ? 5 : 0;
    return 1 + together + 10 * inTitle + (title === words.join(" ") ? 20 : 0) + (fold(page).includes(words[0]) ? 2 : 0);
  };
  const scored = sections.map((section) => ({ section, score: score(section) })).filter(({ score }) => score);
  return scored.sort((a, b) => b.score - a.score).slice(0, SHOWN).map(({ section }) => section);
}

/** The text around the first match. */
function snippet({ text }, words) {
  const folded = fold(text);
  const found = words.map((word) => folded.indexOf(word)).filter((at) => at >= 0);
  const from = Math.max(0, Math.min(...found, text.length) - AROUND);
  if (!found.length) return text.slice(0, 2 * AROUND);
  return `${from ? "…" : ""}${text.slice(from, from + 2 * AROUND)}…`;
}

function option(section, words, number) {
  const item = document.createElement("li");
  item.id = `found-${number}`;
  item.role = "option";
  item.dataset.at = base + section.at;
  const heading = document.createElement("b");
  heading.textContent = section.heading === section.page ? section.page : `${section.heading} · ${section.page}`;
  const text = document.createElement("span");
  text.textContent = snippet(section, words);
  item.append(heading, text);
  return item;
}

async function show() {
  const words = fold(input.value).split(/\s+/).filter(Boolean);
  marked = -1;
  input.removeAttribute("aria-activedescendant");
  if (!words.length) return close();
  try {
    if (!loading) say("Loading…");
    loading ??= load();
    const sections = await loading;
    // Another letter may have been typed meanwhile.
    if (fold(input.value).split(/\s+/).filter(Boolean).join(" ") !== words.join(" ")) return;
    const found = search(sections, words);
    list.replaceChildren(...found.map((section, number) => option(section, words, number)));
    say(found.length ? "" : "Nothing was found.");
  } catch (error) {
    console.error(error);
    loading = null;
    list.replaceChildren();
    say("The search cannot be loaded. Try again in a moment.");
  }
  list.hidden = !list.children.length;
  input.setAttribute("aria-expanded", String(!list.hidden));
}

function say(text) {
  none.textContent = text;
  none.hidden = !text;
}

function close() {
  list.hidden = true;
  say("");
  input.setAttribute("aria-expanded", "false");
}

function mark(step) {
  const count = list.children.length;
  if (list.hidden || !count) return;
  list.children[marked]?.removeAttribute("aria-selected");
  marked = marked < 0 && step < 0 ? count - 1 : (marked + step + count) % count;
  const item = list.children[marked];
  item.setAttribute("aria-selected", "true");
  item.scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", item.id);
}

input.addEventListener("input", show);
input.addEventListener("focus", show);
input.addEventListener("keydown", (event) => {
  // Input methods use the same keys to select a candidate.
  if (event.isComposing || event.keyCode === 229) return;
  if (event.key === "ArrowDown") mark(1);
  else if (event.key === "ArrowUp") mark(-1);
  else if (event.key === "Enter") list.children[Math.max(marked, 0)]?.click();
  else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
});
list.addEventListener("click", ({ target }) => {
  const item = target.closest("[role=option]");
  if (!item) return;
  close();
  location.assign(item.dataset.at);
});
document.addEventListener("pointerdown", ({ target }) => {
  if (!target.closest(".finder")) close();
});
document.addEventListener("keydown", (event) => {
  const writes = event.target.closest?.("input, textarea, select");
  if (event.key !== "/" || writes || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  input.focus();
});

// The table of contents is collapsed where it is above the text.
const narrow = matchMedia("(max-width: 48rem)");
const parts = document.getElementById("parts");
const fit = () => (parts.open = !narrow.matches);
narrow.addEventListener("change", fit);
fit();
