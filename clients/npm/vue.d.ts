import type { DefineComponent, Ref, ShallowRef } from "vue";
import type { Chinwag, ChinwagOptions } from "./chinwag.js";
import type { ChatEvents, ChatProperties, ChinwagChat as ChinwagChatElement } from "./element.js";

/** The events of the component, with the events of the element as their values. */
export interface ChinwagChatListeners {
  onUnread?: ((event: CustomEvent<ChatEvents["chinwag-unread"]>) => void) | undefined;
  onMessage?: ((event: CustomEvent<ChatEvents["chinwag-message"]>) => void) | undefined;
  onState?: ((event: CustomEvent<ChatEvents["chinwag-state"]>) => void) | undefined;
  onProblem?: ((event: CustomEvent<ChatEvents["chinwag-problem"]>) => void) | undefined;
  onSignedout?: ((event: CustomEvent<ChatEvents["chinwag-signedout"]>) => void) | undefined;
}

/** The element `<chinwag-chat>` as a component. `token` can be a new function in each render. */
export declare const ChinwagChat: DefineComponent<ChatProperties & ChinwagChatListeners, { element: Ref<ChinwagChatElement | null> }>;

/** Returns a ref of a client that is connected while the component is mounted, or null before that. Each change triggers it. */
export declare function useChinwag(options: ChinwagOptions): ShallowRef<Chinwag | null>;
