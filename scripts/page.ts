/**
 * Makes the page of `--format html`, without its data: `deno run -A scripts/page.ts OUTPUT`.
 *
 * Its policy forbids every request, and every script and style but its own, which it knows by their hashes: whatever
 * a trace may have in its names, nothing of that runs.
 *
 * @module
 */

import * as esbuild from "esbuild";

const SOURCE = "src/page/";
const CHART_STYLE = "node_modules/uplot/dist/uPlot.min.css";

const [output] = Deno.args;
if (output === undefined) throw new Error("The file to write is missing");
const { outputFiles } = await esbuild.build({
  entryPoints: [`${SOURCE}main.tsx`],
  bundle: true,
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
  target: "esnext",
  minify: true,
  legalComments: "inline",
  write: false,
  logLevel: "warning",
});
const styles = [CHART_STYLE, `${SOURCE}page.css`].map((path) => Deno.readTextFileSync(path));
const style = (await esbuild.transform(styles.join("\n"), { loader: "css", minify: true })).code;
const licences = ["preact", "uplot"].map((name) =>
  `${name}:\n${Deno.readTextFileSync(`node_modules/${name}/LICENSE`).trim()}`
);
// In a script as in a style, this would end the element.
const script = outputFiles[0]!.text.replaceAll("</script", "<\\/script");
await Deno.writeTextFile(output, await page(script.trim(), style.trim()));
await esbuild.stop();

async function page(script: string, style: string): Promise<string> {
  const policy = [
    "default-src 'none'",
    `script-src '${await hash(script)}'`,
    `style-src '${await hash(style)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!DOCTYPE html>
<!--
This page contains:

${licences.join("\n\n")}
-->
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>vRouter trace</title>
<style>${style}</style>
</head>
<body>
<div id="app"><noscript>This page shows a trace by JavaScript, which is turned off</noscript></div>
<script type="application/octet-stream" id="data">VRFT-DATA</script>
<script type="module">${script}</script>
</body>
</html>
`;
}

async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256-${new Uint8Array(digest).toBase64()}`;
}
