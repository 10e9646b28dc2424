/* Addresses of views: `#/runs/<id>?date=2024-01-31`.

   const route = useRoute();            // { path: "/runs/...", parts: ["runs", "..."], params: {date: "..."} }
   href("/runs", id) or href("/", { dataset: "x" })   // for <a href>; empty parameters are left out
   navigate(href(...), { replace: true })             // replace: a setting that is no step to go back to
   setParams({ date: "2024-01-31", log: null })       // changes parameters of the address shown, in place */

import { useEffect, useState } from "./html.js";

export function currentRoute() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?", 2);
  const parts = path.split("/").filter(Boolean).map(decoded);
  return { path: `/${parts.join("/")}`, parts, params: Object.fromEntries(new URLSearchParams(query)) };
}

export function href(...segments) {
  const params = typeof segments.at(-1) === "object" ? segments.pop() : {};
  const [base, ...rest] = segments;
  const path = [base.replace(/\/$/, ""), ...rest.map(encodeURIComponent)].join("/") || "/";
  const given = Object.entries(params).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  const query = new URLSearchParams(given).toString();
  return `#${path}${query ? `?${query}` : ""}`;
}

export function navigate(address, { replace = false } = {}) {
  if (address === location.hash) return;
  if (replace) {
    history.replaceState(null, "", address);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = address;
  }
}

export function setParams(changes) {
  const { parts, params } = currentRoute();
  navigate(href("/", ...parts, { ...params, ...changes }), { replace: true });
}

export function useRoute() {
  const [route, setRoute] = useState(currentRoute);
  useEffect(() => {
    const follow = () => setRoute(currentRoute());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
