/* What was computed or imported last, and what is under way. */

import { shortName } from "../../lib/factors.js";
import { ago, momentLong, ratio, signed } from "../../lib/format.js";
import { html, useEffect, useRef } from "../../lib/html.js";
import { Section } from "../../lib/layout.js";
import { href } from "../../lib/router.js";
import { DatasetLabel, Empty, Loaded } from "../../lib/states.js";
import { Table } from "../../lib/table.js";
import { useQuery, useSubscription } from "../../lib/use_query.js";
import { StatusTag } from "../status.js";

const RECENT = `
  query RecentRuns($where: FactorRunWhere) {
    factorRuns(where: $where, first: 8) {
      nodes {
        id
        status
        createdAt
        progress { fraction }
        factor { name title }
        config { ... on ValueConfig { longSide } }
        dataset { id label synthetic }
        performance { annualizedReturn sharpeRatio }
      }
    }
  }
`;
const EVENTS = `subscription Events { runEvents { kind run { id } } }`;
const PAUSE = 250;
const ENDS = new Set(["SUCCEEDED", "IMPORTED"]);

const COLUMNS = [
  {
    key: "status",
    label: "Status",
    render: (run) => html`<${StatusTag} status=${run.status} fraction=${run.progress.fraction} />`,
  },
  {
    key: "return",
    label: "Return",
    numeric: true,
    render: (run) => signed(run.performance?.annualizedReturn),
  },
  { key: "sharpe", label: "Sharpe", numeric: true, render: (run) => ratio(run.performance?.sharpeRatio) },
  {
    key: "created",
    label: "Added",
    render: (run) =>
      html`<time datetime=${run.createdAt} title=${momentLong(run.createdAt)}>${ago(run.createdAt)}</time>`,
  },
];

/** Where there is more than one dataset each run says which was its own. */
function columnsOf(runs) {
  const several = new Set(runs.map((run) => run.dataset?.id)).size > 1;
  const factor = {
    key: "factor",
    label: "Factor",
    header: true,
    render: (run) =>
      html`<a href=${href("/runs", run.id)} title=${run.factor.title}>${shortName(run)}</a>
        ${several && html`<span class="factor-detail"><${DatasetLabel} dataset=${run.dataset} /></span>`}`,
  };
  return [factor, ...COLUMNS];
}

export function RecentRuns({ dataset, origin, onEnd }) {
  const where = { dataset: dataset ? { eq: { id: dataset } } : null, origin: origin ? { eq: origin } : null };
  const query = useQuery(RECENT, { where });
  const due = useRef({ timer: null, ended: false });
  useEffect(() => () => clearTimeout(due.current.timer), []);
  const readAnew = () => {
    query.reload();
    onEnd();
  };
  const follow = ({ runEvents: { kind } }) => {
    if (kind === "SNAPSHOT") return;
    due.current.ended ||= ENDS.has(kind);
    // Runs come in bursts: many events are one look.
    due.current.timer ??= setTimeout(() => {
      const { ended } = due.current;
      due.current = { timer: null, ended: false };
      query.reload();
      if (ended) onEnd();
    }, PAUSE);
  };
  useSubscription(EVENTS, {}, follow, { onReopen: readAnew });
  return html`<${Section}
    title="Recent runs"
    note="Newest first; new ones appear by themselves."
    actions=${html`<a href=${href("/runs")}>All runs</a>`}
  >
    <${Loaded} query=${query} label="recent runs">
      ${({ factorRuns: { nodes } }) =>
        nodes.length === 0
          ? html`<${Empty} title="No runs" />`
          : html`<${Table}
            caption="Recent runs"
            columns=${columnsOf(nodes)}
            rows=${nodes}
            rowKey=${(run) => run.id}
          />`}
    <//>
  <//>`;
}
