// Messages on their way: kept until acknowledged, and sent again under the same client_id after a lost connection.
// The server stores it once however often it comes, and answers each time with the same message.

import { FrameError, newId } from "./connection.js";

export class Outbox {
  constructor(connection, store, onChange) {
    Object.assign(this, { connection, store, onChange });
  }

  /** `where` is {group: id}, or {to: name} for the first message to someone. */
  add(where, body, respondTo = null) {
    const item = { ...where, client_id: newId(), body, respond_to: respondTo, error: null };
    this.store.pending.push(item);
    this.send(item);
  }

  /** To be called on each reopening, when the snapshot has come. */
  flush() {
    for (const item of [...this.store.pending]) if (!item.error) this.send(item);
  }

  discard(item) {
    this.store.settle(item.client_id);
    this.onChange();
  }

  async send(item) {
    item.error = null;
    this.#readdress(item);
    this.onChange();
    if (this.connection.state !== "ready") return;
    try {
      this.#acknowledge(item, await this.#request(item));
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      // Code 0 is silence: a socket that does not answer a send is taken for dead, and the next one is asked again.
      if (error.code === 0) this.connection.restart();
      else item.error = error.message;
    }
    this.onChange();
  }

  #request({ client_id, group, to, body, respond_to }) {
    if (group) return this.connection.request("message.text", { group, body, respond_to, client_id });
    return this.connection.request("message.first", { target: to, body, client_id });
  }

  #acknowledge(item, { type, data }) {
    this.store.settle(item.client_id);
    const group = type === "group.update" ? data.id : data.group;
    // The server may spell the name otherwise than it was typed here, so the answer says which group it is.
    if (item.to && this.store.current?.to === item.to) this.store.begun(group);
  }

  /** The group may have been made since: by the other, or by this very message, whose acknowledgement was lost. */
  #readdress(item) {
    const group = item.to && this.store.privateWith(item.to);
    if (!group) return;
    item.group = group.id;
    delete item.to;
  }
}
