/* Takes in logs of the older system; first to see what would happen, if that is wished. */

import { asFailure } from "../../lib/failure.js";
import { plural } from "../../lib/format.js";
import { upload } from "../../lib/graphql.js";
import { html, useId, useState } from "../../lib/html.js";
import { Section } from "../../lib/parts.js";
import { ErrorPanel, Notice } from "../../lib/states.js";
import { QuarantinedLines } from "./lines.js";

const IMPORT = `mutation ImportLogs($files: [Upload!]!, $dryRun: Boolean!) {
  importFactorLogs(files: $files, dryRun: $dryRun) {
    __typename
    ... on ImportFactorLogsSuccess {
      ignoredFiles
      batch {
        imported unchanged repaired merged seriesAttached monthlySetsAttached quarantined
        quarantine { file line raw code reason }
      }
    }
    ... on Error { message hint }
  }
}`;

export function LogUpload({ onDone }) {
  const id = useId();
  const [files, setFiles] = useState([]);
  const [sending, setSending] = useState(false);
  const [failure, setFailure] = useState(null);
  const [done, setDone] = useState(null);
  const send = async (dryRun) => {
    setSending(true);
    setFailure(null);
    setDone(null);
    try {
      const places = Object.fromEntries(files.map((file, index) => [`variables.files.${index}`, file]));
      const variables = { files: files.map(() => null), dryRun };
      const { importFactorLogs: result } = await upload(IMPORT, variables, places);
      if (result.message !== undefined) throw result;
      setDone({ ...result, dryRun });
      if (!dryRun) onDone();
    } catch (reason) {
      setFailure(asFailure(reason));
    } finally {
      setSending(false);
    }
  };
  const idle = sending || files.length === 0;
  return html`<${Section} title="Import logs"
    note="Factor logs, return series and monthly metrics are told apart by name; repeating changes nothing.">
    <form class="upload-form" onSubmit=${(event) => event.preventDefault()}>
      <div class="field dataset-field">
        <label for=${id}>CSV files</label>
        <input id=${id} type="file" multiple accept=".csv"
          onChange=${(event) => setFiles([...event.currentTarget.files])} />
      </div>
      <div class="row">
        <button type="button" class="button" disabled=${idle} onClick=${() => send(true)}>Try first</button>
        <button type="button" class="button button-primary" disabled=${idle} onClick=${() => send(false)}>
          ${sending ? "Reading…" : "Import"}
        </button>
      </div>
      ${failure && html`<${ErrorPanel} failure=${failure} />`} ${done && html`<${Outcome} outcome=${done} />`}
    </form>
  <//>`;
}

function Outcome({ outcome: { batch, ignoredFiles, dryRun } }) {
  const parts = [
    [batch.imported, "run", "added"],
    [batch.unchanged, "run", "there already"],
    [batch.repaired, "row", "repaired"],
    [batch.merged, "line", "merged"],
    [batch.seriesAttached, "return series", "attached"],
    [batch.monthlySetsAttached, "monthly sheet", "attached"],
    [batch.quarantined, "line", "quarantined"],
  ];
  const told = parts
    .filter(([count]) => count > 0)
    .map(([count, noun, what]) => `${plural(count, noun, noun.endsWith("s") ? noun : undefined)} ${what}`);
  const title = dryRun ? "Nothing was written. An import would tell:" : "Imported:";
  return html`<${Notice} kind="info" title=${title}>
      <p>${told.join(", ") || "nothing new"}.</p>
      ${ignoredFiles.length > 0 && html`<p>Not logs, left alone: ${ignoredFiles.join(", ")}.</p>`}
    <//>
    ${batch.quarantine.length > 0 && dryRun && html`<${QuarantinedLines} lines=${batch.quarantine} />`}`;
}
