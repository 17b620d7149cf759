// Runs the program ankiforge for the open note, and shows what the program printed.
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join, relative } from "node:path";
import { shell } from "electron";
import {
  App,
  FileSystemAdapter,
  MarkdownView,
  Modal,
  Notice,
  Plugin,
  PluginSettingTab,
  Setting,
  TFile,
  debounce,
  type Debouncer,
  type SettingDefinitionItem,
} from "obsidian";

interface Settings {
  program: string;
  workspace: string;
  asksBeforeAdding: boolean;
}

interface Note {
  path: string;
  name: string;
}

interface Button {
  text: string;
  tooltip?: string;
  press: () => void;
}

/** What a command shows: a notice if there is only a title, otherwise a modal. */
interface Outcome {
  title: string;
  lines?: string[];
  buttons?: Button[];
}

/** What `ankiforge status --json` prints. */
interface Status {
  waiting: { total: number; new: number; changed: number; questions: number };
  highlights: { more: number; without: number };
  documents: Record<string, number>;
  remembered: string[];
  next: string;
  why: string;
}

interface Problem {
  where: string;
  what: string;
  hint: string;
}

/** What `ankiforge run --json` and `ankiforge draft import --json` print. */
interface RunReport {
  highlights: { new: number; changed: number; gone: number };
  cards: { accepted: number; drafted: number };
  notes: { added: number; updated: number };
  packages: string[];
}

/** The output of the program. `code` is null while the program still runs. */
interface Output {
  child: ChildProcess;
  code: number | null;
  stdout: string;
  stderr: string;
}

// where uv, pipx and Homebrew install programs: on macOS, Obsidian doesn't get the PATH of the shell
const INSTALL_DIRECTORIES = [join(homedir(), ".local", "bin"), "/opt/homebrew/bin", "/usr/local/bin"];
const INSTALL_HINT =
  "hint: install ankiforge, as this plug-in's page in the list of community plug-ins says; " +
  "if it is installed, set its path in the plug-in's settings";

/** What a person in Obsidian does for the first word of the next command that `status` suggests. */
const NEXT_STEPS: Record<string, string> = {
  review: "Review",
  run: "Make cards from this note",
  draft: "Copy this note's text for my chat",
};

function expandHome(path: string): string {
  return path.trim().replace(/^~(?=$|[/\\])/, homedir());
}

function joinTexts(...texts: string[]): string {
  return texts.filter(Boolean).join(", ");
}

function formatCount(count: number, noun: string): string {
  return count ? `${count} ${noun}${count === 1 ? "" : "s"}` : "";
}

function formatProblem({ where, what, hint }: Problem): string {
  return `${where}: ${what}${hint && `\nhint: ${hint}`}`.replace(/^-: /, "");
}

function formatError({ code, stderr }: Output): string {
  const json = stderr.trim().split("\n").find((line) => line.startsWith('{"error":'));
  if (json) {
    const { what, hint } = (JSON.parse(json) as { error: Omit<Problem, "where"> }).error;
    return `${what}${hint && `\nhint: ${hint}`}`;
  }
  return stderr.trim().replace(/^ankiforge: /gm, "") || `ankiforge ended with code ${code}, without a message`;
}

function countPending({ waiting }: Status): number {
  return waiting.total;
}

function isInside(path: string, folder: string): boolean {
  const route = relative(folder, path);
  return !route.startsWith("..") && !isAbsolute(route);
}

function findProgram(): string | undefined {
  const name = process.platform === "win32" ? "ankiforge.exe" : "ankiforge";
  const directories = [...(process.env.PATH ?? "").split(delimiter).filter(isAbsolute), ...INSTALL_DIRECTORIES];
  return directories.map((directory) => join(directory, name)).find((path) => existsSync(path));
}

export default class AnkiforgePlugin extends Plugin {
  settings: Settings = { program: "", workspace: "", asksBeforeAdding: true };
  saveDelay = 30_000; // Obsidian saves a note every few seconds while it is being written
  timeout = 600_000;
  renewal: Promise<Status> | null = null;
  readonly children = new Set<ChildProcess>();
  private queue: Promise<unknown> = Promise.resolve();
  private reviewServer: ChildProcess | null = null;
  private statusBar!: HTMLElement;
  private renewLater!: Debouncer<[], unknown>;

