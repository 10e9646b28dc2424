/* Ends a run that waits or is under way: `await cancelRun(id)` gives null, or the Failure that tells why. */

import { asFailure } from "../lib/failure.js";
import { request } from "../lib/graphql.js";

const CANCEL = `mutation CancelRun($id: ID!) {
  cancelRun(id: $id) { __typename ... on Error { message hint } }
}`;

export async function cancelRun(id) {
  try {
    const { cancelRun: result } = await request(CANCEL, { id });
    return result.message === undefined ? null : asFailure(result);
  } catch (reason) {
    return asFailure(reason);
  }
}
