// Runs the program ankiforge for the open note and shows what it prints. Connects to nothing itself.
const { spawn } = require("child_process");
const { existsSync } = require("fs");
const { homedir } = require("os");
const { delimiter, isAbsolute, join } = require("path");
const { FileSystemAdapter, MarkdownView, Notice, Plugin, PluginSettingTab, Setting, TFile, debounce } =
  require("obsidian");

// where uv, pipx and Homebrew install programs: on macOS, Obsidian doesn't get the PATH of the shell
const INSTALL_DIRECTORIES = [join(homedir(), ".local", "bin"), "/opt/homebrew/bin", "/usr/local/bin"];
const INSTALL_HINT = "hint: uv tool install . (in the folder of its repository), or set its path in the settings";
const expandHome = (path) => path.trim().replace(/^~(?=$|[/\\])/, homedir());
const joinTexts = (...texts) => texts.filter(Boolean).join(", ");
const formatCount = (count, noun) => (count ? `${count} ${noun}${count === 1 ? "" : "s"}` : "");
const formatProblem = ({ where, what, hint }) => `${where}: ${what}${hint && `\nhint: ${hint}`}`.replace(/^-: /, "");
const formatError = ({ code, stderr }) =>
  stderr.trim().replace(/^ankiforge: /gm, "") || `ankiforge ended with code ${code}, without a message`;
const countPending = ({ waiting }) => waiting.new + waiting.changed + waiting.questions;

function findProgram() {
  const name = process.platform === "win32" ? "ankiforge.exe" : "ankiforge";
  const directories = [...(process.env.PATH ?? "").split(delimiter).filter(isAbsolute), ...INSTALL_DIRECTORIES];
  return directories.map((directory) => join(directory, name)).find(existsSync);
}

class AnkiforgePlugin extends Plugin {
  settings = { program: "", workspace: "" };
  saveDelay = 30_000; // Obsidian saves a note every few seconds while it is being written
  timeout = 600_000;
  queue = Promise.resolve();
  renewal = null;
  reviewServer = null;
  children = new Set();
  savedTexts = new Map();
  workspaceOption = () => (this.settings.workspace.trim() ? ["-C", expandHome(this.settings.workspace)] : []);

  async onload() {
    Object.assign(this.settings, await this.loadData());
    this.addSettingTab(Object.assign(new SettingTab(this.app, this), { plugin: this }));
    this.statusBar = this.addStatusBarItem();
    this.addNoteCommand("make-cards", "Make cards from this note", (path, name) => this.runJson(name, ["run", path]));
    this.addNoteCommand("review", "Review", (path) => this.review(path));
    this.addNoteCommand("copy-text", "Copy this note's text for my chat", (path, name) => this.copyText(path, name));
    const paste = () => this.perform("Paste the chat's answer", async () =>
      this.runJson("The chat's answer", ["draft", "import", "-"], await navigator.clipboard.readText()));
    this.addCommand({ id: "paste-answer", name: "Paste the chat's answer", callback: paste });
    const show = () => this.perform("What waits", async () => this.formatStatus(await this.renewStatus()));
    this.addCommand({ id: "what-waits", name: "What waits", callback: show });
    const renew = () => this.renewStatus().catch(() => {}); // the status bar shows the failure
    this.renewLater = debounce(renew, this.saveDelay, true);
    this.registerEvent(this.app.vault.on("modify", (file) => this.noteSaved(file)));
    this.registerEvent(this.app.workspace.on("quit", () => this.onunload()));
    this.registerDomEvent(window, "focus", () => this.children.size && renew()); // back from the review page
    this.app.workspace.onLayoutReady(renew);
  }

  onunload() {
    this.renewLater.cancel();
    this.children.forEach((child) => child.kill("SIGINT"));
  }

  /** Add a command for the open note. The note is saved first because the program reads the file. */
  addNoteCommand(id, name, action) {
    const adapter = /** @type {FileSystemAdapter} */ (this.app.vault.adapter);
    const checkCallback = (checking) => {
      const file = this.app.workspace.getActiveFile();
      if (file && !checking) this.perform(`${name}: ${file.basename}`, async () => {
        await this.app.workspace.getActiveViewOfType(MarkdownView)?.save();
        return action(adapter.getFullPath(file.path), file.basename);
      });
      return Boolean(file);
    };
    this.addCommand({ id, name, checkCallback });
  }

  /** Show `title` while `action` runs, then the lines that it returns, or its error. */
  async perform(title, action) {
    const progress = new Notice(`${title} …`, 0);
    const lines = await action().catch((error) => [error.message]);
    progress.hide();
    new Notice(lines.filter(Boolean).join("\n"), 20_000);
  }

  /** Run the program once the previous call has ended. Resolves when the program ends or has printed `ready`. */
  call(args, input = "", ready = null) {
    const turn = this.queue.then(() => this.start(args, input, ready));
    this.queue = turn.then(() => {}, () => {});
    return turn;
  }

