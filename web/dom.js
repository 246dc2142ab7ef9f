// The few things that every view does with the document. All text goes through textContent.

import { Refusal } from "./words.js";

export const $ = (id) => document.getElementById(id);

/** An element with attributes; `onclick` is a listener, false and null leave an attribute out. Strings become text. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") node.addEventListener("click", value);
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter(Boolean));
  return node;
}

/**
 * Makes the children of `list` those of `models`, in order. A child stays the same node while its key stays, and is
 * filled again only when its model differs: focus, scroll and screen readers depend on what is not touched.
 */
export function fillList(list, models, fill) {
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const keys = new Set(models.map((model) => model.key));
  const nodes = new Map();
  for (const node of [...list.children]) {
    if (keys.has(node.dataset.key)) nodes.set(node.dataset.key, node);
    else node.remove();
  }
  let place = list.firstElementChild;
  for (const model of models) {
    const node = nodes.get(model.key) ?? el("li", { "data-key": model.key });
    if (node === place) place = place.nextElementSibling;
    else list.insertBefore(node, place);
    refill(node, model, fill);
  }
  if (focused?.isConnected) focused.focus();
}

const drawn = new WeakMap();

function refill(node, model, fill) {
  const now = JSON.stringify(model);
  if (drawn.get(node) === now) return;
  drawn.set(node, now);
  const focused = node.contains(document.activeElement) && document.activeElement.textContent;
  node.replaceChildren(...fill(model, node).filter(Boolean));
  if (focused) [...node.querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Does what may be refused, and says in `place` why it was. */
export async function attempt(place, act) {
  place.textContent = "";
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    place.textContent = error.message;
  }
}

export function onSubmit(form, place, act) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(place, () => act(event));
  });
}

/** Names as people type several of them. */
export const namesIn = (text) => text.split(/[\s,;]+/).filter(Boolean);

/** Asks before what cannot be undone; resolves with the answer. Escape is a no. */
export function ask(question, yes) {
  const dialog = $("ask");
  $("ask-question").textContent = question;
  $("ask-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  $("ask-yes").onclick = () => dialog.close("yes");
  $("ask-no").onclick = () => dialog.close("");
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "yes");
  });
}
