/* One option of the launch form: its control by its type in the schema, its help, its error, its way back
   to the default. */

import { integer, words } from "../../lib/format.js";
import { html } from "../../lib/html.js";
import { OFF, draftOf, isChanged, readDraft } from "./values.js";

/**
 * @param option as schema.js reads it
 * @param draft what was typed, undefined if it was left alone
 * @param defaultValue in the graph's terms
 * @param error one line, or undefined
 * @param onDraft called with the new draft, undefined for "back to the default"
 */
export function OptionField({ option, draft, defaultValue, error, onDraft }) {
  const id = `option-${option.name}`;
  const isOff = draft === OFF && defaultValue !== null;
  const shown =
    draft === undefined || draft === OFF ? draftOf(option, draft === OFF ? null : defaultValue) : draft;
  const changed = isChanged(option, draft, defaultValue);
  const describedBy = error === undefined ? `${id}-help` : `${id}-error ${id}-help`;
  const isGroup = option.kind === "choices" || option.kind === "boolean";
  return html`
    <div class="field ${changed ? "changed" : ""} ${error === undefined ? "" : "faulty"}"
      data-option=${option.name}>
      <div class="field-head">
        ${
          isGroup
            ? html`<span class="field-label" id=${`${id}-label`}>${option.label}</span>`
            : html`<label class="field-label" for=${id}>${option.label}</label>`
        }
        ${
          changed &&
          html`<button type="button" class="link-button" onClick=${() => onDraft(undefined)}
          aria-label=${`Reset ${option.label} to its default`}>reset</button>`
        }
        ${
          option.canBeOff &&
          defaultValue !== null &&
          html`<label class="off-switch">
          <input type="checkbox" checked=${isOff} aria-label=${`${option.label}: off`}
            onChange=${(event) => onDraft(event.currentTarget.checked ? OFF : undefined)} />
          off
        </label>`
        }
      </div>
      <${Control} id=${id} option=${option} shown=${shown} isOff=${isOff} defaultValue=${defaultValue}
        isFaulty=${error !== undefined} describedBy=${describedBy} onDraft=${onDraft} />
      <${Readout} option=${option} draft=${isOff ? OFF : shown} />
      ${error !== undefined && html`<p class="field-error" id=${`${id}-error`}>${error}</p>`}
      <${Help} id=${`${id}-help`} option=${option} shown=${shown} />
    </div>
  `;
}

function Control({ id, option, shown, isOff, defaultValue, isFaulty, describedBy, onDraft }) {
  const common = {
    id,
    disabled: isOff,
    "aria-invalid": isFaulty ? "true" : undefined,
    "aria-describedby": describedBy,
  };
  const typed = (event) => onDraft(event.currentTarget.value);
  if (option.kind === "choice") {
    return html`<select ...${common} value=${shown} onChange=${typed}>
      ${(defaultValue ?? null) === null && html`<option value="">Automatic</option>`}
      ${option.choices.map(
        ({ name }) => html`<option key=${name} value=${name}>${words(name)}</option>`,
      )}
    </select>`;
  }
  if (option.kind === "boolean") {
    return html`<label class="check">
      <input type="checkbox" ...${common} checked=${shown} aria-labelledby=${`${id}-label`}
        onChange=${(event) => onDraft(event.currentTarget.checked)} />
      ${shown ? "yes" : "no"}
    </label>`;
  }
  if (option.kind === "choices") {
    const toggled = (name, on) =>
      onDraft(
        option.choices
          .map((choice) => choice.name)
          .filter((each) => (each === name ? on : shown.includes(each))),
      );
    return html`<div class="checks" role="group" aria-labelledby=${`${id}-label`}
      aria-describedby=${describedBy}>
      ${option.choices.map(
        (choice) => html`<label class="check" key=${choice.name} title=${choice.description ?? ""}>
          <input type="checkbox" checked=${shown.includes(choice.name)}
            onChange=${(event) => toggled(choice.name, event.currentTarget.checked)} />
          ${words(choice.name)}
        </label>`,
      )}
    </div>`;
  }
  if (option.kind === "date") return html`<input type="date" ...${common} value=${shown} onInput=${typed} />`;
  if (option.kind === "text" && !option.isRequired) {
    return html`<textarea rows="2" ...${common} value=${shown} onInput=${typed}></textarea>`;
  }
  const mode = { integer: "numeric", number: "decimal" }[option.kind] ?? "text";
  return html`<input type="text" inputmode=${mode} autocomplete="off" spellcheck="false" ...${common}
    value=${isOff ? "" : shown} placeholder=${placeholderOf(option, isOff, defaultValue)}
    onInput=${typed} />`;
}

function placeholderOf(option, isOff, defaultValue) {
  if (isOff) return "off";
  if ((defaultValue ?? null) === null) return option.canBeOff ? "off" : "";
  if (option.kind === "words") return "none";
  return `${draftOf(option, defaultValue)} (default)`;
}

/** Long numbers once more, grouped: 100000000 is hard to read. */
function Readout({ option, draft }) {
  if (option.kind !== "number" && option.kind !== "integer") return null;
  const { value } = readDraft(option, draft);
  if (typeof value !== "number" || Math.abs(value) < 10_000) return null;
  return html`<p class="field-hint">= ${integer(value)}</p>`;
}

/**
 * The schema's description, without what it says of null, which the control shows; and the chosen value's.
 */
function Help({ id, option, shown }) {
  const text = option.description
    .replace(/\s*Not null\.$/i, "")
    .replace(/\bDefault: null, (?=\w)/i, "Default: ")
    .replace(/\bNull: /, "Off: ");
  const chosen =
    option.kind === "choice" ? option.choices.find((choice) => choice.name === shown) : undefined;
  return html`<p class="field-hint" id=${id}>
    ${
      chosen?.description &&
      html`<span class="chosen">${words(chosen.name)}: ${plain(chosen.description)} </span>`
    }
    ${plain(text)}
  </p>`;
}

/** Descriptions mark names with backquotes. */
function plain(text) {
  return text.split(/`([^`]+)`/).map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
}
