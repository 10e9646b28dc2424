/* The run that was launched: its progress as the server tells it, the way to cancel it, then its result. */

import { factorColor } from "../../charts/colors.js";
import { seconds } from "../../charts/days.js";
import { LineChart } from "../../charts/line_chart.js";
import { day, duration, integer, percent, ratio, signed } from "../../lib/format.js";
import { FailureKind, asFailure } from "../../lib/failure.js";
import { request } from "../../lib/graphql.js";
import { html, useEffect, useMemo, useRef, useState } from "../../lib/html.js";
import { href } from "../../lib/router.js";
import { ErrorPanel, Loaded, Notice, SyntheticNotice } from "../../lib/states.js";
import { useQuery, useSubscription } from "../../lib/use_query.js";
import { cancelRun } from "../cancel.js";
import { StatusTag, isOver } from "../status.js";

const EVENTS = `subscription LaunchedRun($id: ID!) {
  runEvents(runId: $id) {
    status
    message
    progress { fraction stage }
    run { durationMs failure { code message } }
  }
}`;
const STATE = `query LaunchedRunState($id: ID!) {
  run(id: $id) { status progress { fraction stage } durationMs failure { code message } }
}`;

/** @param launched `{run: {id, status}, reused, title}`; `onAnew` launches the same again by force */
export function LaunchedRun({ launched, onAnew }) {
  const { id } = launched.run;
  const [event, setEvent] = useState({
    status: launched.run.status,
    progress: { fraction: 0, stage: "" },
    message: null,
    run: { durationMs: null, failure: null },
  });
  const [refusal, setRefusal] = useState(null);
  const panel = useRef(null);
  useEffect(() => panel.current.scrollIntoView({ block: "nearest" }), []);
  const ended = isOver(event.status);
  const askOnce = async () => {
    if (ended) return;
    try {
      const { run } = await request(STATE, { id });
      if (run) setEvent({ ...run, message: null, run });
      else setRefusal(asFailure("The run is not there any more."));
    } catch (reason) {
      setRefusal(asFailure(reason));
    }
  };
  const { failure, live } = useSubscription(EVENTS, { id }, ({ runEvents }) => setEvent(runEvents), {
    onComplete: askOnce,
  });
  const cancel = async () => {
    setRefusal(null);
    setRefusal(await cancelRun(id));
  };
  return html`<section class="panel launched" aria-label="Launched run" ref=${panel}>
    <div class="panel-head">
      <div>
        <h2>${launched.title} <${StatusTag} status=${event.status} /></h2>
        <p class="panel-note" role="status">${statusLine(event, launched.reused)}</p>
      </div>
      <div class="panel-actions">
        ${
          !ended &&
          html`<button type="button" class="button button-danger" onClick=${cancel}>Cancel</button>`
        }
        ${
          ended &&
          launched.reused &&
          html`<button type="button" class="button" onClick=${onAnew}>Compute anew</button>`
        }
        <a class="button ${event.status === "SUCCEEDED" ? "button-primary" : ""}"
          href=${href("/runs", id)}>Open the run</a>
      </div>
    </div>
    ${
      !ended &&
      html`<progress class="run-progress" max="1" value=${event.progress.fraction}
        aria-label="Progress"></progress>
      ${!live && failure && html`<p class="field-warning">The connection was lost; trying again.</p>`}`
    }
    ${refusal && html`<${ErrorPanel} failure=${refusal} />`}
    ${failure && failure.kind !== FailureKind.NETWORK && html`<${ErrorPanel} failure=${failure} />`}
    ${
      event.status === "FAILED" &&
      html`<${Notice} kind="bad" title=${event.run.failure?.message ?? "The run failed."}>
      <code>${event.run.failure?.code}</code>
    <//>`
    }
    ${event.status === "SUCCEEDED" && html`<${Result} id=${id} />`}
  </section>`;
}

function statusLine({ status, progress, message, run }, reused) {
  if (status === "QUEUED") return "Waiting for a free place.";
  if (status === "RUNNING") {
    return [percent(progress.fraction, 0), progress.stage || message].filter(Boolean).join(", ");
  }
  if (status === "CANCELED") return "Canceled; the options are below as they were.";
  if (status === "FAILED") return "It ended without results.";
  const took = run.durationMs === null ? "" : ` in ${duration(run.durationMs)}`;
  return reused ? "This run was there already, with the same options on the same data." : `Computed${took}.`;
}

const RESULT = `query LaunchResult($id: ID!) {
  run(id: $id) {
    ... on FactorRun {
      dataset { label synthetic }
      factor { name }
      performance { ...Figures numPeriods startDate endDate wipedOutOn }
      netPerformance { ...Figures }
      series(
        select: [{ name: FACTOR, transform: GROWTH_OF_100 }, { name: NET, transform: GROWTH_OF_100 }]
        maxPoints: 800
      ) {
        name dates values
      }
    }
  }
}
fragment Figures on Performance {
  annualizedReturn annualizedVolatility sharpeRatio maxDrawdown cumulativeReturn
}`;

const FIGURES = [
  ["Annualised return", "annualizedReturn", signed],
  ["Volatility", "annualizedVolatility", percent],
  ["Sharpe ratio", "sharpeRatio", ratio],
  ["Deepest drawdown", "maxDrawdown", percent],
  ["Whole return", "cumulativeReturn", signed],
];

function Result({ id }) {
  const query = useQuery(RESULT, { id });
  return html`<${Loaded} query=${query} label="the result">
    ${({ run }) => html`
      <${SyntheticNotice} datasets=${[run.dataset]} />
      <${Figures} run=${run} />
      ${
        run.performance.wipedOutOn !== null &&
        html`<${Notice} kind="warn" title=${`Wiped out on ${day(run.performance.wipedOutOn)}.`}>
        A period lost everything or more; nothing was left to compound from then on.
      <//>`
      }
      <${Curve} run=${run} />
    `}
  <//>`;
}

function Figures({ run: { performance, netPerformance } }) {
  return html`<dl class="figures">
    ${FIGURES.map(
      ([label, name, format]) => html`<div class="figure" key=${name}>
        <dt>${label}</dt>
        <dd>
          ${format(performance[name])}
          ${netPerformance !== null && html`<small>net ${format(netPerformance[name])}</small>`}
        </dd>
      </div>`,
    )}
    <div class="figure">
      <dt>Periods</dt>
      <dd>
        ${integer(performance.numPeriods)}
        <small>${day(performance.startDate)} to ${day(performance.endDate)}</small>
      </dd>
    </div>
  </dl>`;
}

function Curve({ run }) {
  const [gross, net] = run.series;
  const xs = useMemo(() => gross.dates.map(seconds), [gross]);
  const series = [
    { key: "FACTOR", label: "Gross", color: factorColor(run.factor.name), values: gross.values, width: 2 },
  ];
  if (run.netPerformance !== null) {
    series.push({ key: "NET", label: "Net of costs", color: "--ink-3", values: net.values, dash: [5, 4] });
  }
  return html`<${LineChart} label="Growth of 100" xs=${xs} series=${series} height=${240} base=${100}
    format=${(value) => ratio(value, 0)} />`;
}
