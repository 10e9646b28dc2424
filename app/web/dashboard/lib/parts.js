/* What a view is made of:

   <${PageHead} title="Runs" detail="...">links and buttons at its right<//>   also titles the window
   <${Section} title="Drawdown" note="a line below the title" actions=${html`...`} id="x">content<//> */

import { html, useEffect } from "./html.js";

export function PageHead({ title, detail = null, children }) {
  useEffect(() => {
    document.title = `${title} · FactorQL`;
  }, [title]);
  return html`<div class="page-head">
    <div>
      <h1>${title}</h1>
      ${detail && html`<p class="page-detail">${detail}</p>`}
    </div>
    ${children && html`<div class="page-actions">${children}</div>`}
  </div>`;
}

export function Section({ title, note = null, actions = null, id = undefined, children }) {
  return html`<section class="panel" aria-label=${title} id=${id}>
    <div class="panel-head">
      <div>
        <h2>${title}</h2>
        ${note && html`<p class="panel-note">${note}</p>`}
      </div>
      ${actions && html`<div class="panel-actions">${actions}</div>`}
    </div>
    ${children}
  </section>`;
}
