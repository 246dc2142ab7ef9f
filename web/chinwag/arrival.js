// The promise of the first summary.

/** @typedef {import("./error.js").ChinwagError} ChinwagError */
/** @typedef {{ promise: Promise<void>, resolve: () => void, reject: (error: ChinwagError) => void }} Arrival */

/** @returns {Arrival} */
export function arrival() {
  /** @type {any} */
  const arriving = {};
  arriving.promise = new Promise((resolve, reject) => Object.assign(arriving, { resolve, reject }));
  // A caller that only listens to events need not handle the rejection.
  arriving.promise.catch(() => {});
  return arriving;
}
