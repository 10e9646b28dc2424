/* The GraphiQL page of FactorQL. */

import { explorerPlugin } from "@graphiql/plugin-explorer";
import { useSchemaStore } from "@graphiql/react";
import { GraphiQL } from "graphiql";
import { useEffect } from "react";
import { createRoot } from "react-dom/client";

import "graphiql/style.css";
import "@graphiql/plugin-explorer/style.css";
import "./page.css";
import { createFetcher } from "./fetcher.js";
import mark from "./mark.svg";
import { historyWithoutHeaders } from "./storage.js";
import welcome from "./welcome.graphql";

const admission = new EventTarget();
const endpoint = new URL("graphql", location.href);
const socketEndpoint = new URL(endpoint);
socketEndpoint.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";

const fetcher = createFetcher({
  httpUrl: endpoint.href,
  webSocketUrl: socketEndpoint.href,
  onAdmitted: () => admission.dispatchEvent(new Event("admitted")),
});
const plugins = [explorerPlugin({ showAttribution: false })];
const storage = historyWithoutHeaders();

/** The first introspection fails on a server that wants a token: this one follows once it was given. */
function SchemaAfterAdmission() {
  const { schema, introspect } = useSchemaStore();
  useEffect(() => {
    const reload = () => schema ?? introspect();
    admission.addEventListener("admitted", reload);
    return () => admission.removeEventListener("admitted", reload);
  }, [schema, introspect]);
  return null;
}

/** What `?query=...&variables=...` asks to open; nothing when there is no query. */
function deepLink() {
  const parameters = new URLSearchParams(location.search);
  const query = parameters.get("query");
  return query === null ? {} : { query, variables: parameters.get("variables") ?? "" };
}

createRoot(document.getElementById("page")).render(
  <GraphiQL
    fetcher={fetcher}
    plugins={plugins}
    storage={storage}
    defaultQuery={welcome}
    inputValueDeprecation
    {...deepLink()}
  >
    <GraphiQL.Logo>
      <span className="factorql-logo">
        <img src={mark} alt="" />
        FactorQL
      </span>
    </GraphiQL.Logo>
    <SchemaAfterAdmission />
  </GraphiQL>,
);
