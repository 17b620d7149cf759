"""Asking the model again in a real browser: the page goes on while it thinks."""

import json
import threading
from typing import Any

ALPHA = "Alpha is the first letter of the Greek alphabet."
BETA = "Beta follows alpha as the second letter."


def test_a_person_goes_on_while_the_model_thinks(forge, fake, review, settled):
    thought = threading.Event()

    def thinking(request: Any) -> Any:
        thought.wait(60)
        return fake.cards(fake.card("1", ALPHA, "Which letter comes first?", "Alpha"))

    with fake.LlmServer() as model:
        (forge.folder / "notes").mkdir()
        (forge.folder / "notes" / "a.md").write_text(f"=={ALPHA}==\n\n=={BETA}==\n")
        llm = {"base_url": model.base_url, "model": "fake-1", "candidates": 1}
        forge.settings(
            f"sources: [{{obsidian: {{name: notes, path: notes}}}}]\nllm: {json.dumps(llm)}\n"
            "drafter: llm\naccept: {llm: review}\nanki: {collection: none}\n"
        )
        forge.ok("run")
        model.otherwise = thinking
        page = review()
        page.keyboard.press("r")
        page.keyboard.type("the order")
        page.keyboard.press("Enter")
        page.locator("#told", has_text="Asking fake-1 at 127.0.0.1").wait_for()
        page.keyboard.press("j")
        settled(page)
        assert BETA in page.inner_text("#source")
        thought.set()
        page.locator("#told", has_text="a new card waits under New cards").wait_for()
        page.keyboard.press("k")
        settled(page)
        assert page.locator("#cards article").count() == 2
