// What cannot be done, said in sentences for people.

/** Something refused, by the server or here, whose message is for whoever asked. Any other error is a fault of ours. */
export class Refusal extends Error {}

/** Of an HTTP problem or the data of an `error.*` frame. What is wrong with a field says more than their summary. */
export function inWords({ detail, title, errors = [] }) {
  const reasons = errors.length ? errors.map((error) => error.detail) : [detail ?? title ?? "the server refused this"];
  return [...new Set(reasons)].map(sentence).join(" ");
}

export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");
