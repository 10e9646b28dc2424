/* Data for a component.

   const { data, failure, loading, reload } = useQuery(QUERY, variables, { skip: false, ask: request });
   `ask` is `request` or `requestAll`. `data` stays while the same query loads anew with other variables (`loading`
   tells), and is null before the first answer. A new token loads again by itself.

   const { failure, live } = useSubscription(QUERY, variables, onData, { skip, onReopen, onComplete });
   `onData(data)` is called for each event, and `onComplete()` when the server has no more to tell. A lost
   connection is opened again, after 1 s, then 2, up to 15, and `onReopen()` tells of it: what happened meanwhile
   was missed. */

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { FailureKind, asFailure } from "./failure.js";
import { request } from "./graphql.js";
import { subscribe } from "./subscription.js";
import { onTokenChange } from "./token.js";

const LONGEST_PAUSE = 15_000;

export function useQuery(query, variables = {}, { skip = false, ask = request } = {}) {
  const [state, setState] = useState({ data: null, failure: null, loading: !skip });
  const [round, setRound] = useState(0);
  const key = JSON.stringify(variables);
  const reload = useCallback(() => setRound((count) => count + 1), []);

  useEffect(() => onTokenChange(reload), []);
  // Not after the next frame, as an effect would: the reader waits for the answer.
  useLayoutEffect(() => {
    if (skip) {
      setState((before) => ({ ...before, loading: false }));
      return undefined;
    }
    const abort = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    ask(query, JSON.parse(key), { signal: abort.signal }).then(
      (data) => abort.signal.aborted || setState({ data, failure: null, loading: false }),
      (reason) =>
        abort.signal.aborted ||
        setState((before) => ({ ...before, failure: asFailure(reason), loading: false })),
    );
    return () => abort.abort();
  }, [query, key, skip, round]);

  return { ...state, reload };
}

export function useSubscription(query, variables, onData, { skip = false, onReopen, onComplete } = {}) {
  const [state, setState] = useState({ failure: null, live: false });
  const listener = useRef(null);
  listener.current = { onData, onReopen, onComplete };
  const key = JSON.stringify(variables);
  const [round, setRound] = useState(0);

  useEffect(() => onTokenChange(() => setRound((count) => count + 1)), []);
  useEffect(() => {
    if (skip) return undefined;
    let timer = null;
    let pause = 1_000;
    let stop = null;
    let lost = false;
    const begin = () => {
      stop = subscribe(query, JSON.parse(key), {
        opened() {
          setState({ failure: null, live: true });
          if (lost) listener.current.onReopen?.();
          lost = false;
        },
        next(data) {
          pause = 1_000;
          listener.current.onData(data);
        },
        error(failure) {
          setState({ failure, live: false });
          if (failure.kind !== FailureKind.NETWORK) return;
          lost = true;
          timer = setTimeout(begin, pause);
          pause = Math.min(pause * 2, LONGEST_PAUSE);
        },
        complete() {
          setState({ failure: null, live: false });
          listener.current.onComplete?.();
        },
      });
    };
    begin();
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [query, key, skip, round]);

  return state;
}
