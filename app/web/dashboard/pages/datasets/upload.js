/* Takes a file in as a dataset. The fields are the arguments of the mutation, as the schema tells them. */

import { asFailure } from "../../lib/failure.js";
import { integer } from "../../lib/format.js";
import { request, upload } from "../../lib/graphql.js";
import { html, useEffect, useState } from "../../lib/html.js";
import { Section } from "../../lib/parts.js";
import { href } from "../../lib/router.js";
import { ErrorPanel, Loading, Notice } from "../../lib/states.js";
import { DatasetQuality } from "./quality.js";
import { OptionField } from "../launch/field.js";
import { OPTION_FRAGMENTS, readOption } from "../launch/schema.js";
import { readDrafts } from "../launch/values.js";

const ARGUMENTS = `query IngestArguments { __type(name: "Mutation") { fields { name args { ...Option } } } }
${OPTION_FRAGMENTS}`;

const INGEST = `mutation Ingest(
  $file: Upload!, $name: String!, $calendar: Calendar, $licence: String, $note: String, $synthetic: Boolean!
) {
  ingestDataset(
    file: $file, name: $name, calendar: $calendar, licence: $licence, note: $note, synthetic: $synthetic
  ) {
    __typename
    ... on IngestDatasetSuccess {
      created
      dataset { id name version }
      quality {
        rowsRead rowsKept rowsRefused rowsMerged rowsSkipped notes
        counts { code label action count example }
        refused { line code reason }
        lostAssets { asset code reason }
      }
    }
    ... on Error { message hint }
    ... on InvalidInput { fieldErrors { path message } }
    ... on InvalidFile { fieldErrors { path message } }
  }
}`;

export function DatasetUpload({ onDone }) {
  const [options, setOptions] = useState(null);
  const [failure, setFailure] = useState(null);
  useEffect(() => {
    request(ARGUMENTS).then(
      (data) =>
        setOptions(data.__type.fields.find(({ name }) => name === "ingestDataset").args.map(readOption)),
      (reason) => setFailure(asFailure(reason)),
    );
  }, []);
  return html`<${Section} title="Take in a file"
    note="CSV (also gzipped) or Parquet in long form: a row for each asset and date.">
    ${failure && html`<${ErrorPanel} failure=${failure} />`}
    ${options === null && failure === null && html`<${Loading} label="Loading the form" />`}
    ${options !== null && html`<${UploadForm} options=${options} onDone=${onDone} />`}
  <//>`;
}

function UploadForm({ options, onDone }) {
  const [file, setFile] = useState(null);
  const [drafts, setDrafts] = useState({});
  const [errors, setErrors] = useState({ beside: {}, failure: null });
  const [sending, setSending] = useState(false);
  const [done, setDone] = useState(null);
  const texts = options.filter(({ kind }) => kind !== null);
  const defaults = Object.fromEntries(options.map((option) => [option.name, option.schemaDefault]));
  const fileHelp = options.find(({ name }) => name === "file")?.description;

  const send = async (event) => {
    event.preventDefault();
    const { values, errors: faults } = readDrafts(texts, drafts, defaults);
    const beside = { ...faults };
    if (file === null) beside.file = "choose a file";
    if (values.name === undefined) beside.name = "a dataset needs a name";
    setErrors({ beside, failure: null });
    if (Object.keys(beside).length > 0) return;
    setSending(true);
    setDone(null);
    try {
      const variables = { ...defaults, ...values, file: null };
      const { ingestDataset: result } = await upload(INGEST, variables, { "variables.file": file });
      if (result.__typename === "IngestDatasetSuccess") {
        setDone(result);
        onDone();
      } else {
        setErrors(placed(result, options));
      }
    } catch (reason) {
      setErrors({ beside: {}, failure: asFailure(reason) });
    } finally {
      setSending(false);
    }
  };

  return html`<form class="upload-form" onSubmit=${send} novalidate>
    <div class="option-grid">
      <div class="field ${errors.beside.file === undefined ? "" : "faulty"}" data-option="file">
        <div class="field-head"><label class="field-label" for="ingest-file">File</label></div>
        <input id="ingest-file" type="file" accept=".csv,.gz,.parquet" aria-describedby="ingest-file-help"
          aria-invalid=${errors.beside.file === undefined ? undefined : "true"}
          onChange=${(event) => setFile(event.currentTarget.files[0] ?? null)} />
        ${errors.beside.file !== undefined && html`<p class="field-error">${errors.beside.file}</p>`}
        <p class="field-hint" id="ingest-file-help">${fileHelp}</p>
      </div>
      ${texts.map(
        (option) => html`<${OptionField} key=${option.name} option=${option} draft=${drafts[option.name]}
          defaultValue=${defaults[option.name]} error=${errors.beside[option.name]}
          onDraft=${(draft) => setDrafts({ ...drafts, [option.name]: draft })} />`,
      )}
    </div>
    ${errors.failure && html`<${ErrorPanel} failure=${errors.failure} />`}
    <div class="row">
      <button type="submit" class="button button-primary" disabled=${sending}>
        ${sending ? "Taking in…" : "Take in"}
      </button>
    </div>
    ${done && html`<${Done} result=${done} />`}
  </form>`;
}

function placed(result, options) {
  const beside = {};
  const names = options.map(({ name }) => name);
  for (const fault of result.fieldErrors ?? []) {
    if (names.includes(fault.path[0])) beside[fault.path[0]] = fault.message;
  }
  return { beside, failure: Object.keys(beside).length > 0 ? null : asFailure(result) };
}

function Done({ result: { created, dataset, quality } }) {
  const title = created
    ? `${dataset.name} v${dataset.version} is here: ${integer(quality.rowsKept)} rows kept.`
    : `The same data were here already, as ${dataset.name} v${dataset.version}.`;
  return html`<${Notice} kind="info" title=${title}>
      <p class="row">
        <a href=${href("/datasets", dataset.id)}>Open it</a>
        <a href=${href("/launch", { dataset: dataset.id })}>Launch on it</a>
      </p>
    <//>
    <${DatasetQuality} quality=${quality} />`;
}
