// A stand-in of the classes of Obsidian that the plug-in uses. `shown` records what the user sees.
const { readFileSync } = require("node:fs");
const { basename, extname, join } = require("node:path");

const shown = { notices: [], modals: [], statusBar: [] };
const timers = new Set();

class Notice {
  constructor(message, duration) {
    this.entry = { message, duration, hidden: false };
    shown.notices.push(this.entry);
  }
  hide() {
    this.entry.hidden = true;
  }
}

class Modal {
  constructor(app) {
    this.app = app;
    this.lines = [];
    this.buttons = [];
    this.contentEl = { createEl: (_tag, { text }) => this.lines.push(text), buttons: this.buttons };
  }
  setTitle(title) {
    this.title = title;
  }
  open() {
    shown.modals.push(this);
    this.onOpen();
  }
  close() {
    this.onClose();
  }
  onClose() {}
}

class TFile {
  constructor(path) {
    this.path = path;
    this.basename = basename(path, extname(path));
    this.extension = extname(path).slice(1);
  }
}

class FileSystemAdapter {
  constructor(root) {
    this.root = root;
  }
  getFullPath(path) {
    return join(this.root, path);
  }
}

class MarkdownView {
  async save() {
    this.onSave?.();
  }
}

class App {
  constructor(root) {
    const listeners = {};
    const on = (name, listener) => (listeners[name] = listener);
    const view = new MarkdownView();
    this.emit = (name, ...details) => listeners[name](...details);
    this.vault = { adapter: new FileSystemAdapter(root), on, cachedRead: async ({ path }) => readFileSync(join(root, path), "utf8") };
    this.workspace = { file: null, view, on, onLayoutReady: (callback) => callback(),
      getActiveFile: () => this.workspace.file, getActiveViewOfType: () => view };
  }
}

class Plugin {
  commands = {};
  constructor(app, data) {
    this.app = app;
    this.data = data;
  }
  async loadData() {
    return this.data;
  }
  async saveData(data) {
    this.data = data;
  }
  addCommand(command) {
    this.commands[command.id] = command;
  }
  addSettingTab(tab) {
    this.tab = tab;
  }
  addStatusBarItem() {
    return { setText: (text) => shown.statusBar.push(text) };
  }
  registerEvent() {}
  registerDomEvent(_target, name, listener) {
    this.app.workspace.on(name, listener);
  }
}

class PluginSettingTab {
  constructor(app, plugin) {
    this.app = app;
    this.plugin = plugin;
  }
  getControlValue(key) {
    return this.plugin.settings[key];
  }
  async setControlValue(key, value) {
    this.plugin.settings[key] = value;
    await this.plugin.saveData(this.plugin.settings);
  }
}

class Setting {
  constructor(containerEl) {
    this.containerEl = containerEl;
  }
  addButton(fill) {
    const button = {
      setButtonText: (text) => ((button.text = text), button),
      setTooltip: () => button,
      setCta: () => button,
      onClick: (listener) => ((button.click = listener), button),
    };
    fill(button);
    this.containerEl.buttons.push(button);
    return this;
  }
}

function debounce(callback, delay) {
  let timer = null;
  const debounced = () => {
    debounced.cancel();
    timer = setTimeout(() => {
      timers.delete(timer);
      callback();
    }, delay);
    timers.add(timer);
  };
  debounced.cancel = () => {
    clearTimeout(timer);
    timers.delete(timer);
  };
  return debounced;
}

module.exports = {
  App, FileSystemAdapter, MarkdownView, Modal, Notice, Plugin, PluginSettingTab, Setting, TFile, debounce, shown, timers,
};
