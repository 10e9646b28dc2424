/* Numbers in rows and columns, coloured by size: readable without the colours, and by screen readers.

   <${HeatTable} caption="..." corner="Year" columns=${["Jan", ...]} full=${0.1}
     rows=${[{ key, label, cells: [{ value, text, title }] }]} lastApart headWidth="9rem" />
   A cell whose value is null has no colour. */

import { html } from "../lib/html.js";
import { diverging } from "./colors.js";

export function HeatTable({ caption, corner, columns, rows, full, lastApart = false, headWidth = "4rem" }) {
  const apart = (index) => (lastApart && index === columns.length - 1 ? "heat-apart" : "");
  return html`<div class="table-scroll" role="region" aria-label=${caption} tabindex="0">
    <table class="heat" style=${{ "--head-width": headWidth, "--columns": columns.length }}>
      <caption class="visually-hidden">${caption}</caption>
      <thead>
        <tr>
          <th scope="col"><span class=${corner ? "" : "visually-hidden"}>${corner || "Row"}</span></th>
          ${columns.map((column, index) => html`<th scope="col" class=${apart(index)}>${column}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ({ key, label, cells }) => html`<tr key=${key}>
            <th scope="row">${label}</th>
            ${cells.map(
              (cell, index) =>
                html`<td
                  class=${apart(index)}
                  title=${cell.title}
                  style=${diverging(cell.value, full)}
                >
                  ${cell.text}
                </td>`,
            )}
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
