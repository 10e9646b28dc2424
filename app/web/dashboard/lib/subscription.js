/* Subscriptions by graphql-transport-ws, one WebSocket each.

   const stop = subscribe(QUERY, variables, { next(data), error(failure), complete(), opened() });
   Exactly one of `error` and `complete` is called, at most once, and neither after stop(). A connection that
   is lost is an error of kind NETWORK: whoever subscribed decides whether to begin again. */

import { Failure, FailureKind, failureOf, tokenNeeded, unreachable } from "./failure.js";
import { socketAddress } from "./graphql.js";
import { getToken } from "./token.js";

const PROTOCOL = "graphql-transport-ws";
const WANTS_TOKEN = new Set([4401, 4403]);

export function subscribe(query, variables, { next, error, complete, opened }) {
  const token = getToken();
  const socket = new WebSocket(socketAddress(), PROTOCOL);
  let over = false;

  function send(message) {
    socket.send(JSON.stringify(message));
  }

  function end(report) {
    if (over) return;
    over = true;
    socket.close(1000);
    report?.();
  }

  const handlers = {
    connection_ack() {
      send({ id: "1", type: "subscribe", payload: { query, variables } });
      opened?.();
    },
    ping() {
      send({ type: "pong" });
    },
    next({ payload }) {
      if (payload.errors?.length) end(() => error?.(failureOf(payload.errors, token !== null)));
      else next(payload.data);
    },
    error({ payload }) {
      end(() => error?.(failureOf(payload, token !== null)));
    },
    complete() {
      end(complete);
    },
  };

  socket.addEventListener("open", () => {
    send({ type: "connection_init", payload: token === null ? {} : { Authorization: `Bearer ${token}` } });
  });
  socket.addEventListener("message", (event) => {
    if (over) return;
    const message = JSON.parse(event.data);
    handlers[message.type]?.(message);
  });
  socket.addEventListener("close", (event) => {
    end(() => error?.(closed(event, token !== null)));
  });

  return function stop() {
    // A socket that is still connecting complains in the console when it is closed.
    if (socket.readyState === WebSocket.CONNECTING) {
      over = true;
      socket.addEventListener("open", () => socket.close(1000));
    } else {
      end();
    }
  };
}

function closed({ code, reason }, tokenWasSent) {
  if (WANTS_TOKEN.has(code)) return tokenNeeded(tokenWasSent);
  if (code >= 4000)
    return new Failure(FailureKind.REFUSED, `The server ended the subscription: ${reason} (${code}).`);
  return unreachable();
}
