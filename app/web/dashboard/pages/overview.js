/* How the latest run of each factor has done. */

import { html } from "../core/html.js";
import { PageHead } from "../core/layout.js";

export default function Overview() {
  return html`<${PageHead} title="Overview" />`;
}
