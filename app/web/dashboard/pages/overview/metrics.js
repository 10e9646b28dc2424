/* The metrics of each factor's latest run, side by side. */

import { factorColor } from "../../charts/colors.js";
import { Sparkline } from "../../charts/sparkline.js";
import { titleParts } from "../../lib/factors.js";
import { NONE, ago, day, integer, momentLong, percent, plural, ratio, signed } from "../../lib/format.js";
import { html } from "../../lib/html.js";
import { Section } from "../../lib/parts.js";
import { href, setParams } from "../../lib/router.js";
import { DatasetLabel } from "../../lib/states.js";
import { Table, sortFromText, sortToText } from "../../lib/table.js";

const BEST_FIRST = { key: "return", descending: true };

export function MetricsPanel({ runs, params }) {
  const onSort = (sort) => setParams({ sort: sortToText(sort) });
  const deepest = Math.min(0, ...runs.flatMap((run) => run.drawdown?.[0]?.values ?? []));
  const { shared, own } = split(runs);
  const [factor, ...metrics] = columns(deepest).filter(known(runs));
  const note = ["Gross of costs, annualised; drawdowns drawn to one scale.", shared && `All ${shared}.`]
    .filter(Boolean)
    .join(" ");
  return html`<${Section} title="Metrics" note=${note}>
    <${Table}
      caption="Metrics of the latest run of each factor"
      columns=${[factor, ...own.filter(isDataset), ...metrics, ...own.filter((one) => !isDataset(one)), FINISHED]}
      rows=${runs}
      rowKey=${(run) => run.id}
      sort=${sortFromText(params.sort, BEST_FIRST)}
      onSort=${onSort}
    />
  <//>`;
}

function WipedOut({ on }) {
  return on && html`<span class="tag tag-bad" title="Wealth reached 0 on ${day(on)}">wiped out</span>`;
}

/** Imported runs may lack a metric altogether. */
function known(runs) {
  return ({ header, of }) => header || runs.some(of);
}

function FactorCell({ run }) {
  const [name, detail] = titleParts(run);
  return html`<span class="factor-cell">
    <span class="swatch" style=${{ color: `var(${factorColor(run.factor.name)})` }} aria-hidden="true"></span>
    <a href=${href("/runs", run.id)}>${name}</a>
    ${detail && html`<span class="factor-detail">${detail}</span>`}
  </span>`;
}

function columns(deepest) {
  const metric = (key, label, name, format, title) => ({
    key,
    label,
    title,
    numeric: true,
    of: (run) => (run.performance?.[name] ?? null) !== null,
    value: (run) => run.performance?.[name],
    render: (run) => format(run.performance?.[name]),
  });
  return [
    {
      key: "factor",
      label: "Factor",
      header: true,
      class: "sticky",
      value: (run) => run.factor.title,
      render: (run) => html`<${FactorCell} run=${run} />
        <${WipedOut} on=${run.performance?.wipedOutOn} />`,
    },
    metric("return", "Return", "annualizedReturn", signed, "Compound return a year"),
    metric(
      "volatility",
      "Volatility",
      "annualizedVolatility",
      percent,
      "Standard deviation of the period returns, a year",
    ),
    metric(
      "sharpe",
      "Sharpe",
      "sharpeRatio",
      ratio,
      "Mean over standard deviation, a year; no risk-free rate",
    ),
    metric(
      "sortino",
      "Sortino",
      "sortinoRatio",
      ratio,
      "Mean over the deviation of the negative returns, a year",
    ),
    metric("t", "t", "neweyWestT", ratio, "Newey-West t-statistic of the mean return"),
    metric("drawdown", "Max drawdown", "maxDrawdown", percent, "Deepest fall below the running peak"),
    {
      key: "spark",
      label: "Drawdown",
      of: (run) => run.drawdown?.[0]?.values.some((value) => value !== null),
      render: (run) =>
        html`<${Sparkline}
          values=${run.drawdown?.[0]?.values ?? []}
          low=${deepest}
          color="--below"
          label="Drawdown over time"
        />`,
    },
    metric("calmar", "Calmar", "calmarRatio", ratio, "Return a year over the deepest drawdown"),
    metric("hit", "Hit rate", "hitRate", percent, "Share of the periods with a return above 0"),
  ];
}

const FINISHED = {
  key: "finished",
  label: "Finished",
  first: "descending",
  value: (run) => run.finishedAt,
  render: (run) =>
    html`<time datetime=${run.finishedAt} title=${momentLong(run.finishedAt)}>${ago(run.finishedAt)}</time>`,
};

const isDataset = ({ key }) => key === "dataset";
const span = ({ performance }) =>
  performance?.startDate ? `${day(performance.startDate)} – ${day(performance.endDate)}` : NONE;

/** What is the same for all runs is said once; the rest has columns. */
function split(runs) {
  const facts = [
    {
      column: {
        key: "dataset",
        label: "Dataset",
        value: (run) => run.dataset?.label ?? "",
        render: (run) => html`<${DatasetLabel} dataset=${run.dataset} />`,
      },
      text: (run) => (run.dataset ? `on ${run.dataset.label}` : "imported"),
    },
    {
      column: { key: "span", label: "From – to", value: (run) => run.performance?.startDate, render: span },
      text: span,
    },
    {
      column: {
        key: "periods",
        label: "Periods",
        numeric: true,
        value: (run) => run.performance?.numPeriods,
        render: (run) => integer(run.performance?.numPeriods),
      },
      text: (run) => plural(run.performance?.numPeriods, "period"),
    },
  ].filter(({ column }) => runs.some((run) => (column.value(run) ?? null) !== null));
  const alike = ({ text }) => runs.length > 1 && runs.every((run) => text(run) === text(runs[0]));
  return {
    shared: facts
      .filter(alike)
      .map(({ text }) => text(runs[0]))
      .join(", "),
    own: facts.filter((fact) => !alike(fact)).map(({ column }) => column),
  };
}