  async onload(): Promise<void> {
    this.settings = { ...this.settings, ...((await this.loadData()) as Partial<Settings> | null) };
    this.addSettingTab(new SettingTab(this.app, this));
    this.statusBar = this.addStatusBarItem();
    this.addNoteCommand("make-cards", NEXT_STEPS.run, (note) => this.makeCards(note));
    this.addNoteCommand("review", NEXT_STEPS.review, (note) => this.review(note));
    this.addNoteCommand("copy-text", NEXT_STEPS.draft, (note) => this.copyText(note));
    this.addGlobalCommand("paste-answer", "Paste the chat's answer", () => this.pasteAnswer());
    this.addGlobalCommand("what-waits", "What waits", () => this.showStatus());
    const renew = () => void this.renewStatus().catch(() => {}); // the status bar shows the failure
    this.renewLater = debounce(renew, this.saveDelay, true);
    const isNote = (file: unknown) => file instanceof TFile && file.extension === "md";
    this.registerEvent(this.app.vault.on("modify", (file) => void (isNote(file) && this.renewLater())));
    this.registerEvent(this.app.workspace.on("quit", () => this.onunload()));
    this.registerDomEvent(window, "focus", () => void (this.children.size && renew())); // back from the review page
    this.app.workspace.onLayoutReady(renew);
  }

  onunload(): void {
    this.renewLater.cancel();
    this.children.forEach((child) => child.kill("SIGINT"));
  }

  /** Add a command for the open note. The note is saved first because the program reads the file. */
  private addNoteCommand(id: string, name: string, action: (note: Note) => Promise<Outcome>): void {
    const start = async (file: TFile) => {
      const title = `${name}: ${file.basename}`;
      try {
        await this.app.workspace.getActiveViewOfType(MarkdownView)?.save();
        const note = { path: this.getFullPath(file), name: file.basename };
        if (await this.confirmSource(note)) await this.perform(title, () => action(note));
      } catch (error) {
        this.showError(title, error);
      }
    };
    const checkCallback = (checking: boolean) => {
      const file = this.app.workspace.getActiveFile();
      if (file && !checking) void start(file);
      return Boolean(file);
    };
    this.addCommand({ id, name, checkCallback });
  }

  private addGlobalCommand(id: string, name: string, action: () => Promise<Outcome>): void {
    this.addCommand({ id, name, callback: () => void this.perform(name, action) });
  }

  private getFullPath(file: TFile): string {
    const { adapter } = this.app.vault;
    if (adapter instanceof FileSystemAdapter) return adapter.getFullPath(file.path);
    throw new Error("this vault is not a folder on this computer, so ankiforge cannot read its notes");
  }

  /** Ask before a note becomes a source, unless it is in a source or the user said that notes may be added. */
  private async confirmSource({ path, name }: Note): Promise<boolean> {
    if (!this.settings.asksBeforeAdding) return true;
    const { remembered } = await this.renewStatus();
    const realPath = realpathSync(path);
    if (remembered.some((source) => isInside(realPath, source))) return true;
    return new Promise((resolve) => {
      const addAlways = () => {
        this.settings.asksBeforeAdding = false;
        void this.saveData(this.settings);
        resolve(true);
      };
      const question = new OutcomeModal(this.app, {
        title: `Add “${name}” to the sources of ankiforge?`,
        lines: [
          "ankiforge reads the note now, and again in each later run. The note is not changed.",
          `To take it back, type in a terminal: ${this.formatCommand(`forget "${path}"`)}`,
        ],
        buttons: [
          { text: "Add this note", press: () => resolve(true) },
          { text: "Add, and do not ask again", press: addAlways },
          { text: "Cancel", press: () => resolve(false) },
        ],
      });
      question.onClose = () => resolve(false); // without effect after a button
      question.open();
    });
  }

  /** Show `title` while `action` runs, then its outcome or its error. */
  private async perform(title: string, action: () => Promise<Outcome>): Promise<void> {
    const progress = new Notice(`${title} …`, 0);
    try {
      this.show(await action());
    } catch (error) {
      this.showError(title, error);
    } finally {
      progress.hide();
    }
  }

  private show(outcome: Outcome): void {
    if (outcome.lines?.length || outcome.buttons?.length) new OutcomeModal(this.app, outcome).open();
    else new Notice(outcome.title, 10_000);
  }

  private showError(title: string, error: unknown): void {
    this.show({ title, lines: [error instanceof Error ? error.message : String(error)] });
  }

