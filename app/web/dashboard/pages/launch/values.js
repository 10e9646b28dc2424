/* From what is typed into the launch form to the variables of the mutation, and to links and back. A value
   that was left alone is not sent, so that the server's own default applies; "off" is sent as an explicit
   null. */

import { href } from "../../lib/router.js";

/** The draft of an option that is switched off. */
export const OFF = Symbol("off");

const LARGEST_INT = 2 ** 31 - 1;

/** What the controls show for a value of the graph: text, a flag, or a list of names. */
export function draftOf(option, value) {
  if (option.kind === "boolean") return value ?? false;
  if (option.kind === "choices") return value ?? [];
  if (value === null || value === undefined) return "";
  return option.kind === "words" ? value.join(", ") : String(value);
}

/**
 * What a draft means: `{value}` to send, `{}` to send nothing, or `{error}` in one line.
 *
 * Only what the graph's types cannot carry is refused here; ranges are the server's to judge.
 */
export function readDraft(option, draft) {
  if (draft === OFF) return { value: null };
  if (option.kind === "boolean") return { value: draft };
  if (option.kind === "choices") return draft.length === 0 ? {} : { value: draft };
  const text = draft.trim();
  if (text === "") return {};
  if (option.kind === "words") return readWords(text);
  if (option.kind === "integer" || option.kind === "number") return readNumber(option, text);
  return { value: text };
}

function readWords(text) {
  const words = text.split(/[,\n]/).map((word) => word.trim());
  return { value: words.filter((word) => word !== "") };
}

function readNumber(option, text) {
  const value = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : NaN;
  if (!Number.isFinite(value)) {
    return { error: `'${text}' is not a number; write 1500000.5 or 1.5e6, without separators` };
  }
  if (option.kind === "integer") {
    if (!Number.isInteger(value)) return { error: `${text} is not a whole number` };
    if (Math.abs(value) > LARGEST_INT) {
      return { error: `${text} is larger than a whole number of the graph can be` };
    }
  }
  return { value };
}

const isSame = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

/** Whether a draft differs from the default, so that it has to be sent. */
export function isChanged(option, draft, defaultValue) {
  if (draft === undefined) return false;
  const read = readDraft(option, draft);
  if (read.error !== undefined) return true;
  return "value" in read && !isSame(read.value, defaultValue);
}

/**
 * The options to send.
 *
 * @param drafts by option name; absent for what was left alone
 * @param defaults by option name
 * @returns `{values, errors}`, both by option name
 */
export function readDrafts(options, drafts, defaults) {
  const values = {};
  const errors = {};
  for (const option of options) {
    const draft = drafts[option.name];
    if (draft === undefined) continue;
    const read = readDraft(option, draft);
    if (read.error !== undefined) errors[option.name] = read.error;
    else if ("value" in read && !isSame(read.value, defaults[option.name])) values[option.name] = read.value;
  }
  return { values, errors };
}

/**
 * Errors of the server by the field of the form that they stand beside.
 *
 * @param fieldErrors entries with a path such as `["input", "spec", "momentum", "lookbackPeriods"]`
 * @param names the fields that the form shows
 * @returns `{beside, elsewhere}`: messages by field, and those of no field of the form
 */
export function placeErrors(fieldErrors, names) {
  const beside = {};
  const elsewhere = [];
  for (const { path, message } of fieldErrors) {
    const place = path[1] === "spec" ? path[3] : path[1];
    if (path[0] !== "input" || !names.includes(place)) elsewhere.push(message);
    else beside[place] = beside[place] === undefined ? message : `${beside[place]}; ${message}`;
  }
  return { beside, elsewhere };
}

/** The parameters of a link that fills the form in with these drafts; what was left alone is not in it. */
export function parametersOfDrafts(options, drafts, defaults) {
  const parameters = {};
  for (const option of options) {
    const draft = drafts[option.name];
    if (!isChanged(option, draft, defaults[option.name])) continue;
    parameters[option.name] = draft === OFF ? "off" : String(draft);
  }
  return parameters;
}

/** The drafts of a link's parameters: `off` is null, lists are separated by commas. */
export function draftsOfLink(options, parameters) {
  const drafts = {};
  for (const option of options) {
    const text = parameters[option.name];
    if (text === undefined) continue;
    if (text === "off") {
      if (option.canBeOff) drafts[option.name] = OFF;
    } else if (option.kind === "boolean") drafts[option.name] = text === "true";
    else if (option.kind === "choices") drafts[option.name] = text === "" ? [] : text.split(",");
    else drafts[option.name] = text;
  }
  return drafts;
}

/**
 * The address of the launch form filled in with a run's options:
 * `#/launch/momentum?lookbackPeriods=4&dataset=...`.
 *
 * @param factor the factor's name, such as `MOMENTUM`
 * @param config options by name in the graph's spelling; what is unrecorded or begins with `__` is left out
 * @param dataset a dataset's global id or name, or null
 */
export function launchLink(factor, config = {}, dataset = null) {
  const left = new Set(["unrecordedFields", ...(config.unrecordedFields ?? [])]);
  const given = Object.entries(config).filter(([name]) => !name.startsWith("__") && !left.has(name));
  const parameters = Object.fromEntries(
    given.map(([name, value]) => [name, value === null ? "off" : String(value)]),
  );
  return href("/launch", factor.toLowerCase(), { ...parameters, dataset });
}
