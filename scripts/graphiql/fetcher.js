/* How GraphiQL reaches the server: queries and mutations by POST, subscriptions by graphql-transport-ws. */

import { getOperationAST, parse } from "graphql";
import { createClient } from "graphql-ws";

const UNAUTHORIZED_CLOSE_CODES = [4401, 4403];

/**
 * A GraphiQL fetcher. The Authorization header of the headers editor travels as a header or in the
 * connection_init payload, never in a URL. `onAdmitted` is called when a request succeeds after one was
 * refused for want of a token.
 */
export function createFetcher({ httpUrl, webSocketUrl, onAdmitted }) {
  let refused = false;

  async function post(params, editorHeaders) {
    const headers = new Headers(editorHeaders);
    headers.set("accept", "application/json");
    headers.set("content-type", "application/json");
    headers.set("x-factorql-request", "1");

    let response;
    try {
      response = await fetch(httpUrl, { method: "POST", headers, body: JSON.stringify(params) });
    } catch {
      return failure("The server cannot be reached. Is it still running?");
    }
    const text = await response.text();
    const result = parseResult(text);
    if (response.status === 401 || result?.errors?.some((error) => error.extensions?.code === "UNAUTHENTICATED")) {
      refused = true;
      return tokenFailure(headers.has("authorization"));
    }
    if (result === null) {
      const excerpt = text.trim().slice(0, 200);
      return failure(`The server answered HTTP ${response.status} without a GraphQL result. ${excerpt}`.trim());
    }
    if (refused) {
      refused = false;
      onAdmitted();
    }
    return result;
  }

  function subscribe(params, editorHeaders) {
    const authorization = new Headers(editorHeaders).get("authorization");
    return {
      subscribe(observer) {
        const client = createClient({
          url: webSocketUrl,
          connectionParams: authorization === null ? {} : { Authorization: authorization },
          // A silent reconnection would replay events without saying so.
          retryAttempts: 0,
        });
        const unsubscribe = client.subscribe(params, {
          next: (result) => observer.next(result),
          complete: () => observer.complete(),
          error(reason) {
            observer.next(subscriptionFailure(reason, authorization !== null));
            observer.complete();
          },
        });
        return { unsubscribe };
      },
    };
  }

  return function fetcher({ query, variables, operationName }, { headers = {} } = {}) {
    const operation = chosenOperation(query, operationName);
    const params = { query, variables, operationName: operation?.name?.value };
    return operation?.operation === "subscription" ? subscribe(params, headers) : post(params, headers);
  };
}

/**
 * The named operation, or the only one: just after an edit GraphiQL still gives the name of an operation that
 * the document no longer has. Nothing when there is no telling, so that the server words the error.
 */
function chosenOperation(query, operationName) {
  try {
    const document = parse(query);
    return getOperationAST(document, operationName) ?? getOperationAST(document);
  } catch {
    return null;
  }
}

function parseResult(text) {
  try {
    const result = JSON.parse(text);
    return typeof result === "object" ? result : null;
  } catch {
    return null;
  }
}

function subscriptionFailure(reason, tokenSent) {
  if (Array.isArray(reason)) return { errors: reason };
  if (UNAUTHORIZED_CLOSE_CODES.includes(reason?.code)) return tokenFailure(tokenSent);
  if (typeof reason?.code === "number") {
    return failure(`The server closed the subscription: ${reason.reason || "no reason given"} (${reason.code}).`);
  }
  return failure("The subscription failed: the server cannot be reached.");
}

function tokenFailure(tokenSent) {
  const problem = tokenSent
    ? "The server refused the API token of the Headers tab."
    : "This server asks for its API token.";
  return {
    errors: [
      {
        message: `${problem} Put the headers shown here, with the right token, into the Headers tab below the query, and run it again.`,
        extensions: { code: "UNAUTHENTICATED", headers: { Authorization: "Bearer <token>" } },
      },
    ],
  };
}

function failure(message) {
  return { errors: [{ message }] };
}
