/* One run: how it did, what it held, what it was computed from; while it is under way, how far it has come.

   The address keeps what is chosen: log, from, to, window, date. */

import { Fragment, html, useEffect } from "../lib/html.js";
import { graphiqlLink } from "../lib/graphql.js";
import { PageHead } from "../lib/layout.js";
import { href } from "../lib/router.js";
import { Empty, ErrorPanel, Loading, SyntheticNotice } from "../lib/states.js";
import { useQuery } from "../lib/use_query.js";
import { Composition } from "./run/composition.js";
import { Curves } from "./run/curves.js";
import { FailureNotice, RunHead } from "./run/head.js";
import { Figures, Metrics } from "./run/metrics.js";
import { Months } from "./run/months.js";
import { ConfigPanel, NotesPanel } from "./run/origin.js";
import { OtherRun } from "./run/other.js";
import { Progress } from "./run/progress.js";
import { RUN } from "./run/query.js";
import { isOver } from "./status.js";

export default function Run({ route }) {
  const id = route.parts[1] ?? "";
  const query = useQuery(RUN, { id }, { skip: !id });
  // A part that cannot be had, such as a damaged series, does not take the others away.
  const run = (query.failure ? query.failure.data : query.data)?.run;
  // Another run, or none: what was drawn of the last one must not stand under the new address.
  const current = run?.id === id ? run : null;
  const failed = query.failure && html`<${ErrorPanel} failure=${query.failure} retry=${query.reload} />`;
  if (failed && !current) return html`<${PageHead} title="Run" />${failed}`;
  if (!id || (query.data && !run && !query.loading)) {
    return html`<${PageHead} title="No such run" />
      <${Empty} title="There is no run at this address"><a href=${href("/")}>Go to the overview</a><//>`;
  }
  if (!current) return html`<${Loading} label="Loading the run" rows=${10} />`;
  if (current.__typename !== "FactorRun") return html`<${OtherRun} run=${current} reload=${query.reload} />`;
  return html`${failed}
    <${FactorRun} run=${current} reload=${query.reload} params=${route.params} key=${id} />`;
}

function FactorRun({ run, reload, params }) {
  useEffect(() => scrollTo(0, 0), []);
  const done = run.status === "SUCCEEDED";
  return html`
    <${RunHead} run=${run} link=${graphiqlLink(RUN, { id: run.id })} />
    <${SyntheticNotice} datasets=${[run.dataset]} />
    ${!isOver(run.status) && html`<${Progress} run=${run} onEnd=${reload} />`}
    <${FailureNotice} run=${run} />
    ${
      done &&
      html`<${Fragment}>
      <${Figures} run=${run} />
      <${Curves} run=${run} params=${params} />
      <${Months} months=${run.monthlyReturns} />
      <${Composition} run=${run} date=${params.date ?? null} />
      <${Metrics} run=${run} />
    <//>`
    }
    <${ConfigPanel} run=${run} />
    <${NotesPanel} run=${run} />
  `;
}
