// <ChinwagChat> and useChinwag for Vue, without a build step. Nothing here needs a browser before it is mounted.

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
    // A function that is made anew each time the component is drawn must not connect anew each time.
    const call = () => props.token();
    expose({ element });
    onMounted(() => void import("./element.js"));
    const listeners = Object.fromEntries(EVENTS.map((type) => [`onChinwag-${type}`, (event) => emit(type, event)]));
    return () => {
      const properties = {};
      for (const name of PROPERTIES) {
        // The dot: a property of the element, and never an attribute.
        if (props[name] !== undefined) properties[`.${name}`] = name === "token" && typeof props.token === "function" ? call : props[name];
      }
      return h("chinwag-chat", { ref: element, ...properties, ...listeners }, slots.default?.());
    };
  },
});

/** A client that lives as long as the component. Its ref is triggered when something changes; null before it is mounted. */
export function useChinwag(options) {
  const client = shallowRef(null);
  const changed = () => triggerRef(client);
  onMounted(() => {
    const made = new Chinwag(options);
    for (const event of CHANGES) made.addEventListener(event, changed);
    client.value = made;
    // `state` and `problem` say why.
    made.connect().catch(changed);
  });
  onBeforeUnmount(() => {
    for (const event of CHANGES) client.value?.removeEventListener(event, changed);
    client.value?.close();
    client.value = null;
  });
  return client;
}
