// A stand-in of Electron's shell. `opened` records the files that were opened; a missing file is refused.
const { existsSync } = require("node:fs");

const opened = [];
const openPath = async (path) => {
  if (!existsSync(path)) return "no such file";
  opened.push(path);
  return "";
};

module.exports = { shell: { openPath }, opened };
