/* Runs of all kinds at `#/runs?kind=&factor=&status=&dataset=&origin=&order=`: newest first, or of kinds that
   have orders of their own by one of those; live, with a way to cancel those that have not ended. */

import { RUNS, detailOf, kindOf, kindTitle, kinds, performanceOf, runsInOrder, subjectOf } from "../kinds/kind.js";
import { ago, duration, momentLong, percent, ratio, signed, words } from "../lib/format.js";
import { html, useRef, useState } from "../lib/html.js";
import { PageHead } from "../lib/parts.js";
import { href, setParams } from "../lib/router.js";
import { DatasetLabel, Empty, ErrorPanel, Loaded, SyntheticNotice } from "../lib/states.js";
import { Table } from "../lib/table.js";
import { useQuery, useSubscription } from "../lib/use_query.js";
import { cancelRun } from "./cancel.js";
import { useDatasetNames } from "./dataset_names.js";
import { StatusTag, isOver } from "./status.js";
import { MoreButton, asQuery, usePages } from "./use_pages.js";

const CHOICES = `query RunChoices {
  factors { name title }
  status: __type(name: "RunStatus") { enumValues { name } }
  origin: __type(name: "RunOrigin") { enumValues { name } }
}`;

const EVENTS = `subscription RunsGoOn { runEvents { kind status progress { fraction } run { id } } }`;

