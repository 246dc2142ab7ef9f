// Errors, with sentences for people.

/** @typedef {{ field: string, detail: string }} FieldProblem */

export class ChinwagError extends Error {
  /**
   * @param {number} code the HTTP status; 0 without an answer
   * @param {{ detail?: string, title?: string, errors?: FieldProblem[], retry_after?: number }} [problem] an HTTP problem, or an error frame's data
   * @param {number | null} [retryAfter]
   */
  constructor(code, problem = {}, retryAfter = problem.retry_after ?? null) {
    super(inWords(problem));
    this.name = "ChinwagError";
    this.code = code;
    /** @type {readonly FieldProblem[]} */
    this.fields = Array.isArray(problem.errors) ? problem.errors : [];
    this.retryAfter = retryAfter;
    /** As the server wrote it: names keep their case. */
    this.detail = String(problem.detail ?? problem.title ?? "");
    /**
     * The part of the host page's set-up that failed, if any: its origin is not allowed, or its token function failed.
     * @type {"origin" | "token" | null}
     */
    this.setup = null;
  }

  /**
   * Whether a retry may succeed: no answer, too many requests, or a server fault. A
   * full disk (507) stays full until the operator makes room.
   */
  get passing() {
    return this.code === 0 || this.code === 408 || this.code === 429 || (this.code >= 500 && this.code !== 507);
  }
}

/** @param {string} detail @param {"origin" | "token" | null} [setup] */
export const lost = (detail, setup = null) => Object.assign(new ChinwagError(0, { detail }), { setup });

/**
 * The kind of a value, for an error that refuses it.
 * @param {unknown} value
 */
export function kindOf(value) {
  if (value === null || value === undefined) return String(value);
  if (value instanceof Promise) return "a promise";
  if (typeof value === "object") return Array.isArray(value) ? "a list" : "an object";
  return value === "" ? "empty" : `a ${typeof value}`;
}

/**
 * Prefers the errors of fields, which are more specific. Each completes the sentence that begins with the field's name.
 * @param {{ detail?: string, title?: string, errors?: FieldProblem[] }} problem
 */
function inWords({ detail, title, errors }) {
  const reasons = Array.isArray(errors) && errors.length ? errors.map(({ field, detail }) => `${String(field).replaceAll("_", " ")} ${detail}`) : [detail ?? title];
  return [...new Set(reasons)].map((reason) => sentence(String(reason ?? "the server refused this"))).join(" ");
}

/** @param {string} text */
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");
