/* Tables that sort.

   <${Table}
     caption="Runs"                      read to screen readers; visible with showCaption
     columns=${[{ key: "sharpe", label: "Sharpe", title: "Annualised ...", numeric: true,
                  value: (row) => row.performance.sharpeRatio,   what is sorted by; without it the column is not
                  render: (row) => ratio(row...), header: true   a row header; first: "descending" }]}
     rows=${rows} rowKey=${(row) => row.id} sort=${{ key: "sharpe", descending: true }} onSort=${(sort) => ...} />
   `sort` is where it begins; with `onSort` the owner is told, to keep it in the address (sortFromText,
   sortToText). Null values come last either way. The headers are buttons; wide tables scroll inside their
   own region, which takes the keyboard. With `stack` each row is a small card on a phone. */

import { html, useMemo, useState } from "./html.js";

export function Table({
  caption,
  showCaption = false,
  columns,
  rows,
  rowKey,
  sort = null,
  onSort = null,
  rowClass,
  stack = false,
}) {
  const [order, setOrder] = useState(sort);
  const sorted = useMemo(() => inOrder(rows, columns, order), [rows, columns, order]);
  const change = (column) => {
    const next = nextOrder(order, column);
    setOrder(next);
    onSort?.(next);
  };
  return html`<div class="table-scroll" role="region" aria-label=${caption} tabindex="0">
    <table class=${stack ? "table table-stack" : "table"}>
      <caption class=${showCaption ? "" : "visually-hidden"}>${caption}</caption>
      <thead>
        <tr>${columns.map(
          (column) => html`<${Heading}
          column=${column}
          order=${order}
          change=${change}
        />`,
        )}</tr>
      </thead>
      <tbody>
        ${sorted.map(
          (row) => html`<tr key=${rowKey(row)} class=${rowClass?.(row)}>
            ${columns.map((column) => html`<${Cell} column=${column} row=${row} />`)}
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function Heading({ column, order, change }) {
  const active = order?.key === column.key;
  const direction = active ? (order.descending ? "descending" : "ascending") : "none";
  const label = html`<span>${column.label}</span>`;
  return html`<th
    scope="col"
    class=${column.numeric ? "numeric" : ""}
    title=${column.title}
    aria-sort=${column.value ? direction : undefined}
  >
    ${
      column.value
        ? html`<button
          type="button"
          class="sort sort-${direction}"
          onClick=${() => change(column)}
        >
          ${label}
        </button>`
        : label
    }
  </th>`;
}

function Cell({ column, row }) {
  const content = column.render ? column.render(row) : column.value(row);
  const kind = [column.numeric ? "numeric" : "", column.class ?? ""].join(" ").trim();
  return column.header
    ? html`<th scope="row" class=${kind}>${content}</th>`
    : html`<td class=${kind} data-label=${typeof column.label === "string" ? column.label : undefined}>${content}</td>`;
}

function nextOrder(order, column) {
  if (order?.key === column.key) return { key: column.key, descending: !order.descending };
  return {
    key: column.key,
    descending: (column.first ?? (column.numeric ? "descending" : "ascending")) === "descending",
  };
}

function inOrder(rows, columns, order) {
  const column = order && columns.find(({ key }) => key === order.key);
  if (!column) return rows;
  const sign = order.descending ? -1 : 1;
  return rows
    .map((row) => ({ row, value: column.value(row) ?? null }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
      return sign * (typeof a.value === "string" ? a.value.localeCompare(b.value) : a.value - b.value);
    })
    .map(({ row }) => row);
}

export function sortToText(order) {
  return order ? `${order.descending ? "-" : ""}${order.key}` : null;
}

export function sortFromText(text, fallback) {
  if (!text) return fallback;
  return text.startsWith("-") ? { key: text.slice(1), descending: true } : { key: text, descending: false };
}
