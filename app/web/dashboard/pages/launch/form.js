/* The form itself: which factor, which dataset, which options. It keeps no state; launch.js does. */

import { day, plural, integer } from "../../lib/format.js";
import { html } from "../../lib/html.js";
import { OptionField } from "./field.js";
import { isChanged } from "./values.js";

export function LaunchForm(props) {
  const { data, form, options, defaults, errors, sending } = props;
  const field = (
    option,
  ) => html`<${OptionField} key=${option.name} option=${option} draft=${form.drafts[option.name]}
    defaultValue=${defaults[option.name]} error=${errors[option.name]}
    onDraft=${(draft) => props.onDraft(option.name, draft)} />`;
  const changed = options.filter((option) =>
    isChanged(option, form.drafts[option.name], defaults[option.name]),
  );
  const submit = (event) => {
    event.preventDefault();
    if (!sending) props.onLaunch();
  };
  return html`<form class="launch-form" onSubmit=${submit} novalidate>
    <${FactorChooser} factors=${data.factors} chosen=${form.factor} onFactor=${props.onFactor} />
    <section class="panel" aria-label="Dataset">
      <div class="panel-head"><h2>Dataset</h2></div>
      <${DatasetChooser} datasets=${data.datasets} form=${form}
        error=${errors.dataset} onDataset=${props.onDataset} />
    </section>
    ${
      form.factor.own.length > 0 &&
      html`<${OptionGroup} title=${`Options of ${form.factor.title}`} options=${form.factor.own}
        field=${field} />`
    }
    <${OptionGroup} title="Options of every factor" options=${form.factor.shared} field=${field} />
    <${OptionGroup} title="The run" options=${data.general} field=${field} />
    <div class="launch-bar">
      <p class="launch-summary" aria-live="polite">
        <strong>${form.factor.title}</strong>
        <span class="muted">
          ${changed.length === 0 ? "all defaults" : `${plural(changed.length, "option")} changed`}
        </span>
      </p>
      ${
        changed.length > 0 &&
        html`<button type="button" class="button" onClick=${props.onReset}>Reset all</button>`
      }
      <button type="submit" class="button button-primary"
        disabled=${sending}>
        ${sending ? "Launching…" : "Launch"}
      </button>
    </div>
  </form>`;
}

function FactorChooser({ factors, chosen, onFactor }) {
  return html`<fieldset class="panel factor-chooser">
    <legend class="visually-hidden">Factor</legend>
    <div class="panel-head"><h2>Factor</h2></div>
    <div class="factor-cards">
      ${factors.map(
        (factor) => html`<label class="factor-card" key=${factor.name}>
          <input type="radio" name="factor" value=${factor.name} checked=${factor === chosen}
            onChange=${() => onFactor(factor)} />
          <span class="factor-title">${factor.title}</span>
          <span class="factor-text">${factor.description}</span>
        </label>`,
      )}
    </div>
    <p class="field-hint factor-signal"><strong>Ranked by:</strong> ${chosen.signal}</p>
  </fieldset>`;
}

function DatasetChooser({ datasets, form, error, onDataset }) {
  const { dataset, factor, lostDataset } = form;
  const lacking =
    dataset === null ? [] : factor.requiredFields.filter((name) => !dataset.fields.includes(name));
  const shownError =
    error ?? (lostDataset ? "the dataset of this link is not here: choose another" : undefined);
  const chosen = (event) => onDataset(datasets.find(({ id }) => id === event.currentTarget.value) ?? null);
  return html`<div class="field dataset-field" data-option="dataset">
    <label for="dataset">Computed from</label>
    <select id="dataset" value=${dataset?.id ?? ""} onChange=${chosen} aria-describedby="dataset-help"
      aria-invalid=${shownError === undefined ? undefined : "true"}>
      ${dataset === null && html`<option value="">Choose a dataset</option>`}
      ${datasets.map(({ id, label }) => html`<option key=${id} value=${id}>${label}</option>`)}
    </select>
    ${shownError !== undefined && html`<p class="field-error">${shownError}</p>`}
    <div id="dataset-help" class="field-hint">
      ${
        dataset !== null &&
        html`<p>
        ${dataset.synthetic && html`<span class="tag tag-synthetic">synthetic</span> `}
        ${integer(dataset.assetCount)} assets, ${day(dataset.firstDate)} to ${day(dataset.lastDate)};
        ${" "}${dataset.fields.join(", ")}
      </p>`
      }
      ${
        lacking.length > 0 &&
        html`<p class="field-warning">
          This factor usually needs ${lacking.join(", ")}, which the dataset does not have.
        </p>`
      }
    </div>
  </div>`;
}

/** Options that the form has no control for are named rather than left out silently. */
function OptionGroup({ title, options, field }) {
  const shown = options.filter((option) => option.kind !== null);
  const others = options.filter((option) => option.kind === null);
  return html`<section class="panel" aria-label=${title}>
    <div class="panel-head"><h2>${title}</h2></div>
    <div class="option-grid">${shown.map(field)}</div>
    ${
      others.length > 0 &&
      html`<p class="panel-note">Only by GraphQL: ${others.map((option) => option.name).join(", ")}.</p>`
    }
  </section>`;
}
