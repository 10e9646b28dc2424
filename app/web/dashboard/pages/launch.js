/* The launch view: a form made from the schema, then the run that it launched.

   `#/launch/momentum?lookbackPeriods=4&marketCapThreshold=off&dataset=...` opens it filled in
   (launch/values.js writes such links); the address follows what is typed, so that it can be kept or sent. */

import { request } from "../lib/graphql.js";
import { asFailure } from "../lib/failure.js";
import { html, useEffect, useRef, useState } from "../lib/html.js";
import { PageHead } from "../lib/parts.js";
import { href } from "../lib/router.js";
import { Empty, ErrorPanel, Loaded, Notice } from "../lib/states.js";
import { onTokenChange } from "../lib/token.js";
import { useLaunchData } from "./launch/data.js";
import { LaunchForm } from "./launch/form.js";
import { LaunchedRun } from "./launch/run.js";
import { draftsOfLink, parametersOfDrafts, placeErrors, readDrafts } from "./launch/values.js";

const LAUNCH = `mutation Launch($input: ComputeFactorInput!) {
  computeFactor(input: $input) {
    __typename
    ... on ComputeFactorSuccess { reused run { id status } }
    ... on Error { message hint }
    ... on InvalidInput { fieldErrors { path message } }
  }
}`;

const NO_ERRORS = { beside: {}, messages: [], failure: null };

