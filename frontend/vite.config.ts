import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

const folder = "../src/sequence_search/page/bundle";

/** The hash that tells whether the bundle is of the present sources, as `tests/test_page_bundle.py` takes it. */
function sourceHash(): Plugin {
  return {
    name: "source-hash",
    writeBundle() {
      const hash = createHash("sha256");
      const files = readdirSync("src", { recursive: true, encoding: "utf8" });
      const sources = files.filter((file) => /\.\w+$/.test(file)).map((file) => `src/${file}`);
      for (const file of [...sources, "package-lock.json"].sort()) {
        hash.update(`${file}\0`).update(readFileSync(file)).update("\0");
      }
      writeFileSync(`${folder}/sources.sha256`, `${hash.digest("hex")}\n`);
    },
  };
}

export default defineConfig({
  plugins: [sourceHash()],
  build: {
    outDir: folder,
    emptyOutDir: true,
    modulePreload: false,
    cssCodeSplit: false,
    lib: {
      entry: "src/main.tsx",
      formats: ["iife"],
      name: "page",
      fileName: () => "page.js",
      cssFileName: "page",
    },
  },
});
