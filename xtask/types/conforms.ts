// Says nothing at run time: the module must be what its declaration says it is.

import * as declared from "../../web/chinwag";
import { Chinwag } from "../../web/chinwag/chat";
import { ChinwagError } from "../../web/chinwag/error";

export const chat: declared.Chinwag = new Chinwag({} as declared.ChinwagOptions);
export const error: declared.ChinwagError = new ChinwagError(404);
