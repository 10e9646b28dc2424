/* All runs of all factors at `#/runs?factor=&status=&dataset=&origin=&order=`: newest first or best first,
   live, with a way to cancel those that have not ended. */

import { ago, duration, momentLong, percent, ratio, signed, words } from "../lib/format.js";
import { html, useRef, useState } from "../lib/html.js";
import { PageHead } from "../lib/layout.js";
import { href, setParams } from "../lib/router.js";
import { DatasetLabel, Empty, ErrorPanel, Loaded, SyntheticNotice } from "../lib/states.js";
import { Table } from "../lib/table.js";
import { useQuery, useSubscription } from "../lib/use_query.js";
import { cancelRun } from "./cancel.js";
import { useDatasetNames } from "./dataset_names.js";
import { StatusTag, isOver } from "./status.js";
import { MoreButton, asQuery, usePages } from "./use_pages.js";

const RUNS = `query Runs($where: FactorRunWhere, $orderBy: [FactorRunOrder!], $first: Int!, $after: String) {
  factorRuns(where: $where, orderBy: $orderBy, first: $first, after: $after) {
    nodes {
      id status createdAt durationMs tags
      progress { fraction }
      factor { title }
      dataset { id label synthetic }
      performance { annualizedReturn sharpeRatio maxDrawdown }
    }
    pageInfo { hasNextPage endCursor }
  }
}`;

const CHOICES = `query RunChoices {
  factors { name title }
  status: __type(name: "RunStatus") { enumValues { name } }
  origin: __type(name: "RunOrigin") { enumValues { name } }
}`;

const EVENTS = `subscription RunsGoOn { runEvents { kind status progress { fraction } run { id } } }`;

const ORDERS = [
  { name: "SHARPE_RATIO", label: "Best Sharpe ratio", direction: "DESC" },
  { name: "ANNUALIZED_RETURN", label: "Best annualised return", direction: "DESC" },
  { name: "MAX_DRAWDOWN", label: "Deepest drawdown", direction: "ASC" },
];

export default function Runs({ route }) {
  const { params } = route;
  const list = usePages(RUNS, variablesOf(params), (data) => data.factorRuns);
  const [progress, setProgress] = useState({});
  const [refusal, setRefusal] = useState(null);
  const due = useRef(null);

  const follow = ({ runEvents: { kind, status, progress: now, run } }) => {
    setProgress((before) => ({ ...before, [run.id]: { status, fraction: now.fraction } }));
    if (kind === "SNAPSHOT" || kind === "PROGRESS" || kind === "STARTED") return;
    // Runs begin and end in bursts: the list is read again once for many of them.
    due.current ??= setTimeout(() => {
      due.current = null;
      list.reload();
    }, 300);
  };
  useSubscription(EVENTS, {}, follow, { onReopen: list.reload });

  const cancel = async (id) => {
    setRefusal(null);
    setRefusal(await cancelRun(id));
  };
  return html`
    <${PageHead} title="Runs"
      detail="Factor models that were computed or imported; new runs appear by themselves.">
      <a class="button button-primary" href=${href("/launch")}>Launch a run</a>
    <//>
    <${RunFilters} params=${params} />
    ${refusal && html`<${ErrorPanel} failure=${refusal} />`}
    <${Loaded} query=${asQuery(list)} label="the runs">
      ${(runs) => {
        const shown = runs.map((run) => upToDate(run, progress[run.id]));
        return runs.length === 0
          ? html`<${Empty} title="No runs fit.">
              <a href=${href("/launch")}>Launch one</a>, or <a href=${href("/runs")}>show all</a>.
            <//>`
          : html`<${SyntheticNotice} datasets=${runs.map((run) => run.dataset)} />
              <div class="panel">
                <${Table} stack caption="Runs" columns=${columnsFor(shown, cancel)} rows=${shown}
                  rowKey=${({ id }) => id} />
                <${MoreButton} list=${list} noun="runs" />
              </div>`;
      }}
    <//>
  `;
}

/** Events are ahead of the list until it is read again; a run that has ended stays ended. */
function upToDate(run, event) {
  if (event === undefined || isOver(run.status)) return run;
  return { ...run, status: event.status, progress: { fraction: event.fraction } };
}

function variablesOf({ factor, status, dataset, origin, order }) {
  const where = {
    factor: factor ? { eq: factor } : null,
    status: status ? { eq: status } : null,
    origin: origin ? { eq: origin } : null,
    dataset: dataset ? { eq: { id: dataset } } : null,
  };
  const chosen = ORDERS.find(({ name }) => name === order);
  return { where, orderBy: chosen ? [{ field: chosen.name, direction: chosen.direction }] : null };
}

function RunFilters({ params }) {
  const { data } = useQuery(CHOICES);
  const factors = (data?.factors ?? []).map(({ name, title }) => [name, title]);
  const datasets = useDatasetNames();
  const named = (type) => (data?.[type]?.enumValues ?? []).map(({ name }) => [name, words(name)]);
  const filter = (name, label, any, choices, loaded = data !== null) => html`<${Filter} name=${name}
    label=${label} any=${any} choices=${choices} chosen=${params[name] ?? ""} loaded=${loaded} />`;
  return html`<div class="filters" role="group" aria-label="Which runs">
    ${filter("factor", "Factor", "Any", factors)} ${filter("status", "Status", "Any", named("status"))}
    ${filter(
      "dataset",
      "Dataset",
      "Any",
      (datasets ?? []).map(({ id, label }) => [id, label]),
      datasets !== null,
    )}
    ${filter("origin", "Origin", "Any", named("origin"))}
    ${filter(
      "order",
      "Order",
      "Newest first",
      ORDERS.map(({ name, label }) => [name, label]),
    )}
  </div>`;
}

function Filter({ name, label, any, choices, chosen, loaded }) {
  const id = `filter-${name}`;
  const unknown = loaded && chosen !== "" && !choices.some(([value]) => value === chosen);
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} value=${chosen}
      onChange=${(event) => setParams({ [name]: event.currentTarget.value || null })}>
      <option value="">${any}</option>
      ${choices.map(([value, text]) => html`<option key=${value} value=${value}
        selected=${value === chosen}>${text}</option>`)}
      ${unknown && html`<option value=${chosen} selected>one that is not listed</option>`}
    </select>
  </div>`;
}

