// What the site's search finds: node search.js SITE WORD…  prints a JSON object, by word the
// addresses found, best first.  It runs the site's own worker, as a browser would.
const fs = require("fs"), vm = require("vm"), path = require("path");

const [site, ...words] = process.argv.slice(2);
const workers = path.join(site, "assets/javascripts/workers");
const file = fs.readdirSync(workers).find((name) => /^search\..*\.js$/.test(name));
const answers = [];
let listener;

const worker = { console, URL, URLSearchParams, setTimeout, location: { href: `http://site/${file}` } };
worker.self = worker;
worker.addEventListener = (kind, heard) => { if (kind === "message") listener = heard; };
worker.postMessage = (message) => answers.push(message);
vm.createContext(worker);
const run = (name) => vm.runInContext(fs.readFileSync(path.join(workers, name), "utf8"), worker);
worker.importScripts = (...names) => names.forEach(run);
run(file);

async function ask(type, data) {
  await listener({ data: { type, data } });
  while (!answers.length) await new Promise((later) => setTimeout(later, 10));
  return answers.shift().data;
}

(async () => {
  const { config, docs } = JSON.parse(fs.readFileSync(path.join(site, "search/search_index.json"), "utf8"));
  await ask(0, { config, docs, options: { suggest: true } });
  const found = {};
  for (const word of words)
    found[word] = (await ask(2, word)).items.map((page) => page[0].location);
  console.log(JSON.stringify(found));
})();
