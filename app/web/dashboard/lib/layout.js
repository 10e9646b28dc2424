/* The frame around every view: name, navigation, theme, and the place where the view goes.

   <${Layout} route=${route} /> draws all of it. For views:
   <${PageHead} title="Runs" detail="...">links and buttons at its right<//>   also titles the window
   <${Section} title="Drawdown" note="a line below the title" actions=${html`...`} id="x">content<//> */

import { html, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { unreachable } from "./failure.js";
import { href } from "./router.js";
import { Empty, ErrorPanel } from "./states.js";
import { useTheme } from "./theme.js";
import { viewOf, views } from "./views.js";

export function Layout({ route }) {
  const main = useRef(null);
  const opened = useRef(route.path);
  useLayoutEffect(() => {
    if (opened.current === route.path) return;
    opened.current = route.path;
    // As after a page load: from the top, and the keyboard begins in the new view.
    scrollTo(0, 0);
    main.current.focus({ preventScroll: true });
  }, [route.path]);
  const skip = (event) => {
    event.preventDefault();
    main.current.focus();
  };
  return html`
    <a class="skip-link" href="#main" onClick=${skip}>Skip to content</a>
    <${Header} route=${route} />
    <main id="main" tabindex="-1" ref=${main}><${View} route=${route} /></main>
    <footer class="foot">
      <span>FactorQL</span>
      <span>Past returns of rules on paper; nothing here is advice.</span>
    </footer>
  `;
}

function Header({ route }) {
  const current = viewOf(route)?.name;
  return html`<header class="head">
    <a class="brand" href=${href("/")} aria-label="FactorQL, overview">
      <svg viewBox="0 0 32 32" aria-hidden="true" width="22" height="22">
        <rect width="32" height="32" rx="7" fill="#14324a" />
        <path fill="#4fd1a5" d="M5 6h4v10H5zM11 10h4v6h-4z" />
        <path fill="#f2848f" d="M17 16h4v6h-4zM23 16h4v10h-4z" />
        <path fill="#dfe9f0" d="M4 15.4h24v1.2H4z" />
      </svg>
      <span>FactorQL</span>
    </a>
    <nav class="nav" aria-label="Views">
      ${views
        .filter(({ nav }) => nav)
        .map(
          ({ name, title }) =>
            html`<a
              key=${name}
              href=${href(`/${name}`)}
              aria-current=${name === current ? "page" : undefined}
            >
              ${title}
            </a>`,
        )}
      <a class="nav-out" href="graphql">GraphiQL</a>
    </nav>
    <${ThemeSwitch} />
  </header>`;
}

function ThemeSwitch() {
  const [theme, choose] = useTheme();
  const other = theme === "dark" ? "light" : "dark";
  return html`<button
    type="button"
    class="icon-button"
    aria-label="Use the ${other} theme"
    title="Use the ${other} theme"
    onClick=${() => choose(other)}
  >
    <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
      ${
        theme === "dark"
          ? html`<circle cx="10" cy="10" r="3.6" fill="none" stroke="currentColor" stroke-width="1.6" />
            <path
              stroke="currentColor"
              stroke-width="1.6"
              stroke-linecap="round"
              d="M10 1.8v2M10 16.2v2M1.8 10h2M16.2 10h2M4.2 4.2l1.4 1.4M14.4 14.4l1.4 1.4M4.2 15.8l1.4-1.4M14.4 5.6l1.4-1.4"
            />`
          : html`<path
            fill="none"
            stroke="currentColor"
            stroke-width="1.6"
            stroke-linejoin="round"
            d="M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7z"
          />`
      }
    </svg>
  </button>`;
}

function View({ route }) {
  const view = viewOf(route);
  const [loaded, setLoaded] = useState({ view: null, Page: null, failure: null });
  useLayoutEffect(() => {
    let wanted = true;
    view?.load().then(
      (module) => wanted && setLoaded({ view, Page: module.default, failure: null }),
      () => wanted && setLoaded({ view, Page: null, failure: unreachable() }),
    );
    return () => {
      wanted = false;
    };
  }, [view]);
  if (view === null) {
    return html`<${PageHead} title="No such view" />
      <${Empty} title="Nothing lies at this address."><a href=${href("/")}>Go to the overview</a><//>`;
  }
  if (loaded.view !== view) return null;
  if (loaded.failure) {
    // Not by importing again: browsers keep that it failed, and a newer server has other addresses.
    return html`<${PageHead} title=${view.title} />
      <${ErrorPanel} failure=${loaded.failure} retry=${() => location.reload()} />`;
  }
  return html`<${loaded.Page} route=${route} key=${view.name} />`;
}

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
