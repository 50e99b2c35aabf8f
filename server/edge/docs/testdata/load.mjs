import { readFileSync } from "node:fs";

// load imports a module of the page. Its files are .js without a package.json, which
// Node would not take for modules.
export function load(name) {
  const text = readFileSync(new URL(`../page/${name}`, import.meta.url), "utf8");
  return import(`data:text/javascript,${encodeURIComponent(text)}`);
}
