// Requests with a file as the body, which report their progress; `fetch` cannot.

import { ChinwagError, lost } from "./error.js";

/** A transfer without progress fails after this time. */
const SILENCE = 60_000;
const UNREACHABLE = "The server cannot be reached.";

/**
 * @typedef {object} Transfer
 * @property {string} method
 * @property {string} url
 * @property {string | null} token null for the cookie
 * @property {Record<string, string>} [headers]
 * @property {Blob | null} [body]
 * @property {AbortSignal} [signal]
 * @property {(loaded: number) => void} [onprogress]
 */

/**
 * Resolves with the answer; rejects if it is an error, or if none arrives.
 * @param {Transfer} transfer
 * @returns {Promise<XMLHttpRequest>}
 */
export function transfer({ method, url, token, headers = {}, body = null, signal, onprogress = () => {} }) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(lost("The upload was cancelled."));
    const request = new XMLHttpRequest();
    let timer = 0;
    const abort = () => request.abort();
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(abort, SILENCE);
    };
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (token !== null) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.upload.onprogress = ({ loaded }) => {
      wait();
      onprogress(loaded);
    };
    request.onload = () => {
      const problem = problemOf(request);
      if (problem) reject(problem);
      else resolve(request);
    };
    request.onabort = request.onerror = () => reject(lost(signal?.aborted ? "The upload was cancelled." : UNREACHABLE));
    request.onloadend = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    signal?.addEventListener("abort", abort);
    wait();
    request.send(body);
  });
}

/** @param {XMLHttpRequest} request */
function problemOf(request) {
  const { status } = request;
  if (status >= 200 && status < 300) return null;
  const seconds = Number(request.getResponseHeader("Retry-After") ?? NaN);
  return new ChinwagError(status, parsed(request.responseText) ?? {}, Number.isFinite(seconds) ? seconds : null);
}

/**
 * An answer parsed as JSON; null if it is not JSON, as from an intermediary.
 * @param {string} text
 */
export function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
