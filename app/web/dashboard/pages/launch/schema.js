/* What can be launched, read from the schema itself: a factor or an option that the server gains appears
   in the form without a change here. */

import { words } from "../../lib/format.js";

/** What readOption reads of an argument or an input field: `...Option`. */
export const OPTION_FRAGMENTS = `fragment Option on __InputValue {
  name
  description
  defaultValue
  type { ...Named ofType { ...Named ofType { ...Named ofType { ...Named } } } }
}
fragment Named on __Type { kind name enumValues { name description } }`;

/** Everything about the inputs of `computeFactor` that the form needs, by introspection. */
export const SCHEMA_QUERY = `
query LaunchSchema {
  input: __type(name: "ComputeFactorInput") { inputFields { ...Option } }
  spec: __type(name: "FactorSpec") {
    inputFields { name type { inputFields { ...Option } } }
  }
  config: __type(name: "FactorConfig") {
    fields { name }
    possibleTypes { name fields { name } }
  }
}
${OPTION_FRAGMENTS}`;

const SCALAR_KINDS = {
  Int: "integer",
  Float: "number",
  String: "text",
  ID: "text",
  Boolean: "boolean",
  Date: "date",
};

/** `MOMENTUM_V2` for `momentumV2`: how the graph spells a factor's name as a value and as a field. */
const factorNameOf = (field) => field.replace(/([A-Z])/g, "_$1").toUpperCase();

/**
 * One option of the form.
 *
 * `kind` is the control that it needs, null for input types that have none. `canBeOff` says whether an
 * explicit null means "off": every option is nullable in the schema, so that it may be absent; the
 * descriptions say what null stands for, or that it is refused.
 */
export function readOption(field) {
  let type = field.type;
  const isRequired = type.kind === "NON_NULL";
  if (isRequired) type = type.ofType;
  const isList = type.kind === "LIST";
  if (isList) {
    type = type.ofType;
    if (type.kind === "NON_NULL") type = type.ofType;
  }
  const description = field.description ?? "";
  let kind = type.kind === "ENUM" ? "choice" : (SCALAR_KINDS[type.name] ?? null);
  if (isList) kind = { choice: "choices", text: "words" }[kind] ?? null;
  return {
    name: field.name,
    label: words(field.name),
    description: description.replace(/\s+/g, " ").trim(),
    kind,
    choices: type.enumValues ?? [],
    isRequired,
    canBeOff: !isRequired && /\bnull\b/i.test(description) && !/\bnot null\b/i.test(description),
    schemaDefault: literalOf(field.defaultValue),
  };
}

/** The value of a default in the schema; null where there is none. */
function literalOf(text) {
  if (text === null || text === undefined) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text; // a name of an enum
  }
}

/**
 * The factors with their options and the options of every launch.
 *
 * @param introspection the answer to SCHEMA_QUERY
 * @returns `{factors: [{name, field, own, shared}], general, defaultsQuery}`: options in the
 * schema's order; `own` are those of one factor or a few, `shared` those that every configuration has;
 * `general` those of a launch, such as tags; `defaultsQuery` asks for the factors with their default
 * options.
 */
export function readSchema(introspection) {
  const everyConfig = new Set(introspection.config.fields.map((field) => field.name));
  const factors = introspection.spec.inputFields.map((field) => {
    const options = field.type.inputFields.map(readOption);
    return {
      name: factorNameOf(field.name),
      field: field.name,
      own: options.filter((option) => !everyConfig.has(option.name)),
      shared: options.filter((option) => everyConfig.has(option.name)),
    };
  });
  const general = introspection.input.inputFields
    .filter((field) => field.name !== "spec" && field.name !== "dataset")
    .map(readOption);
  return { factors, general, defaultsQuery: defaultsQuery(introspection.config, factors) };
}

/** Asks for the defaults of exactly the options that can be set. */
function defaultsQuery(config, factors) {
  const settable = new Set(
    factors.flatMap((factor) => [...factor.own, ...factor.shared]).map((option) => option.name),
  );
  const shared = config.fields.map((field) => field.name).filter((name) => settable.has(name));
  const own = config.possibleTypes.map((type) => {
    const names = type.fields.map((field) => field.name);
    const further = names.filter((name) => settable.has(name) && !shared.includes(name));
    return further.length === 0 ? "" : `... on ${type.name} { ${further.join(" ")} }`;
  });
  return `query LaunchDefaults {
  factors {
    name title description signal requiredFields
    defaultConfig { ${shared.join(" ")} ${own.join(" ")} }
  }
}`;
}