export default function Launch({ route }) {
  const query = useLaunchData();
  return html`
    <${PageHead} title="Launch a run" detail="Choose a factor and a dataset; what is left alone keeps
      its default." />
    <${Loaded} query=${query} label="the form" rows=${8}>
      ${(data) =>
        data.datasets.length === 0
          ? html`<${Empty} title="There is no dataset to compute from.">
              <a href=${href("/datasets")}>Take in a file</a>, or run <code>factorql demo</code> for a sample.
            <//>`
          : html`<${Launcher} data=${data} route=${route} />`}
    <//>
  `;
}

function Launcher({ data, route }) {
  const [form, setForm] = useState(() => formOfRoute(data, route));
  const [errors, setErrors] = useState(NO_ERRORS);
  const [launched, setLaunched] = useState(null);
  const [sending, setSending] = useState(false);
  const root = useRef(null);
  // Two clicks may come before the button is drawn disabled.
  const under = useRef(false);

  // A link was followed while the form was open.
  const opened = useRef(route);
  useEffect(() => {
    if (opened.current === route) return;
    opened.current = route;
    setForm(formOfRoute(data, route));
    setErrors(NO_ERRORS);
    setLaunched(null);
  }, [route]);

  useEffect(() => onTokenChange(() => setErrors(NO_ERRORS)), []);

  const options = [...form.factor.own, ...form.factor.shared];
  const defaults = { ...form.factor.defaults, ...generalDefaults(data.general) };

  const change = (changes) => {
    const next = { ...form, ...changes };
    setForm(next);
    // Silently: the view stays the same, and so does what has the keyboard.
    history.replaceState(null, "", addressOf(next));
  };
  const changeDraft = (name, draft) => {
    change({ drafts: { ...form.drafts, [name]: draft } });
    if (errors.beside[name] !== undefined) {
      setErrors({ ...errors, beside: { ...errors.beside, [name]: undefined } });
    }
  };
  const changeFactor = (factor) => {
    change({ factor });
    setErrors(NO_ERRORS);
  };
  const changeDataset = (dataset) => {
    change({ dataset, lostDataset: false });
    setErrors({ ...errors, beside: { ...errors.beside, dataset: undefined } });
  };
  const reset = () => {
    change({ drafts: {} });
    setErrors(NO_ERRORS);
  };

  const refuse = (refused) => {
    setErrors(refused);
    requestAnimationFrame(() => showFirst(root.current));
  };
  const launch = async (anew = {}) => {
    const own = readDrafts(options, form.drafts, form.factor.defaults);
    const general = readDrafts(data.general, form.drafts, generalDefaults(data.general));
    const beside = { ...own.errors, ...general.errors };
    if (form.dataset === null) beside.dataset = "choose a dataset";
    if (Object.keys(beside).length > 0) {
      refuse({ ...NO_ERRORS, beside });
      return;
    }
    if (under.current) return;
    under.current = true;
    setSending(true);
    setErrors(NO_ERRORS);
    setLaunched(null);
    const spec = { [form.factor.field]: own.values };
    const input = { spec, dataset: { id: form.dataset.id }, ...general.values, ...anew };
    try {
      const { computeFactor: result } = await request(LAUNCH, { input });
      if (result.__typename === "ComputeFactorSuccess") {
        setLaunched({ ...result, title: form.factor.title, round: (launched?.round ?? 0) + 1 });
      } else {
        refuse(errorsOf(result, ["dataset", ...options.map(nameOf), ...data.general.map(nameOf)]));
      }
    } catch (reason) {
      refuse({ ...NO_ERRORS, failure: asFailure(reason) });
    } finally {
      under.current = false;
      setSending(false);
    }
  };

  return html`<div ref=${root}>
    ${
      launched !== null &&
      html`<${LaunchedRun} key=${`${launched.run.id}/${launched.round}`} launched=${launched}
      onAnew=${() => launch({ force: true })} />`
    }
    <${LaunchErrors} errors=${errors} />
    ${
      form.unknownFactor &&
      html`<${Notice} kind="warn"
        title=${`There is no factor '${form.unknownFactor}'.`}>Choose one of these.<//>`
    }
    <${LaunchForm} data=${data} form=${form} options=${options} defaults=${defaults} errors=${errors.beside}
      sending=${sending} onFactor=${changeFactor} onDataset=${changeDataset} onDraft=${changeDraft}
      onReset=${reset} onLaunch=${() => launch()} />
  </div>`;
}

const nameOf = (option) => option.name;

const generalDefaults = (general) =>
  Object.fromEntries(general.map((option) => [option.name, option.schemaDefault]));

/** What the form shows first: the link's choices, else the first factor and the likeliest dataset. */
function formOfRoute(data, { parts, params }) {
  const asked = (parts[1] ?? "").toUpperCase();
  const found = data.factors.find((factor) => factor.name === asked);
  const factor = found ?? data.factors[0];
  const wanted = params.dataset;
  const current = data.datasets.filter((dataset) => dataset.current);
  const usual = current.find((dataset) => !dataset.synthetic) ?? current[0] ?? data.datasets[0];
  const linked =
    [...data.datasets, ...current].find(({ id, name }) => id === wanted || name === wanted) ?? null;
  return {
    factor,
    unknownFactor: found || asked === "" ? null : parts[1],
    dataset: wanted === undefined ? usual : linked,
    lostDataset: wanted !== undefined && linked === null,
    drafts: draftsOfLink([...factor.own, ...factor.shared], params),
  };
}

function addressOf({ factor, dataset, drafts }) {
  const parameters = parametersOfDrafts([...factor.own, ...factor.shared], drafts, factor.defaults);
  return href("/launch", factor.name.toLowerCase(), { ...parameters, dataset: dataset?.id });
}

/** What the server refused: beside the fields where it says which, as messages otherwise. */
function errorsOf(result, names) {
  const { beside, elsewhere } = placeErrors(result.fieldErrors ?? [], names);
  const { message, hint } = result;
  if (Object.keys(beside).length === 0) return { ...NO_ERRORS, messages: [{ message, hint }] };
  return { ...NO_ERRORS, beside, messages: elsewhere.map((text) => ({ message: text, hint: null })) };
}

function LaunchErrors({ errors }) {
  if (errors.failure !== null) {
    return html`<div class="launch-errors"><${ErrorPanel} failure=${errors.failure} /></div>`;
  }
  const faulty = Object.values(errors.beside).filter((message) => message !== undefined).length;
  if (faulty === 0 && errors.messages.length === 0) return null;
  const title = faulty > 0 ? "Nothing was launched: see the values marked below." : "Nothing was launched.";
  return html`<div class="launch-errors">
    <${Notice} kind="bad" title=${title}>
      ${errors.messages.map(({ message, hint }) => html`<p>${message}${hint ? ` ${hint}` : ""}</p>`)}
    <//>
  </div>`;
}

/** Where the reader has to go on: the first faulty value, or the message. */
function showFirst(root) {
  const control = root.querySelector("[aria-invalid='true']");
  const place = control?.closest(".field") ?? root.querySelector(".launch-errors");
  place?.scrollIntoView({ block: "center" });
  control?.focus({ preventScroll: true });
}
