/* Which runs the overview is about: of one dataset or any, computed, imported or both. */

import { html, useId } from "../../lib/html.js";
import { setParams } from "../../lib/router.js";
import { useDatasetNames } from "../dataset_names.js";

export function Filters({ params }) {
  const id = useId();
  const datasets = useDatasetNames();
  const chosen = params.dataset ?? "";
  const unknown = chosen && datasets && !datasets.some((dataset) => dataset.id === chosen);
  const change = (name) => (event) =>
    setParams({ [name]: event.currentTarget.value || null, from: null, to: null });
  return html`
    <div class="field field-inline">
      <label for="${id}-dataset">Dataset</label>
      <select id="${id}-dataset" value=${chosen} onChange=${change("dataset")}>
        <option value="">Any</option>
        ${datasets?.map(
          (dataset) => html`<option
          value=${dataset.id}
          key=${dataset.id}
          selected=${dataset.id === chosen}
        >
          ${dataset.label}
        </option>`,
        )}
        ${unknown && html`<option value=${chosen} selected>A dataset that is not listed</option>`}
      </select>
    </div>
    <div class="field field-inline">
      <label for="${id}-origin">Origin</label>
      <select id="${id}-origin" value=${params.origin ?? ""} onChange=${change("origin")}>
        <option value="">Computed or imported</option>
        <option value="COMPUTED" selected=${params.origin === "COMPUTED"}>Computed</option>
        <option value="IMPORTED" selected=${params.origin === "IMPORTED"}>Imported</option>
      </select>
    </div>
  `;
}
