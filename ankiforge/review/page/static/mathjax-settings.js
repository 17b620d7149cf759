// As Anki sets MathJax up, so that a formula that fails there fails here.
window.MathJax = {
  tex: {
    displayMath: [["\\[", "\\]"]],
    inlineMath: [["\\(", "\\)"]],
    processEscapes: false,
    processEnvironments: false,
    processRefs: false,
    packages: { "[+]": ["noerrors", "mathtools", "mhchem"], "[-]": ["textmacros"] },
  },
  options: { enableMenu: false },
  startup: { typeset: false },
};
// A card's frame has no storage, and MathJax complains when it looks for its menu's settings there.
Object.defineProperty(window, "localStorage", { value: { getItem: () => null } });
