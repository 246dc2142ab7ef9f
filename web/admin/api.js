// Calls of the server's API with the session of this browser.

import { Rest } from "../chinwag/rest.js";
import { Session } from "../chinwag/session.js";

/** The base URL of the server's pages, which may be a path of a larger site. */
const SERVER = new URL("../..", import.meta.url).href.replace(/\/$/, "");
/** The rows of a page of a list. */
const ROWS = 50;
/** The statuses by which a proxy blocks a path. Other failures are temporary. */
const BLOCKED = new Set([401, 403, 404]);

export class Api {
  #rest = new Rest(SERVER, undefined);
  #session = new Session(this.#rest);

  whoAmI() {
    return this.#session.whoAmI();
  }

  signIn(name, password) {
    return this.#session.enter("sessions/", name, password);
  }

  call(method, path, payload) {
    return this.#rest.call(method, path, payload);
  }

  /** A page of a list, and the cursor of the next one. */
  list(path, query = {}) {
    const filters = Object.entries(query).filter(([, value]) => value);
    return this.#rest.list(`${path}?${new URLSearchParams([...filters, ["limit", String(ROWS)]])}`);
  }

  /** The metrics of this node; null if a proxy blocks them. */
  async figures() {
    const response = await fetch(`${SERVER}/metrics`, { cache: "no-store" });
    if (BLOCKED.has(response.status)) return null;
    if (!response.ok) throw new Error(`status ${response.status}`);
    return (await response.text()).split("\n").filter((line) => line && !line.startsWith("#")).map(figure);
  }
}

/** Parses a line of Prometheus' text format. */
function figure(line) {
  const [, name, , labels = "", value] = line.match(/^([^{ ]+)(\{(.*)\})? (\S+)$/u) ?? [];
  return { name, labels, value: Number(value) };
}
