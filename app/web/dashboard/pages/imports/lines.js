/* Lines of logs that were not understood, as they stood. */

import { integer } from "../../lib/format.js";
import { html, useState } from "../../lib/html.js";
import { Table } from "../../lib/table.js";

export function QuarantinedLines({ lines }) {
  return html`<${Table} stack caption="Quarantined lines" columns=${LINE_COLUMNS} rows=${lines}
    rowKey=${({ file, line, code }) => `${file}:${line}:${code}`} />`;
}

const LINE_COLUMNS = [
  {
    key: "file",
    label: "File and line",
    header: true,
    render: ({ file, line }) =>
      html`${file}<span class="muted">${line > 0 ? `:${line}` : " whole file"}</span>`,
  },
  {
    key: "reason",
    label: "Why it was refused",
    class: "wrap",
    render: ({ reason, code }) => html`${reason} <code class="muted">${code}</code>`,
  },
  { key: "raw", label: "As it stood", class: "wrap", render: ({ raw }) => html`<${Raw} text=${raw} />` },
];

const LONG = 160;

function Raw({ text }) {
  const [whole, setWhole] = useState(false);
  if (text.trim() === "") return html`<span class="muted">empty</span>`;
  return html`<code class="raw">${whole ? text : text.slice(0, LONG)}</code>
    ${
      text.length > LONG &&
      html`<button type="button" class="link-button" aria-expanded=${whole} onClick=${() => setWhole(!whole)}>
      ${whole ? "less" : `… ${integer(text.length - LONG)} more characters`}
    </button>`
    }`;
}
