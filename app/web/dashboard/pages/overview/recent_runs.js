/* What was computed or imported last, and what is under way. */

import { ago, momentLong, ratio, signed } from "../../core/format.js";
import { html, useState } from "../../core/html.js";
import { Section } from "../../core/layout.js";
import { href } from "../../core/router.js";
import { DatasetLabel, Empty, Loaded } from "../../core/states.js";
import { Table } from "../../core/table.js";
import { useQuery, useSubscription } from "../../core/use_query.js";
import { StatusTag } from "../status.js";

const RECENT = `
  query RecentRuns($where: FactorRunWhere, $first: Int!) {
    factorRuns(where: $where, first: $first) {
      nodes {
        id
        status
        createdAt
        progress { fraction }
        factor { title }
        dataset { id label synthetic }
        performance { annualizedReturn sharpeRatio }
      }
      pageInfo { hasNextPage }
    }
  }
`;
const EVENTS = `subscription Events { runEvents { kind run { id } } }`;
const STEP = 8;
const MOST = 96;
const ENDS = new Set(["SUCCEEDED", "IMPORTED"]);

const COLUMNS = [
  {
    key: "factor",
    label: "Factor",
    header: true,
    render: (run) => html`<a href=${href("/runs", run.id)}>${run.factor.title}</a>`,
  },
  { key: "status", label: "Status", render: (run) => html`<${StatusTag} status=${run.status} fraction=${run.progress.fraction} />` },
  { key: "return", label: "Return", numeric: true, render: (run) => signed(run.performance?.annualizedReturn) },
  { key: "sharpe", label: "Sharpe", numeric: true, render: (run) => ratio(run.performance?.sharpeRatio) },
  { key: "dataset", label: "Dataset", render: (run) => html`<${DatasetLabel} dataset=${run.dataset} />` },
  {
    key: "created",
    label: "Added",
    render: (run) => html`<time datetime=${run.createdAt} title=${momentLong(run.createdAt)}>${ago(run.createdAt)}</time>`,
  },
];

export function RecentRuns({ dataset, origin, onEnd }) {
  const [first, setFirst] = useState(STEP);
  const where = { dataset: dataset ? { eq: { id: dataset } } : null, origin: origin ? { eq: origin } : null };
  const query = useQuery(RECENT, { where, first });
  useSubscription(EVENTS, {}, ({ runEvents: { kind } }) => {
    if (kind !== "SNAPSHOT") query.reload();
    if (ENDS.has(kind)) onEnd();
  });
  return html`<${Section} title="Recent runs" note="Newest first; new ones appear by themselves.">
    <${Loaded} query=${query} label="recent runs">
      ${({ factorRuns: { nodes, pageInfo } }) =>
        nodes.length === 0
          ? html`<${Empty} title="No runs" />`
          : html`<${Table} caption="Recent runs" columns=${COLUMNS} rows=${nodes} rowKey=${(run) => run.id} />
              ${pageInfo.hasNextPage &&
              first < MOST &&
              html`<button type="button" class="button more" onClick=${() => setFirst(first + STEP)}>Show more</button>`}`}
    <//>
  <//>`;
}
