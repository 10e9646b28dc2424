/* The frame around every view: name, navigation, theme, and the place where the view goes.

   <${Layout} views=${views} route=${route} />   views: the list of pages/index.js */

import { html, useLayoutEffect, useRef } from "./html.js";
import { PageHead } from "./parts.js";
import { href } from "./router.js";
import { Empty, ErrorPanel } from "./states.js";
import { useTheme } from "./theme.js";
import { useModule } from "./use_module.js";

export function Layout({ views, route }) {
  const view = viewOf(views, route);
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
    <${Header} views=${views} current=${view?.name} />
    <main id="main" tabindex="-1" ref=${main}><${View} view=${view} route=${route} /></main>
    <footer class="foot">
      <span>FactorQL</span>
      <span>Past returns of rules on paper; nothing here is advice.</span>
    </footer>
  `;
}

function Header({ views, current }) {
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

/** `single` tells a view of one thing, at `#/name/id`, from that of all, at `#/name`. */
function viewOf(views, { parts }) {
  const [name = "", id] = parts;
  const fits = (view) => view.name === name && (view.single ?? id !== undefined) === (id !== undefined);
  return views.find(fits) ?? null;
}

function View({ view, route }) {
  const { module, failure } = useModule(view?.load);
  if (view === null) {
    return html`<${PageHead} title="No such view" />
      <${Empty} title="Nothing lies at this address."><a href=${href("/")}>Go to the overview</a><//>`;
  }
  if (failure) {
    // Not by importing again: browsers keep that it failed, and a newer server has other addresses.
    return html`<${PageHead} title=${view.title} />
      <${ErrorPanel} failure=${failure} retry=${() => location.reload()} />`;
  }
  return module && html`<${module.default} route=${route} key=${view.name} />`;
}
