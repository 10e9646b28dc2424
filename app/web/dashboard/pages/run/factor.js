/* A run of a factor model: how it did, what it held, what it was computed from.

   The address keeps what is chosen: log, from, to, window, date. */

import { Fragment, html, useEffect } from "../../lib/html.js";
import { graphiqlLink } from "../../lib/graphql.js";
import { SyntheticNotice } from "../../lib/states.js";
import { isOver } from "../status.js";
import { Composition } from "./composition.js";
import { Curves } from "./curves.js";
import { FailureNotice, RunHead } from "./head.js";
import { Figures, Metrics } from "./metrics.js";
import { Months } from "./months.js";
import { ConfigPanel, NotesPanel } from "./origin.js";
import { Progress } from "./progress.js";
import { RUN } from "./query.js";

export default function FactorRun({ run, reload, params }) {
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
