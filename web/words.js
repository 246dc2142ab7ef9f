// The server's refusals, as sentences for people.

/** Of an HTTP problem or the data of an `error.*` frame. What is wrong with a field says more than their summary. */
export function inWords({ detail, title, errors = [] }) {
  const reasons = errors.length ? errors.map((error) => error.detail) : [detail ?? title ?? "the server refused this"];
  return [...new Set(reasons)].map(sentence).join(" ");
}

export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");
