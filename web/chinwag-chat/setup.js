// Configuration errors of a host page, reported to its developer once each, in the console and as an event.

export class Setup {
  #told = new Set();
  #tell;

  /** @param {(detail: { kind: string, detail: string }) => void} tell dispatches the event */
  constructor(tell) {
    this.#tell = tell;
  }

  /** The reason why there is no connection. */
  look(problem, hasToken) {
    if (!problem) return;
    const kind = problem.setup ?? (hasToken && problem.code === 401 ? "token" : null);
    const detail = problem.detail || problem.message;
    if (!kind || this.#told.has(detail)) return;
    this.#told.add(detail);
    console.error(`<chinwag-chat>: ${detail}`);
    this.#tell({ kind, detail });
  }
}
