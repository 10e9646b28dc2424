/* What can go wrong between this page and the server.

   A Failure has `kind` (NETWORK, TOKEN, REFUSED, GRAPHQL), a `message` for the reader, perhaps a `hint`, and
   `errors`, the errors of the GraphQL response. `asFailure(anything)` makes one of whatever was thrown. */

export const FailureKind = Object.freeze({
  NETWORK: "NETWORK",
  TOKEN: "TOKEN",
  REFUSED: "REFUSED",
  GRAPHQL: "GRAPHQL",
});

export class Failure extends Error {
  constructor(kind, message, { hint = null, errors = [] } = {}) {
    super(message);
    this.name = "Failure";
    this.kind = kind;
    this.hint = hint;
    this.errors = errors;
  }
}

export function unreachable() {
  return new Failure(FailureKind.NETWORK, "The server cannot be reached.", { hint: "Is it still running?" });
}

export function tokenNeeded(wasSent) {
  return wasSent
    ? new Failure(FailureKind.TOKEN, "The server refused the API token.")
    : new Failure(FailureKind.TOKEN, "This server asks for its API token.");
}

/** The failure that a response's errors stand for. */
export function failureOf(errors, tokenWasSent) {
  const [first] = errors;
  if (errors.some((error) => error.extensions?.code === "UNAUTHENTICATED")) return tokenNeeded(tokenWasSent);
  const hint = first?.extensions?.hint ?? null;
  return new Failure(FailureKind.GRAPHQL, first?.message ?? "The server reported an error.", { hint, errors });
}

export function asFailure(reason) {
  if (reason instanceof Failure) return reason;
  return new Failure(FailureKind.REFUSED, String(reason?.message ?? reason), { hint: reason?.hint ?? null });
}
