/* The views, in the order of the navigation. A view is a module whose default export draws it:
   export default function Launch({ route }) { ... }; see lib/router.js for `route`. Its first element should be
   <${PageHead} title="...">...<//> of lib/parts.js. `load` is called when the view is first opened. */

export const views = [
  { name: "", title: "Overview", nav: true, load: () => import("./overview.js") },
  { name: "runs", title: "Runs", nav: true, single: false, load: () => import("./runs.js") },
  { name: "runs", title: "Run", nav: false, single: true, load: () => import("./run.js") },
  { name: "launch", title: "Launch", nav: true, load: () => import("./launch.js") },
  { name: "datasets", title: "Datasets", nav: true, load: () => import("./datasets.js") },
  { name: "imports", title: "Imports", nav: true, load: () => import("./imports.js") },
];
