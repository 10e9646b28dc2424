/* A run that is waiting or under way: how far it is, as it happens, and a way to end it. */

import { percent, words } from "../../lib/format.js";
import { asFailure } from "../../lib/failure.js";
import { request } from "../../lib/graphql.js";
import { html, useState } from "../../lib/html.js";
import { ErrorPanel } from "../../lib/states.js";
import { useSubscription } from "../../lib/use_query.js";
import { StatusTag } from "../status.js";

const EVENTS = `
  subscription RunProgress($runId: ID!) {
    runEvents(runId: $runId) { status message progress { fraction stage } }
  }
`;
const CANCEL = `
  mutation Cancel($id: ID!) {
    cancelRun(id: $id) { __typename ... on Error { message } }
  }
`;

export function Progress({ run, onEnd }) {
  const [now, setNow] = useState({ status: run.status, message: null, progress: run.progress });
  const [refusal, setRefusal] = useState(null);
  const [ending, setEnding] = useState(false);
  // Whether or not the last event told of the end: the run is asked for once, and shown as it is then.
  const { failure } = useSubscription(EVENTS, { runId: run.id }, ({ runEvents }) => setNow(runEvents), {
    onComplete: onEnd,
  });
  const cancel = async () => {
    setEnding(true);
    try {
      const { cancelRun } = await request(CANCEL, { id: run.id });
      if (cancelRun.message) setRefusal(asFailure(cancelRun.message));
    } catch (reason) {
      setRefusal(asFailure(reason));
    }
    setEnding(false);
  };
  const { fraction, stage } = now.progress;
  return html`<section class="panel progress-panel" aria-label="Progress">
    <div class="row">
      <${StatusTag} status=${now.status} />
      <span role="status">${now.message ?? words(stage)}</span>
      <span class="progress-share">${percent(fraction, 0)}</span>
      <button
        type="button"
        class="button button-danger"
        disabled=${ending}
        onClick=${cancel}
      >
        Cancel run
      </button>
    </div>
    <progress
      max="1"
      value=${now.status === "QUEUED" ? undefined : fraction}
      aria-label="Progress of the run"
    ></progress>
    ${failure && html`<${ErrorPanel} failure=${failure} />`}
    ${refusal && html`<${ErrorPanel} failure=${refusal} />`}
  </section>`;
}
