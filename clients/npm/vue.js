// <ChinwagChat> and useChinwag for Vue, without a build step. A browser is needed only once a component is mounted.

import { defineComponent, h, onBeforeUnmount, onMounted, ref, shallowRef, triggerRef } from "vue";
import { Chinwag } from "./chinwag.js";

const PROPERTIES = ["server", "token", "group", "with", "signIn", "hash", "lang", "theme", "name", "worker"];
const BOOLEANS = ["signIn", "hash"];
const EVENTS = ["unread", "message", "state", "problem", "signedout"];
const CHANGES = ["state", "groups", "group", "messages", "unread", "unsent", "typing", "presence", "relations", "profile"];

export const ChinwagChat = defineComponent({
  name: "ChinwagChat",
  props: Object.fromEntries(PROPERTIES.map((name) => [name, { type: BOOLEANS.includes(name) ? Boolean : null }])),
  emits: EVENTS,
  setup(props, { emit, expose, slots }) {
    const element = ref(null);
    // A stable function, so that a new `token` function in each render does not reconnect.
    const call = () => props.token();
    expose({ element });
    onMounted(() => void import("./element.js"));
    const listeners = Object.fromEntries(EVENTS.map((type) => [`onChinwag-${type}`, (event) => emit(type, event)]));
    return () => {
      const properties = {};
      for (const name of PROPERTIES) {
        // The dot sets a property of the element, never an attribute.
        if (props[name] !== undefined) properties[`.${name}`] = name === "token" && typeof props.token === "function" ? call : props[name];
      }
      return h("chinwag-chat", { ref: element, ...properties, ...listeners }, slots.default?.());
    };
  },
});

/** Returns a ref of a client that is connected while the component is mounted, or null before that. Each change triggers it. */
export function useChinwag(options) {
  const client = shallowRef(null);
  const changed = () => triggerRef(client);
  onMounted(() => {
    const made = new Chinwag(options);
    for (const event of CHANGES) made.addEventListener(event, changed);
    client.value = made;
    // `state` and `problem` have the reason.
    made.connect().catch(changed);
  });
  onBeforeUnmount(() => {
    for (const event of CHANGES) client.value?.removeEventListener(event, changed);
    client.value?.close();
    client.value = null;
  });
  return client;
}
