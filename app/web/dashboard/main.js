/* Starts the dashboard. */

import { html, render } from "./lib/html.js";
import { Layout } from "./lib/layout.js";
import { useRoute } from "./lib/router.js";
import { startTheme } from "./lib/theme.js";
import { views } from "./pages/index.js";

function Dashboard() {
  return html`<${Layout} views=${views} route=${useRoute()} />`;
}

startTheme();
const page = document.getElementById("page");
page.replaceChildren();
render(html`<${Dashboard} />`, page);
