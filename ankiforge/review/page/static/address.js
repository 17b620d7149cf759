// Where the reader is, in the address: `#pending/guid`. So reload, Back and a second window work.

// -> { view, at, query }
export function read() {
  const [view = "", at = ""] = location.hash.slice(1).split("/").map(plain);
  return { view, at, query: history.state?.query };
}

function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return ""; // typed by hand
  }
}

// Another view is a step that Back undoes; another item of the same is not.
export function write({ view, item, query }) {
  const address = `#${encodeURIComponent(view)}${item ? `/${encodeURIComponent(item.id)}` : ""}`;
  if (address === location.hash && history.state?.query === query) return;
  const step = read().view === view || !location.hash ? "replaceState" : "pushState";
  history[step]({ query }, "", address);
}
