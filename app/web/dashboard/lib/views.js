/* The views, in the order of the navigation. A view is a module whose default export draws it:
   export default function Launch({ route }) { ... }; see router.js for `route`. Its first element should be
   <${PageHead} title="...">...<//> of layout.js. `load` is called when the view is first opened. */

export const views = [
  { name: "", title: "Overview", nav: true, load: () => import("../pages/overview.js") },
  { name: "runs", title: "Runs", nav: true, single: false, load: () => import("../pages/runs.js") },
  { name: "runs", title: "Run", nav: false, single: true, load: () => import("../pages/run.js") },
  { name: "launch", title: "Launch", nav: true, load: () => import("../pages/launch.js") },
  { name: "datasets", title: "Datasets", nav: true, load: () => import("../pages/datasets.js") },
  { name: "imports", title: "Imports", nav: true, load: () => import("../pages/imports.js") },
];

/** `single` tells a view of one thing, at `#/name/id`, from that of all, at `#/name`. */
export function viewOf({ parts }) {
  const [name = "", id] = parts;
  const fits = (view) => view.name === name && (view.single ?? id !== undefined) === (id !== undefined);
  return views.find(fits) ?? null;
}