  /** Run the program once the previous call has ended. Resolves when the program ends or has printed `ready`. */
  private call(args: string[], input = "", ready: RegExp | null = null): Promise<Output> {
    const turn = this.queue.then(() => this.start(args, input, ready));
    this.queue = turn.catch(() => {});
    return turn;
  }

  private start(args: string[], input: string, ready: RegExp | null): Promise<Output> {
    return new Promise((resolve, reject) => {
      const program = expandHome(this.settings.program) || findProgram();
      if (!program || !existsSync(program)) {
        throw new Error(`${program ?? "the program ankiforge"}: not found\n${INSTALL_HINT}`);
      }
      // without a workspace, the package is written to the working directory, which must not be the vault
      const options = { cwd: homedir(), env: { ...process.env, PYTHONUTF8: "1" }, windowsHide: true };
      const child = spawn(program, [...this.workspaceOption(), ...args], options);
      const output: Output = { child, code: null, stdout: "", stderr: "" };
      const timer = window.setTimeout(() => {
        child.kill("SIGINT");
        const hint = `hint: in a terminal, ${this.formatCommand(args[0])} has no limit of time`;
        reject(new Error(`ankiforge ${args[0]} took too long and was stopped\n${hint}`));
      }, this.timeout);
      this.children.add(child);
      child.stdin.on("error", () => {}).end(input); // a program that fails early leaves its input unread
      child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output.stdout += text;
        if (!ready?.test(output.stdout)) return;
        window.clearTimeout(timer);
        resolve(output);
      });
      child.on("error", (error) => reject(new Error(`${program} cannot be started: ${error.message}`)));
      child.on("close", (code) => {
        window.clearTimeout(timer);
        this.children.delete(child);
        resolve({ ...output, code });
      });
    });
  }

  private workspaceOption(): string[] {
    return this.settings.workspace.trim() ? ["-C", expandHome(this.settings.workspace)] : [];
  }

  private formatCommand(command: string): string {
    return ["ankiforge", ...this.workspaceOption(), command].join(" ");
  }

  /** Run a command with --json. Returns the printed value and the texts of its problems. */
  private async callJson<Value>(args: string[], input = ""): Promise<{ value: Value; problems: string[] }> {
    const output = await this.call([...args, "--json"], input);
    if (!output.stdout) throw new Error(formatError(output));
    const value = JSON.parse(output.stdout) as Value & { problems?: Problem[] };
    const problems = (value.problems ?? []).map(formatProblem);
    return { value, problems: output.code && !problems.length ? [formatError(output)] : problems };
  }

  /** Run `status` once, even if several callers ask for it before it has ended. */
  private renewStatus(): Promise<Status> {
    this.renewal ??= this.callJson<Status>(["status"])
      .then(({ value }) => value)
      .finally(() => (this.renewal = null));
    const setText = (text: string) => this.statusBar.setText(text);
    this.renewal.then(
      (status) => setText(`${countPending(status)} waiting`),
      () => setText("ankiforge: not ready"),
    );
    return this.renewal;
  }

  private formatStatus(status: Status): string[] {
    const { waiting, highlights, documents, next, why } = status;
    const kinds = [
      formatCount(waiting.new, "new card"),
      formatCount(waiting.changed, "changed card"),
      formatCount(waiting.questions, "question"),
    ].filter(Boolean);
    const total = kinds.length === 1 ? kinds[0] : countPending(status);
    const remaining = formatCount(highlights.more + highlights.without, "highlight");
    const titles = Object.entries(documents)
      .slice(0, 5)
      .map(([title, count]) => `${title} (${count})`);
    const step = NEXT_STEPS[next.split(" ")[0]] ?? (next && `${this.formatCommand(next)} in a terminal`);
    return [
      `${total} waiting${kinds.length > 1 ? `: ${joinTexts(...kinds)}` : ""}`,
      joinTexts(...titles),
      remaining && `${remaining} without a card`,
      step && `next: ${step}${why && ` (${why})`}`,
    ].filter(Boolean);
  }

  /** The buttons below a status. `note` is the note that the command was for. */
  private makeButtons(status: Status, packagePath = "", note?: Note): Button[] {
    const buttons: Button[] = [];
    const addButton = (text: string, tooltip: string, action: () => Promise<Outcome>) =>
      buttons.push({ text, tooltip, press: () => void this.perform(text, action) });
    if (countPending(status)) {
      addButton("Review", "Decide on cards in your browser", () => this.review(note));
    }
    if (note && (status.highlights.more || status.highlights.without)) {
      addButton("Copy text", `${NEXT_STEPS.draft}: ${note.name}`, () => this.copyText(note));
    }
    if (packagePath) addButton("Open package", `Import ${packagePath} into Anki`, () => this.openPackage(packagePath));
    return buttons;
  }

  private async showStatus(): Promise<Outcome> {
    const status = await this.renewStatus();
    const [title, ...lines] = this.formatStatus(status);
    return { title, lines, buttons: this.makeButtons(status) };
  }

  private makeCards(note: Note): Promise<Outcome> {
    return this.runJson(note.name, ["run", note.path], "", note);
  }

  private async pasteAnswer(): Promise<Outcome> {
    return this.runJson("The chat's answer", ["draft", "import", "-"], await navigator.clipboard.readText());
  }

  /** Run a command that prints the report of a run, and show the report with the new status. */
  private async runJson(name: string, args: string[], input: string, note?: Note): Promise<Outcome> {
    const { value, problems } = await this.callJson<RunReport>(args, input);
    const { highlights, cards, packages, notes } = value;
    const changes = joinTexts(
      formatCount(highlights.new, "new highlight"),
      formatCount(highlights.changed, "changed highlight"),
      formatCount(highlights.gone, "removed highlight"),
      formatCount(cards.accepted, "new card"),
      formatCount(cards.drafted - cards.accepted, "new draft"),
    );
    const noteCount = formatCount(notes.added + notes.updated, "new or updated note");
    const delivery = noteCount && `${noteCount} for Anki: import ${packages.join(", ")}`;
    const status = await this.renewStatus();
    return {
      title: `${name}: ${changes || "nothing new"}`,
      lines: [...problems, delivery, ...this.formatStatus(status)].filter(Boolean),
      buttons: this.makeButtons(status, noteCount && packages[0], note),
    };
  }

  private async review(note?: Note): Promise<Outcome> {
    this.reviewServer?.kill("SIGINT");
    const args = ["review", ...(note ? [note.path] : [])];
    const output = await this.call(args, "", /http:\/\/127\.0\.0\.1:\d/);
    this.reviewServer = output.child;
    void this.renewStatus().catch(() => {}); // the status bar shows the failure
    if (output.code) throw new Error(formatError(output));
    if (output.code === null) return { title: "The review page opens in your browser, until you quit Obsidian" };
    const [title, ...lines] = output.stdout.trim().split("\n");
    return { title, lines };
  }

  private async copyText({ path, name }: Note): Promise<Outcome> {
    const { value } = await this.callJson<{ text: string }>(["draft", "export", "-", "--from", path]);
    await navigator.clipboard.writeText(value.text);
    return { title: `${name} is copied: paste it into your chat, copy its answer, then run “Paste the chat's answer”` };
  }

  private async openPackage(path: string): Promise<Outcome> {
    const reason = await shell.openPath(path);
    if (reason) throw new Error(`${path} cannot be opened: ${reason}\nhint: import it in Anki, by File, Import`);
    return { title: "The package opens in Anki" };
  }
}

