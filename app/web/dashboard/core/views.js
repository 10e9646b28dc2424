/* The views, in the order of the navigation. A view is a module whose default export draws it:
   export default function Launch({ route }) { ... }; see router.js for `route`. Its first element should be
   <${PageHead} title="...">...<//> of layout.js. `load` is called when the view is first opened. */

export const views = [
  { name: "", title: "Overview", nav: true, load: () => import("../pages/overview.js") },
  { name: "runs", title: "Run", nav: false, load: () => import("../pages/run.js") },
  { name: "launch", title: "Launch", nav: true, load: () => import("../pages/launch.js") },
  { name: "datasets", title: "Datasets", nav: true, load: () => import("../pages/datasets.js") },
  { name: "imports", title: "Imports", nav: true, load: () => import("../pages/imports.js") },
];

export function viewOf(route) {
  return views.find(({ name }) => name === (route.parts[0] ?? "")) ?? null;
}
