/* The run over time: growth with the drawdown beneath, the legs, rolling Sharpe ratio and volatility. */

import { DAY, aligned, dayText, seconds } from "../../charts/days.js";
import { factorColor } from "../../charts/colors.js";
import { LineChart } from "../../charts/line_chart.js";
import { RangeBrush, RangeButtons } from "../../charts/range_brush.js";
import { axisNumber, day, growth, percent, plural, ratio } from "../../lib/format.js";
import { Fragment, html, useMemo } from "../../lib/html.js";
import { Section } from "../../lib/parts.js";
import { setParams } from "../../lib/router.js";
import { Empty, Loaded } from "../../lib/states.js";
import { setLog, useLog } from "../../lib/use_log.js";
import { useDateRange } from "../../charts/use_range.js";
import { useQuery } from "../../lib/use_query.js";

const CURVES = `
  query Curves($id: ID!, $select: [SeriesSelect!]!) {
    run(id: $id) {
      id
      ... on FactorRun {
        series(select: $select, maxPoints: 4000) { name transform windowPeriods sampled dates values }
      }
    }
  }
`;
/** A quarter, half a year and a year of periods, or twice that of months. */
const WINDOWS = { WEEKLY: [13, 26, 52], MONTHLY: [6, 12, 24], DAILY: [91, 182, 365] };
const SESSIONS = [63, 126, 252];
const START = { level: 100, color: "--line-strong" };
const ZERO = { level: 0, color: "--line-strong" };
const sharpe = (value) => ratio(value);
const share = (value) => percent(value);
const axisShare = (value) => percent(value, Math.abs(value) < 0.05 && value !== 0 ? 1 : 0);

/** What there is to draw: no net curve without costs, no legs of imported or long-only runs. */
function selection(run, window) {
  const net = run.netPerformance !== null;
  const legs = run.origin === "COMPUTED" ? ["LONG", ...(run.factor.longOnly ? [] : ["SHORT"])] : [];
  const names = ["FACTOR", ...(net ? ["NET"] : [])];
  return [
    ...[...names, ...(run.factor.longOnly ? [] : legs)].map((name) => ({ name, transform: "GROWTH_OF_100" })),
    ...names.map((name) => ({ name, transform: "DRAWDOWN" })),
    { name: "FACTOR", transform: "ROLLING_SHARPE", windowPeriods: window },
    { name: "FACTOR", transform: "ROLLING_VOLATILITY", windowPeriods: window },
  ];
}

export function Curves({ run, params }) {
  const { rebalance } = run.config;
  const sessions = rebalance === "DAILY" && run.dataset?.calendar === "OBSERVED";
  const windows = sessions ? SESSIONS : (WINDOWS[rebalance] ?? WINDOWS.WEEKLY);
  const window = windows.includes(Number(params.window)) ? Number(params.window) : null;
  const query = useQuery(CURVES, { id: run.id, select: selection(run, window) });
  return html`<${Loaded} query=${query} label="the curves" rows=${9}>
    ${({ run: { series } }) =>
      series === null || series[0].dates.length < 2
        ? html`<${Section} title="Growth of 100">
            <${Empty} title="No return series">This run came without one: only its metrics are known.<//>
          <//>`
        : html`<${Charts}
          run=${run}
          series=${series}
          params=${params}
          windows=${windows}
          window=${window}
        />`}
  <//>`;
}

