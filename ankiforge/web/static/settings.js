// What a person chose about the page. The address has another port each time, and so another
// storage; cookies are the same for all ports.
const YEAR = 31536000;

export function remember(name, value) {
  document.cookie = `ankiforge_${name}=${value}; max-age=${YEAR}; path=/; SameSite=Strict`;
}
/** @returns {any} */
export function recalled(name, otherwise = false) {
  const found = document.cookie.split("; ").find((one) => one.startsWith(`ankiforge_${name}=`))?.split("=")[1];
  if (found === undefined) return otherwise;
  return found === "true" || (found !== "false" && found);
}
