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
  /** Such as an image with `slot="logo"`. */
  children?: ReactNode | undefined;
}

/** The element `<chinwag-chat>`. Its `ref` is the element. `token` may be a new function each time. */
export declare const ChinwagChat: ForwardRefExoticComponent<ChinwagChatProps & RefAttributes<ChinwagChatElement>>;

/**
 * A client that lives as long as the component, which is drawn anew when something of it changes; null before it is mounted.
 * Another `server`, or another token than a function, connects anew; the other options are those of the first time.
 */
export declare function useChinwag(options: ChinwagOptions): Chinwag | null;