  start(args, input, ready) {
    return new Promise((resolve, reject) => {
      const program = expandHome(this.settings.program) || findProgram();
      if (!existsSync(program)) throw new Error(`${program ?? "the program ankiforge"}: not found\n${INSTALL_HINT}`);
      // without a workspace, the package is written to the working directory, which must not be the vault
      const options = { cwd: homedir(), env: { ...process.env, PYTHONUTF8: "1" }, windowsHide: true };
      const child = spawn(program, [...this.workspaceOption(), ...args], options);
      const output = { child, code: null, stdout: "", stderr: "" };
      const timer = setTimeout(() => {
        child.kill("SIGINT");
        reject(new Error(`ankiforge ${args[0]} took too long and was stopped\nhint: run it in a terminal`));
      }, this.timeout);
      this.children.add(child);
      child.stdin.on("error", () => {}).end(input); // a program that fails early leaves its input unread
      child.stderr.setEncoding("utf8").on("data", (text) => (output.stderr += text));
      child.stdout.setEncoding("utf8").on("data", (text) => {
        output.stdout += text;
        if (!ready?.test(output.stdout)) return;
        clearTimeout(timer);
        resolve(output);
      });
      child.on("error", (error) => reject(new Error(`${program} cannot be started: ${error.message}`)));
      child.on("close", (code) => {
        clearTimeout(timer);
        this.children.delete(child);
        resolve({ ...output, code });
      });
    });
  }

  /** Run a command with --json. Returns the printed value and the texts of its problems. */
  async callJson(args, input = "") {
    const output = await this.call([...args, "--json"], input);
    if (!output.stdout) throw new Error(formatError(output));
    const value = JSON.parse(output.stdout);
    const problems = (value.problems ?? []).map(formatProblem);
    return { value, problems: output.code && !problems.length ? [formatError(output)] : problems };
  }

  /** Run `status` once, even if several callers ask for it before it has ended. */
  renewStatus() {
    this.renewal ??= this.callJson(["status"]).then(({ value }) => value).finally(() => (this.renewal = null));
    const setText = (text) => this.statusBar.setText(text);
    this.renewal.then((status) => setText(`${countPending(status)} waiting`), () => setText("ankiforge: not ready"));
    return this.renewal;
  }

  async noteSaved(file) {
    if (!(file instanceof TFile) || file.extension !== "md") return;
    const text = await this.app.vault.cachedRead(file);
    if (this.savedTexts.get(file.path) !== text) this.renewLater();
    this.savedTexts.set(file.path, text);
  }

  formatStatus({ waiting, highlights, documents, next, why }) {
    const lists = joinTexts(formatCount(waiting.new, "draft"), formatCount(waiting.changed, "change"),
      formatCount(waiting.questions, "question"));
    const titles = Object.entries(documents).slice(0, 5).map(([title, count]) => `${title} (${count})`);
    const command = ["ankiforge", ...this.workspaceOption(), next].join(" ");
    return [`${countPending({ waiting })} waiting${lists && `: ${lists}`}`, joinTexts(...titles),
      formatCount(highlights.proposed, "proposal"),
      `next: ${next === "review" ? "Review" : `${command} in a terminal`}${why && ` (${why})`}`];
  }

  /** Run a command that prints the report of a run. Returns its text. */
  async runJson(name, args, input = "") {
    const { value, problems } = await this.callJson(args, input);
    const { highlights, cards, packages, notes } = value;
    const changes = joinTexts(formatCount(highlights.new, "new highlight"),
      formatCount(highlights.changed, "changed highlight"), formatCount(highlights.gone, "removed highlight"),
      formatCount(cards.accepted, "new card"), formatCount(cards.drafted - cards.accepted, "new draft"));
    const noteCount = formatCount(notes.added + notes.updated, "new or updated note");
    const delivery = noteCount && `${noteCount} for Anki: import ${packages.join(", ")}`;
    const status = this.formatStatus(await this.renewStatus());
    return [`${name}: ${changes || "nothing new"}`, ...problems, delivery, ...status];
  }

  async review(path) {
    this.reviewServer?.kill("SIGINT");
    const output = await this.call(["review", path], "", /http:\/\/127\.0\.0\.1:\d/);
    this.reviewServer = output.child;
    this.renewStatus().catch(() => {});
    if (output.code === null) return ["The review page opens in your browser. It closes when you quit Obsidian."];
    return [output.code ? formatError(output) : output.stdout.trim()];
  }

  async copyText(path, name) {
    const { value } = await this.callJson(["draft", "export", "-", "--from", path]);
    await navigator.clipboard.writeText(value.text);
    return [`${name} is copied: paste it into any chat, copy the whole answer`, "next: Paste the chat's answer"];
  }
}

class SettingTab extends PluginSettingTab {
  plugin = null;

  display() {
    const { settings } = this.plugin;
    const program = ["program", "Program", "The path of ankiforge, if it is not found by itself.", findProgram() ?? ""];
    const workspace = ["workspace", "Workspace", "The folder with ankiforge.yaml, if it is not your first one.", ""];
    this.containerEl.empty();
    for (const [key, name, description, placeholder] of [program, workspace]) {
      const save = (value) => this.plugin.saveData(Object.assign(settings, { [key]: value }));
      new Setting(this.containerEl).setName(name).setDesc(description)
        .addText((text) => text.setPlaceholder(placeholder).setValue(settings[key]).onChange(save));
    }
  }
}

module.exports = AnkiforgePlugin;
