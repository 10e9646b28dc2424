/* What can go wrong between this page and the server.

   A Failure has `kind` (NETWORK, TOKEN, REFUSED, GRAPHQL), a `message` for the reader, perhaps a `hint`,
   `errors`, the errors of the GraphQL response, and `data`, what came beside them. `asFailure(anything)` makes one of whatever was thrown. */

export const FailureKind = Object.freeze({
  NETWORK: "NETWORK",
  TOKEN: "TOKEN",
  REFUSED: "REFUSED",
  GRAPHQL: "GRAPHQL",
});

export class Failure extends Error {
  constructor(kind, message, { hint = null, errors = [], data = null } = {}) {
    super(message);
    this.name = "Failure";
    this.kind = kind;
    this.hint = hint;
    this.errors = errors;
    this.data = data;
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
export function failureOf(errors, tokenWasSent, data = null) {
  const [first] = errors;
  if (errors.some((error) => error.extensions?.code === "UNAUTHENTICATED")) return tokenNeeded(tokenWasSent);
  const hint = first?.extensions?.hint ?? null;
  const message = first?.message ?? "The server reported an error.";
  return new Failure(FailureKind.GRAPHQL, message, { hint, errors, data });
}

export function asFailure(reason) {
  if (reason instanceof Failure) return reason;
  return new Failure(FailureKind.REFUSED, String(reason?.message ?? reason), { hint: reason?.hint ?? null });
}