class OutcomeModal extends Modal {
  constructor(
    app: App,
    private readonly outcome: Outcome,
  ) {
    super(app);
  }

  onOpen(): void {
    const { title, lines = [], buttons = [] } = this.outcome;
    this.setTitle(title);
    for (const line of lines.flatMap((text) => text.split("\n"))) this.contentEl.createEl("p", { text: line });
    const row = buttons.length ? new Setting(this.contentEl) : null;
    for (const [index, { text, tooltip = "", press }] of buttons.entries()) {
      row?.addButton((button) => {
        button.setButtonText(text).setTooltip(tooltip);
        if (index === 0) button.setCta();
        button.onClick(() => {
          press();
          this.close();
        });
      });
    }
  }
}

class SettingTab extends PluginSettingTab {
  getSettingDefinitions(): SettingDefinitionItem[] {
    return [
      {
        name: "Program",
        desc: "The path of ankiforge, if it is not found by itself.",
        control: { type: "text", key: "program", placeholder: findProgram() ?? "" },
      },
      {
        name: "Workspace",
        desc: "The folder with ankiforge.yaml, if it is not your first one.",
        control: { type: "text", key: "workspace" },
      },
      {
        name: "Ask before a note becomes a source",
        desc: "A source is read again in each later run.",
        control: { type: "toggle", key: "asksBeforeAdding" },
      },
    ];
  }
}
