// The part of Electron, which Obsidian provides, that the plug-in uses.
declare module "electron" {
  /** `openPath` opens a file with its program. Resolves to "" or the reason of a failure. */
  export const shell: { openPath(path: string): Promise<string> };
}
