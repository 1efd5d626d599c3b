/**
 * Makes an operation from its definition.
 *
 * @module
 */

import { parsePayload } from "../protocol/envelope.ts";
import type { Operation, OperationDefinition } from "./handler.ts";

/** Binds the reading of the request to the handler, so that a handler only ever sees checked values. */
export function operation<Request>(definition: OperationDefinition<Request>): Operation {
  const { request: _request, handle: _handle, ...about } = definition;
  return {
    ...about,
    run: async (context, payload) =>
      await definition.handle(context, parsePayload(definition.request, payload, definition.name)),
  };
}