function Charts({ run, series, params, windows, window }) {
  const color = factorColor(run.factor.name);
  const { xs, line } = useMemo(() => {
    const { xs, columns } = aligned(series);
    const find = (name, transform) =>
      series.findIndex((one) => one.name === name && one.transform === transform);
    const line = (name, transform, style) => {
      const index = find(name, transform);
      return index < 0 || columns[index].every((value) => value === null)
        ? null
        : { key: `${name}-${transform}`, values: columns[index], ...style };
    };
    return { xs, line };
  }, [series]);
  const [range, setRange] = useDateRange(params, xs);
  const gaps = useMemo(
    () => (series[0].sampled ? [] : skippedSpans(xs, run.config.rebalance, run.dataset?.calendar)),
    [series],
  );
  const marks = useMemo(() => marksOf(run, gaps), [gaps]);
  const lines = useMemo(
    () => ({
      growth: kept([
        line("FACTOR", "GROWTH_OF_100", {
          label: run.netPerformance ? "Gross" : "Growth of 100",
          color,
          width: 2,
        }),
        line("NET", "GROWTH_OF_100", { label: "Net of costs", color: "--ink-2", dash: [6, 3] }),
      ]),
      drawdown: kept([
        line("FACTOR", "DRAWDOWN", { label: "Drawdown", color: "--below", fill: true }),
        line("NET", "DRAWDOWN", { label: "Net of costs", color: "--ink-2", dash: [6, 3] }),
      ]),
      legs: kept([
        line("LONG", "GROWTH_OF_100", { label: "Long leg", color: "--above" }),
        line("SHORT", "GROWTH_OF_100", { label: "Short leg, held long", color: "--below", dash: [7, 3] }),
      ]),
      sharpe: kept([line("FACTOR", "ROLLING_SHARPE", { label: "Sharpe", color })]),
      volatility: kept([line("FACTOR", "ROLLING_VOLATILITY", { label: "Volatility", color })]),
    }),
    [line, color],
  );
  const log = useLog(params, lines.growth);
  const common = { xs, range, onRange: setRange, marks, syncKey: run.id };
  const periods = series.find(({ transform }) => transform === "ROLLING_SHARPE").windowPeriods;
  const actions = html`
    <${RangeButtons} xs=${xs} range=${range} onRange=${setRange} />
    <label class="switch"><input
      type="checkbox"
      checked=${log}
      onChange=${() => setLog(!log, lines.growth)}
    /> Log scale</label>
  `;
  return html`<${Fragment}>
    <${Section} title="Growth of 100 and drawdown" note=${skipNote(run, gaps)} actions=${actions}>
      <${LineChart}
        ...${common}
        label="Growth of 100"
        marks=${[...marks, START]}
        series=${lines.growth}
        format=${growth}
        axis=${axisNumber}
        log=${log}
        height=${280}
      />
      <${LineChart}
        ...${common}
        label="Drawdown"
        series=${lines.drawdown}
        format=${share}
        axis=${axisShare}
        base=${0}
        height=${130}
      />
      <${RangeBrush} xs=${xs} series=${lines.growth} log=${log} range=${range} onRange=${setRange} />
    <//>
    <div class="grid">
      ${
        lines.legs.length > 0 &&
        html`<${Section} title="Long and short legs" note="Each leg on its own, held long: growth of 100">
        <${LineChart}
          ...${common}
          label="Growth of 100 of each leg"
          marks=${[...marks, START]}
          series=${lines.legs}
          format=${growth}
          axis=${axisNumber}
          log=${log}
          height=${292}
        />
      <//>`
      }
      <${Section}
        title="Rolling Sharpe and volatility"
        note="Annualised, over the last ${plural(periods, "period")}"
        actions=${html`<${Windows} sizes=${windows} chosen=${window} periods=${periods} />`}
      >
        ${
          lines.volatility.length === 0
            ? html`<${Empty} title="Too few periods">
                ${plural(run.performance.numPeriods, "period")} are fewer than the window has.
              <//>`
            : html`
              <${LineChart}
                ...${common}
                label="Rolling Sharpe ratio"
                marks=${[...marks, ZERO]}
                series=${lines.sharpe}
                format=${sharpe}
                axis=${(value) => ratio(value, 1)}
                base=${0}
                height=${125}
              />
              <${LineChart}
                ...${common}
                label="Rolling volatility"
                series=${lines.volatility}
                format=${share}
                axis=${axisShare}
                base=${0}
                height=${125}
              />
            `
        }
      <//>
    </div>
  <//>`;
}

function Windows({ sizes, chosen, periods }) {
  return html`<div class="segments" role="group" aria-label="Periods in the window">
    ${sizes.map(
      (size) =>
        html`<button
          type="button"
          key=${size}
          aria-pressed=${(chosen ?? periods) === size}
          onClick=${() => setParams({ window: size })}
        >
          ${size}
        </button>`,
    )}
  </div>`;
}

const kept = (lines) => lines.filter((line) => line !== null);

const SPACING = { WEEKLY: 7, MONTHLY: 31, DAILY: 1 };

/** Where periods are missing inside. Sessions have gaps of their own, so that their days tell nothing. */
function skippedSpans(xs, rebalance, calendar) {
  if (rebalance === "DAILY" && calendar !== "EVERY_DAY") return [];
  const spacing = SPACING[rebalance] * DAY;
  const spans = [];
  for (let index = 1; index < xs.length; index += 1) {
    if (xs[index] - xs[index - 1] > spacing * 1.5) spans.push({ from: xs[index - 1], to: xs[index] });
  }
  return spans;
}

function marksOf(run, gaps) {
  const bands = gaps.map((span) => ({ ...span, color: "--warn" }));
  const wiped = wipedOut(run);
  return wiped ? [...bands, { at: seconds(wiped.on), label: wiped.label, color: "--bad" }] : bands;
}

/** When nothing was left; costs may take what the factor itself does not lose. */
function wipedOut({ performance, netPerformance }) {
  if (performance.wipedOutOn)
    return { on: performance.wipedOutOn, label: `wiped out ${day(performance.wipedOutOn)}`, of: "A loss" };
  const on = netPerformance?.wipedOutOn;
  return on ? { on, label: `wiped out net of costs ${day(on)}`, of: "Net of costs, a loss" } : null;
}

function skipNote(run, gaps) {
  const { skippedPeriods } = run.performance;
  const wiped = wipedOut(run);
  const parts = [];
  if (skippedPeriods) {
    const where = gaps.length
      ? `; shaded: ${gaps
          .slice(0, 3)
          .map(({ from, to }) => `${day(dayText(from))} – ${day(dayText(to))}`)
          .join(", ")}${gaps.length > 3 ? "…" : ""}`
      : "";
    parts.push(
      `${plural(skippedPeriods, "period was", "periods were")} skipped for want of eligible assets${where}.`,
    );
  }
  if (wiped)
    parts.push(`${wiped.of} of 100 % or more on ${day(wiped.on)} ended it: wealth is 0 from there on.`);
  return parts.join(" ") || null;
}
