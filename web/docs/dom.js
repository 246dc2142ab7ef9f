// Shared by the scripts of the reference. All content is shown as text, and never run or parsed as HTML.

export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** The name at the end of a reference to a schema. */
export const named = (reference) => reference.split("/").at(-1);

/** Renders a text, with names between backquotes as code. */
export const prose = (text) => text.split("`").map((part, n) => (n % 2 ? el("code", {}, part) : part));