const COLUMNS = [
  {
    key: "factor",
    label: "Factor",
    header: true,
    render: ({ id, factor, tags }) => html`<a href=${href("/runs", id)}>${factor.title}</a>
      ${tags.map((tag) => html` <span class="tag" key=${tag}>${tag}</span>`)}`,
  },
  {
    key: "status",
    label: "Status",
    render: ({ status, progress }) => html`<${StatusTag} status=${status} fraction=${progress.fraction} />`,
  },
  {
    key: "sharpe",
    label: "Sharpe",
    numeric: true,
    render: ({ performance }) => ratio(performance?.sharpeRatio),
  },
  {
    key: "return",
    label: "Return",
    title: "Annualised return",
    numeric: true,
    render: ({ performance }) => signed(performance?.annualizedReturn),
  },
  {
    key: "drawdown",
    label: "Drawdown",
    title: "Deepest drawdown",
    numeric: true,
    render: ({ performance }) => percent(performance?.maxDrawdown),
  },
  { key: "dataset", label: "Dataset", render: ({ dataset }) => html`<${DatasetLabel} dataset=${dataset} />` },
  {
    key: "created",
    label: "Added",
    render: ({ createdAt }) =>
      html`<time datetime=${createdAt} title=${momentLong(createdAt)}>${ago(createdAt)}</time>`,
  },
  { key: "took", label: "Took", numeric: true, render: ({ durationMs }) => duration(durationMs) },
];

/** Nothing can be canceled that is over. */
function columnsFor(runs, cancel) {
  if (runs.every(({ status }) => isOver(status))) return COLUMNS;
  return [...COLUMNS, cancelColumn(cancel)];
}

const cancelColumn = (cancel) => ({
  key: "cancel",
  label: html`<span class="visually-hidden">Cancel</span>`,
  render: ({ id, status, factor }) =>
    !isOver(status) &&
    html`<button type="button" class="button button-danger button-small"
      aria-label=${`Cancel ${factor.title}`}
      onClick=${() => cancel(id)}>Cancel</button>`,
});
