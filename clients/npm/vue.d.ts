import type { DefineComponent, Ref, ShallowRef } from "vue";
import type { Chinwag, ChinwagOptions } from "./chinwag.js";
import type { ChatEvents, ChatProperties, ChinwagChat as ChinwagChatElement } from "./element.js";

/** The events of the component, whose values are those of the element. */
export interface ChinwagChatListeners {
  onUnread?: ((event: CustomEvent<ChatEvents["chinwag-unread"]>) => void) | undefined;
  onMessage?: ((event: CustomEvent<ChatEvents["chinwag-message"]>) => void) | undefined;
  onState?: ((event: CustomEvent<ChatEvents["chinwag-state"]>) => void) | undefined;
  onProblem?: ((event: CustomEvent<ChatEvents["chinwag-problem"]>) => void) | undefined;
  onSignedout?: ((event: CustomEvent<ChatEvents["chinwag-signedout"]>) => void) | undefined;
}

/** The element `<chinwag-chat>`. `token` may be a new function each time. */
export declare const ChinwagChat: DefineComponent<ChatProperties & ChinwagChatListeners, { element: Ref<ChinwagChatElement | null> }>;

/** A client that lives as long as the component. Its ref is triggered when something changes; null before it is mounted. */
export declare function useChinwag(options: ChinwagOptions): ShallowRef<Chinwag | null>;
