// Loads the plug-in, plays the steps of a scenario (JSON on stdin), and prints what the user saw as JSON.
const { readFileSync, writeFileSync } = require("node:fs");
const { get } = require("node:http");
const { join } = require("node:path");
const { setTimeout: sleep } = require("node:timers/promises");
const { App, TFile, shown, timers } = require("obsidian");

async function main() {
  const { main: path, vault, settings, fields, clipboard, steps } = JSON.parse(readFileSync(0, "utf8"));
  const copied = { text: clipboard };
  const readText = async () => copied.text;
  const writeText = async (text) => void (copied.text = text);
  Object.defineProperty(globalThis, "navigator", { value: { clipboard: { readText, writeText } } });
  globalThis.window = globalThis;
  const AnkiforgePlugin = require(path);
  const app = new App(vault);
  const plugin = Object.assign(new AnkiforgePlugin(app, settings), fields);
  const isBusy = () => timers.size || plugin.renewal || shown.notices.some((notice) => notice.duration === 0 && !notice.hidden);
  const pages = [];
  const actions = {
    open: (name) => (app.workspace.file = new TFile(name)),
    type: (name, text) => (app.workspace.view.onSave = () => writeFileSync(join(vault, name), text)),
    save: (name, text) => {
      writeFileSync(join(vault, name), text);
      app.emit("modify", new TFile(name));
    },
    command: (id) => {
      const { callback, checkCallback } = plugin.commands[id];
      if (callback) return void callback();
      if (checkCallback(true)) checkCallback(false);
      else shown.notices.push({ message: `${id} is not offered` });
    },
    idle: async () => {
      do await sleep(20);
      while (isBusy());
    },
    fetch: async (file) => {
      let page = "";
      while (!page) page = await sleep(20, tryRead(file));
      const [url] = /http:\/\/127[^"]+/.exec(page);
      const answer = new Promise((resolve, reject) => get(url, resolve).on("error", reject));
      pages.push(await answer.then(({ statusCode }) => statusCode, () => "closed"));
    },
    settings: () => plugin.tab.display(),
    set: (name, value) => shown.settings.find((setting) => setting.name === name).change(value),
    unload: () => {
      plugin.onunload();
      return Promise.all([...plugin.children].map((child) => new Promise((ended) => child.on("close", ended))));
    },
    focus: () => app.emit("focus"),
  };
  await plugin.onload();
  for (const [name, ...details] of steps) await actions[name](...details);
  plugin.onunload();
  const notices = shown.notices.filter(({ duration }) => duration !== 0).map(({ message }) => message);
  const rows = shown.settings.map(({ name, placeholder, value }) => ({ name, placeholder, value }));
  process.stdout.write(JSON.stringify({ notices, statusBar: shown.statusBar, clipboard: copied.text, pages, settings: rows, data: plugin.data }));
}

function tryRead(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

main();
