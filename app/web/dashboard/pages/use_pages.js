/* A list of the graph that is read page by page, each after the one before.

   const list = usePages(QUERY, variables, (data) => data.list, { size: 50 });

   QUERY takes $first: Int! and $after: String and selects { nodes {...} pageInfo { hasNextPage endCursor } }.
   list is { nodes, failure, partial, loading, hasMore, more(), reload() }; `nodes` is null before the first
   answer. Where a part could not be had, such as a damaged result, `partial` is true: the failure stands beside it.
   Other variables begin anew. <${MoreButton} list=${list} noun="runs" /> asks for the next page. */

import { asFailure } from "../lib/failure.js";
import { integer } from "../lib/format.js";
import { request } from "../lib/graphql.js";
import { html, useCallback, useEffect, useRef, useState } from "../lib/html.js";
import { onTokenChange } from "../lib/token.js";

const LONGEST_PAGE = 100;
const NOTHING = { nodes: null, failure: null, partial: false, loading: true, hasMore: false, cursor: null };

export function usePages(query, variables, connectionOf, { size = 50 } = {}) {
  const [state, setState] = useState(NOTHING);
  const [round, setRound] = useState(0);
  const key = JSON.stringify(variables);
  const asked = useRef(0);
  const reload = useCallback(() => setRound((count) => count + 1), []);

  const ask = (after, before, first) => {
    asked.current += 1;
    const turn = asked.current;
    setState((old) => ({ ...old, loading: true }));
    const show = ({ nodes, pageInfo }, failure) =>
      setState({
        nodes: [...before, ...nodes],
        failure,
        partial: failure !== null,
        loading: false,
        hasMore: pageInfo.hasNextPage,
        cursor: pageInfo.endCursor,
      });
    request(query, { ...JSON.parse(key), first, after }).then(
      (data) => turn === asked.current && show(connectionOf(data), null),
      (reason) => {
        if (turn !== asked.current) return;
        const failure = asFailure(reason);
        const came = failure.data && connectionOf(failure.data);
        if (came) show(came, failure);
        else setState((old) => ({ ...old, failure, partial: false, loading: false }));
      },
    );
  };

  useEffect(() => onTokenChange(reload), []);
  const last = useRef({ key, round });
  useEffect(() => {
    // What is only read anew keeps its length, as far as one page goes.
    const anew = last.current.key === key && last.current.round !== round;
    last.current = { key, round };
    ask(null, [], anew ? Math.min(Math.max(size, state.nodes?.length ?? 0), LONGEST_PAGE) : size);
    return () => {
      asked.current += 1;
    };
  }, [query, key, round]);

  return { ...state, reload, more: () => ask(state.cursor, state.nodes, size) };
}

export function MoreButton({ list, noun }) {
  if (!list.hasMore) return null;
  return html`<p class="more">
    <button type="button" class="button" disabled=${list.loading} onClick=${list.more}>
      ${list.loading ? "Loading…" : `More ${noun}`}
    </button>
    <span class="muted">the first ${integer(list.nodes.length)} are shown</span>
  </p>`;
}

/** In the shape that <Loaded> takes. */
export function asQuery(list) {
  return {
    data: list.nodes,
    failure: list.partial ? null : list.failure,
    loading: list.loading && !list.hasMore,
    reload: list.reload,
  };
}
