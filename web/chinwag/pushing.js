// Push notifications of the server to this browser, even while no page is open.

import { Signing } from "./signing.js";

export class Pushing extends Signing {
  /** @type {ServiceWorkerRegistration | null} */
  #registration = null;

  /** @param {ServiceWorkerRegistration} registration */
  async subscribePush(registration) {
    const { key } = await this._call("GET", "push/key/");
    const { pushManager } = registration;
    let subscription = await pushManager.getSubscription();
    // The server's key may have changed: a subscription with the old key receives nothing.
    if (subscription && !isMadeWith(subscription, key)) {
      await subscription.unsubscribe();
      subscription = null;
    }
    subscription ??= await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
    await this._call("POST", "push/subscriptions/", subscription.toJSON());
    this.#registration = registration;
  }

  /** @param {ServiceWorkerRegistration} registration */
  async unsubscribePush(registration) {
    this.#registration = null;
    const subscription = await registration.pushManager.getSubscription();
    if (!subscription) return;
    // Without the browser's subscription nothing arrives, whatever the server does.
    await subscription.unsubscribe();
    const all = /** @type {{ id: string, endpoint: string }[]} */ (await this._call("GET", "push/subscriptions/"));
    const own = all.find(({ endpoint }) => endpoint === subscription.endpoint);
    if (own) await this._call("DELETE", `push/subscriptions/${own.id}/`);
  }

  /** Ends the subscription before the session ends. */
  async _leavePush() {
    // If this fails, the server ends it with the session.
    if (this.#registration) await this.unsubscribePush(this.#registration).catch(() => {});
  }
}

/** @param {PushSubscription} subscription @param {string} key */
function isMadeWith(subscription, key) {
  const used = subscription.options.applicationServerKey;
  return used !== null && String(new Uint8Array(used)) === String(bytes(key));
}

/** @param {string} text in base64url */
function bytes(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (each) => each.charCodeAt(0));
}