export default function Runs({ route }) {
  const { params } = route;
  const kind = chosenKind(params);
  const { query, variables } = asked(params, kind);
  const list = usePages(query, variables, (data) => data.list);
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
      detail="What was computed, fetched or imported; new runs appear by themselves.">
      <a class="button button-primary" href=${href("/launch")}>Launch a run</a>
    <//>
    <${RunFilters} params=${params} kind=${kind} />
    ${refusal && html`<${ErrorPanel} failure=${refusal} />`}
    ${list.partial && html`<${ErrorPanel} failure=${list.failure} retry=${list.reload} />`}
    <${Loaded} query=${asQuery(list)} label="the runs">
      ${(runs) => {
        const shown = runs.map((run) => upToDate(run, progress[run.id]));
        return runs.length === 0
          ? html`<${Empty} title="No runs fit.">
              <a href=${href("/launch")}>Launch one</a>, or <a href=${href("/runs")}>show all</a>.
            <//>`
          : html`<${SyntheticNotice} datasets=${runs.map((run) => run.dataset)} />
              <div class="panel">
                <${Table} stack caption="Runs" columns=${columnsFor(shown, kind, cancel)} rows=${shown}
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

/** By its name in the graph, null for all. An order that only one kind has asks for that kind. */
const chosenKind = ({ kind, order }) => kind ?? kinds.find((each) => orderOf(each, order))?.name ?? null;
const listed = (kind) => kinds.find(({ name }) => name === kind);
const orderOf = (kind, order) => kind?.orders?.choices.find(({ name }) => name === order);

function asked({ factor, status, dataset, origin, order }, kind) {
  const chosen = orderOf(listed(kind), order);
  const where = {
    [chosen ? listed(kind).orders.subject : "subject"]: factor ? { eq: factor } : null,
    status: status ? { eq: status } : null,
    origin: origin ? { eq: origin } : null,
    dataset: dataset ? { eq: { id: dataset } } : null,
  };
  if (chosen) {
    const orderBy = [{ field: chosen.name, direction: chosen.direction }];
    return { query: runsInOrder(listed(kind)), variables: { where, orderBy } };
  }
  return { query: RUNS, variables: { where: { ...where, kind: kind ? { eq: kind } : null } } };
}

function RunFilters({ params, kind }) {
  const { data } = useQuery(CHOICES);
  const datasets = useDatasetNames();
  const orders = listed(kind)?.orders;
  const named = (type) => (data?.[type]?.enumValues ?? []).map(({ name }) => [name, words(name)]);
  const chosen = { ...params, kind };
  const filter = (name, label, choices, { any = "Any", loaded = true, change } = {}) => html`<${Filter}
    name=${name} label=${label} any=${any} choices=${choices} chosen=${chosen[name] ?? ""} loaded=${loaded}
    change=${change} />`;
  const answered = { loaded: data !== null };
  return html`<div class="filters" role="group" aria-label="Which runs">
    ${filter(
      "kind",
      "Kind",
      kinds.map(({ name, noun }) => [name, words(noun)]),
      { change: (value) => ({ kind: value, order: null }) },
    )}
    ${filter("factor", "Factor", (data?.factors ?? []).map(({ name, title }) => [name, title]), answered)}
    ${filter("status", "Status", named("status"), answered)}
    ${filter(
      "dataset",
      "Dataset",
      (datasets ?? []).map(({ id, label }) => [id, label]),
      { loaded: datasets !== null },
    )}
    ${filter("origin", "Origin", named("origin"), answered)}
    ${
      orders &&
      filter(
        "order",
        "Order",
        orders.choices.map(({ name, label }) => [name, label]),
        { any: "Newest first", change: (value) => ({ kind, order: value }) },
      )
    }
  </div>`;
}

function Filter({ name, label, any, choices, chosen, loaded, change = (value) => ({ [name]: value }) }) {
  const id = `filter-${name}`;
  const unknown = loaded && chosen !== "" && !choices.some(([value]) => value === chosen);
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} value=${chosen}
      onChange=${(event) => setParams(change(event.currentTarget.value || null))}>
      <option value="">${any}</option>
      ${choices.map(([value, text]) => html`<option key=${value} value=${value}
        selected=${value === chosen}>${text}</option>`)}
      ${unknown && html`<option value=${chosen} selected>one that is not listed</option>`}
    </select>
  </div>`;
}

const SUBJECT = {
  key: "subject",
  label: "Run",
  header: true,
  render: (run) => html`<a href=${href("/runs", run.id)}>${subjectOf(run)}</a>
    ${run.tags.map((tag) => html` <span class="tag" key=${tag}>${tag}</span>`)}
    ${detailOf(run) && html`<span class="factor-detail">${detailOf(run)}</span>`}`,
};
const KIND = { key: "kind", label: "Kind", render: kindTitle };
const STATUS = {
  key: "status",
  label: "Status",
  render: ({ status, progress }) => html`<${StatusTag} status=${status} fraction=${progress.fraction} />`,
};
/** An empty cell where the kind has no such figure. */
const figure = (of) => (run) => kindOf(run).performance && of(performanceOf(run));
const PERFORMANCE = [
  {
    key: "sharpe",
    label: "Sharpe",
    numeric: true,
    render: figure((performance) => ratio(performance?.sharpeRatio)),
  },
  {
    key: "return",
    label: "Return",
    title: "Annualised return",
    numeric: true,
    render: figure((performance) => signed(performance?.annualizedReturn)),
  },
  {
    key: "drawdown",
    label: "Drawdown",
    title: "Deepest drawdown",
    numeric: true,
    render: figure((performance) => percent(performance?.maxDrawdown)),
  },
];
const REST = [
  {
    key: "dataset",
    label: "Dataset",
    render: ({ dataset, origin }) => html`<${DatasetLabel} dataset=${dataset} origin=${origin} />`,
  },
  {
    key: "created",
    label: "Added",
    render: ({ createdAt }) =>
      html`<time datetime=${createdAt} title=${momentLong(createdAt)}>${ago(createdAt)}</time>`,
  },
  { key: "took", label: "Took", numeric: true, render: ({ durationMs }) => duration(durationMs) },
];

/** Without what would be the same, or nothing, in every row. */
function columnsFor(runs, kind, cancel) {
  return [
    SUBJECT,
    ...(kind ? [] : [KIND]),
    STATUS,
    ...(runs.some((run) => kindOf(run).performance) ? PERFORMANCE : []),
    ...REST,
    ...(runs.every(({ status }) => isOver(status)) ? [] : [cancelColumn(cancel)]),
  ];
}

const cancelColumn = (cancel) => ({
  key: "cancel",
  label: html`<span class="visually-hidden">Cancel</span>`,
  render: (run) =>
    !isOver(run.status) &&
    html`<button type="button" class="button button-danger button-small"
      aria-label=${`Cancel ${subjectOf(run)}`}
      onClick=${() => cancel(run.id)}>Cancel</button>`,
});
