// Loads the plug-in, plays the steps of a scenario (JSON on stdin), and prints what the user saw as JSON.
const { readFileSync, writeFileSync } = require("node:fs");
const { get } = require("node:http");
const { join } = require("node:path");
const { setTimeout: sleep } = require("node:timers/promises");
const { opened } = require("electron");
const { App, TFile, shown, timers } = require("obsidian");

async function main() {
  const { main: path, vault, settings: stored, fields, clipboard, steps } = JSON.parse(readFileSync(0, "utf8"));
  const copied = { text: clipboard };
  const readText = async () => copied.text;
  const writeText = async (text) => void (copied.text = text);
  Object.defineProperty(globalThis, "navigator", { value: { clipboard: { readText, writeText } } });
  globalThis.window = globalThis;
  const { default: AnkiforgePlugin } = require(path);
  const app = new App(vault);
  const plugin = Object.assign(new AnkiforgePlugin(app, stored), fields);
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
    set: (name, value) => {
      const { control } = plugin.tab.getSettingDefinitions().find((setting) => setting.name === name);
      return plugin.tab.setControlValue(control.key, value);
    },
    press: (text) => shown.modals.at(-1).buttons.find((button) => button.text === text).click(),
    close: () => shown.modals.at(-1).close(),
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
  const modals = shown.modals.map(({ title, lines, buttons }) => ({ title, lines, buttons: buttons.map(({ text }) => text) }));
  const settings = plugin.tab.getSettingDefinitions().map(({ name, control }) => {
    const { key, placeholder = "" } = control;
    return { name, placeholder, value: plugin.tab.getControlValue(key) };
  });
  const seen = { notices, modals, opened, statusBar: shown.statusBar, clipboard: copied.text, pages, settings, data: plugin.data };
  process.stdout.write(JSON.stringify(seen));
}

function tryRead(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

main();
