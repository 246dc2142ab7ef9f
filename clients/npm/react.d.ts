import type { CSSProperties, ForwardRefExoticComponent, ReactNode, RefAttributes } from "react";
import type { Chinwag, ChinwagOptions } from "./chinwag.js";
import type { ChatEvents, ChatProperties, ChinwagChat as ChinwagChatElement } from "./element.js";

export interface ChinwagChatProps extends ChatProperties {
  onUnread?: ((event: CustomEvent<ChatEvents["chinwag-unread"]>) => void) | undefined;
  onMessage?: ((event: CustomEvent<ChatEvents["chinwag-message"]>) => void) | undefined;
  onState?: ((event: CustomEvent<ChatEvents["chinwag-state"]>) => void) | undefined;
  onProblem?: ((event: CustomEvent<ChatEvents["chinwag-problem"]>) => void) | undefined;
  onSignedOut?: ((event: CustomEvent<ChatEvents["chinwag-signedout"]>) => void) | undefined;
  id?: string | undefined;
  className?: string | undefined;
  style?: CSSProperties | undefined;
  /** Content of slots, such as an image with `slot="logo"`. */
  children?: ReactNode | undefined;
}

/** The element `<chinwag-chat>` as a component, whose `ref` is the element. `token` can be a new function in each render. */
export declare const ChinwagChat: ForwardRefExoticComponent<ChinwagChatProps & RefAttributes<ChinwagChatElement>>;

/**
 * Returns a client that is connected while the component is mounted, or null before that. The component is rendered again after
 * each change of the client's state. A change of `server`, or of a `token` that is not a function, creates a new client; changes
 * of other options have no effect until then.
 */
export declare function useChinwag(options: ChinwagOptions): Chinwag | null;
