// Bundles the example page into example/dist. With --serve, serves it and rebuilds on every request.

import { copyFileSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { context } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const out = `${here}example/dist`;

mkdirSync(out, { recursive: true });
copyFileSync(`${here}example/index.html`, `${out}/index.html`);

const bundle = await context({
  entryPoints: [`${here}example/main.ts`],
  outdir: out,
  bundle: true,
  format: "esm",
  target: "es2022",
  preserveSymlinks: true, // as in tsconfig.json
  logLevel: "warning",
});
await bundle.rebuild();
if (process.argv.includes("--serve")) {
  const { hosts, port } = await bundle.serve({ servedir: out, host: "127.0.0.1" });
  console.log(`http://${hosts[0]}:${port}/`);
} else {
  await bundle.dispose();
}
