// The page in which the module runs. Outside of browsers there is none, and its events never fire.

/**
 * @param {() => void} listener
 * @param {AddEventListenerOptions} [options]
 */
export function onVisibility(listener, options) {
  globalThis.document?.addEventListener("visibilitychange", listener, options);
}

export const isHidden = () => globalThis.document?.hidden ?? false;

/**
 * @param {"online" | "pagehide" | "pageshow"} event
 * @param {(event: PageTransitionEvent) => void} listener
 * @param {AddEventListenerOptions} [options]
 */
export function onWindow(event, listener, options) {
  globalThis.window?.addEventListener(event, /** @type {EventListener} */ (listener), options);
}

/** The origin of the page; null without a page. */
export const pageOrigin = () => globalThis.location?.origin ?? null;

/** The address of the page; undefined without a page. */
export const pageAddress = () => globalThis.location?.href;
