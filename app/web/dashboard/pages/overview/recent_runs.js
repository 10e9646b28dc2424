/* What was computed, fetched or imported last, and what is under way. */

import { RUNS, detailOf, kindTitle, performanceOf, shortSubjectOf, subjectOf } from "../../kinds/kind.js";
import { ago, momentLong, ratio, signed } from "../../lib/format.js";
import { html, useEffect, useRef } from "../../lib/html.js";
import { Section } from "../../lib/parts.js";
import { href } from "../../lib/router.js";
import { DatasetLabel, Empty, ErrorPanel, Loaded } from "../../lib/states.js";
import { Table } from "../../lib/table.js";
import { useSubscription } from "../../lib/use_query.js";
import { StatusTag } from "../status.js";
import { asQuery, usePages } from "../use_pages.js";

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
    render: (run) => signed(performanceOf(run)?.annualizedReturn),
  },
  { key: "sharpe", label: "Sharpe", numeric: true, render: (run) => ratio(performanceOf(run)?.sharpeRatio) },
  {
    key: "created",
    label: "Added",
    render: (run) =>
      html`<time datetime=${run.createdAt} title=${momentLong(run.createdAt)}>${ago(run.createdAt)}</time>`,
  },
];

const kindText = (run) =>
  [kindTitle(run), detailOf(run)].filter((text) => text && text !== shortSubjectOf(run)).join(": ");

/** Where runs differ in dataset or kind, each says which was its own. */
function columnsOf(runs) {
  const differ = (of) => new Set(runs.map(of)).size > 1;
  const datasets = differ((run) => run.dataset?.id);
  const kinds = differ((run) => run.kind);
  const subject = {
    key: "subject",
    label: kinds ? "Run" : kindTitle(runs[0]),
    header: true,
    render: (run) =>
      html`<a href=${href("/runs", run.id)} title=${subjectOf(run)}>${shortSubjectOf(run)}</a>
        ${kinds && html`<span class="factor-detail">${kindText(run)}</span>`}
        ${
          datasets &&
          html`<span class="factor-detail"><${DatasetLabel} dataset=${run.dataset} origin=${run.origin} /></span>`
        }`,
  };
  return [subject, ...COLUMNS];
}

export function RecentRuns({ dataset, origin, onEnd }) {
  const where = { dataset: dataset ? { eq: { id: dataset } } : null, origin: origin ? { eq: origin } : null };
  const list = usePages(RUNS, { where }, (data) => data.list, { size: 8 });
  const due = useRef({ timer: null, ended: false });
  useEffect(() => () => clearTimeout(due.current.timer), []);
  const readAnew = () => {
    list.reload();
    onEnd();
  };
  const follow = ({ runEvents: { kind } }) => {
    if (kind === "SNAPSHOT") return;
    due.current.ended ||= ENDS.has(kind);
    // Runs come in bursts: many events are one look.
    due.current.timer ??= setTimeout(() => {
      const { ended } = due.current;
      due.current = { timer: null, ended: false };
      list.reload();
      if (ended) onEnd();
    }, PAUSE);
  };
  useSubscription(EVENTS, {}, follow, { onReopen: readAnew });
  return html`<${Section}
    title="Recent runs"
    note="Newest first; new ones appear by themselves."
    actions=${html`<a href=${href("/runs")}>All runs</a>`}
  >
    ${list.partial && html`<${ErrorPanel} failure=${list.failure} retry=${list.reload} />`}
    <${Loaded} query=${asQuery(list)} label="recent runs">
      ${(nodes) =>
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
