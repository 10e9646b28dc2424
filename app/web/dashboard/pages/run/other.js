/* A run of a kind without a page of its own: what it was asked for and what came of it, and the way to the
   rest. Of a kind that is not listed: where it stands. */

import { words } from "../../lib/format.js";
import { graphiqlLink } from "../../lib/graphql.js";
import { html } from "../../lib/html.js";
import { Section } from "../../lib/parts.js";
import { Loaded, Notice, SyntheticNotice } from "../../lib/states.js";
import { useQuery } from "../../lib/use_query.js";
import { isOver } from "../status.js";
import { FailureNotice, RunHead } from "./head.js";
import { Progress } from "./progress.js";

const ANY = `
  query AnyRun($id: ID!) {
    run(id: $id) { kind status createdAt startedAt finishedAt progress { fraction stage } }
  }
`;

export default function OtherRun({ run, kind, reload }) {
  return html`
    <${RunHead} run=${run} title=${words(kind.noun)}
      link=${graphiqlLink(kind.query ?? ANY, { id: run.id })} />
    <${SyntheticNotice} datasets=${[run.dataset]} />
    ${!isOver(run.status) && html`<${Progress} run=${run} onEnd=${reload} />`}
    <${FailureNotice} run=${run} />
    ${
      kind.facts
        ? html`<${Outcome} key=${run.status} id=${run.id} kind=${kind} />`
        : html`<${Unlisted} typename=${run.__typename} />`
    }
  `;
}

function Unlisted({ typename }) {
  return typename === "OtherRun"
    ? html`<${Notice} title="A run of a kind that this server does not know">
        <p>A newer version launched it, and shows what it does and what came of it.</p>
      <//>`
    : html`<${Notice} title="A run of a kind that has no page here">
        <p>The graph has what it did and what came of it, in <code>${typename}</code>.</p>
      <//>`;
}

function Outcome({ id, kind }) {
  const query = useQuery(kind.query, { id });
  return html`<${Section} title="In short" note="The graph has all of it: Query in GraphiQL leads there.">
    <${Loaded} query=${query} label="what came of it">
      ${({ run }) => html`
        ${kind.said?.(run) && html`<p>${kind.said(run)}</p>`}
        <dl class="facts facts-long">
          ${kind.facts(run).map(
            ([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`,
          )}
        </dl>
      `}
    <//>
  <//>`;
}
