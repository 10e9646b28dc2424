/* Starts the dashboard. */

import { html, render } from "./core/html.js";
import { Layout } from "./core/layout.js";
import { useRoute } from "./core/router.js";
import { startTheme } from "./core/theme.js";

function Dashboard() {
  return html`<${Layout} route=${useRoute()} />`;
}

startTheme();
const page = document.getElementById("page");
page.replaceChildren();
render(html`<${Dashboard} />`, page);
