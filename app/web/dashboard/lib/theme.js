/* Light or dark: the system's choice until the reader makes one, which this browser keeps.

   startTheme() once; const [theme, choose] = useTheme(): "light" or "dark", choose("light" | "dark" | null).
   token("--ink") -> the colour in force, for canvases; onThemeChange(listener) -> stop, to draw them again. */

import { useEffect, useState } from "./html.js";

const KEY = "factorql:theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const changes = new EventTarget();

function chosen() {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : null;
}

export function currentTheme() {
  return chosen() ?? (system.matches ? "dark" : "light");
}

function apply() {
  document.documentElement.dataset.theme = currentTheme();
  changes.dispatchEvent(new Event("change"));
}

export function startTheme() {
  apply();
  system.addEventListener("change", apply);
}

export function chooseTheme(theme) {
  if (theme === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme);
  apply();
}

export function onThemeChange(listener) {
  changes.addEventListener("change", listener);
  return () => changes.removeEventListener("change", listener);
}

export function useTheme() {
  const [theme, setTheme] = useState(currentTheme);
  useEffect(() => onThemeChange(() => setTheme(currentTheme())), []);
  return [theme, chooseTheme];
}

export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
