// The user's own question about words of a sentence. The answer is the blanked-out text until the user changes it.
import { h } from "./dom.js";
import { renderUnsaved } from "./edit.js";
import { foldLetters } from "./letters.js";
import { MODE } from "./states.js";

const MIN_ANSWER = 3; // letters; a shorter answer may occur in its question by chance

export function makeQuestionEditor(sentenceView, onChange) {
  const area = (name, label) => h("textarea", { className: name, rows: 2, dir: "auto", ariaLabel: label, placeholder: label, oninput: onInput });
  const question = area("question", "Your question");
  const answer = area("answer", "The answer");
  const warning = h("p", { className: "why caution", role: "status", hidden: true });
  const from = h("p", { className: "from", dir: "auto" }, "From the sentence: ", sentenceView.box.cloneNode(true));
  const labelled = (name, box) => h("label", {}, h("span", { className: "label" }, name), box);
  const hidden = sentenceView.answer();
  answer.value = hidden;

  function onInput() {
    const [asked, wanted] = [foldLetters(question.value), foldLetters(answer.value)];
    warning.hidden = wanted.length < MIN_ANSWER || !asked.includes(wanted);
    warning.textContent = `The question already says the answer: “${answer.value.trim()}”.`;
    onChange();
  }

  // Return what to send, or focus what is missing and return null.
  function readDecision() {
    const [text, words] = [question.value.trim(), answer.value.trim()];
    const missing = !text ? question : !words ? answer : null;
    if (missing) {
      missing.focus();
      return null;
    }
    if (words === hidden) return { act: "make", spans: sentenceView.readSelection().spans, question: text };
    return { act: "write", fields: { Front: text, Back: words } };
  }

  return {
    node: h("div", { className: "asking" }, labelled("Question", question), labelled("Answer", answer), warning, from),
    mode: MODE.ASK,
    focus: () => question.focus(),
    isChanged: () => Boolean(question.value.trim()),
    kept: () => renderUnsaved([question.value, answer.value]),
    text: () => question.value.trim(),
    readDecision,
  };
}
