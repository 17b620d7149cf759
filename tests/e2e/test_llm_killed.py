"""A run that is killed in the middle of a request goes on where it was, and pays nothing twice."""

import importlib.util
import signal
import subprocess
import sys
import threading
from pathlib import Path

_spec = importlib.util.spec_from_file_location(
    "llm_server", Path(__file__).parents[1] / "fakes" / "llm_server.py"
)
fake = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fake)

RUN = """
import sys
from pathlib import Path

from ankiforge.model import Document, DocumentKey, Highlight, HighlightKey, HighlightKind, Task
from ankiforge.draft.llm import Model
from ankiforge.draft.prompt import load
from ankiforge.draft.client import ServerSettings
from ankiforge.config import shipped

class Folder:
    def __init__(self, root):
        self.root = Path(root)
    def get(self, request):
        path = self.root / request.replace("/", "-")
        return path.read_text(encoding="utf-8") if path.exists() else None
    def put(self, request, raw, **_):
        path = self.root / request.replace("/", "-")
        path.with_suffix(".new").write_text(raw, encoding="utf-8")
        path.with_suffix(".new").rename(path)

paper = Document(DocumentKey("d"), source="papers", title="On Sleep")
tasks = [
    Task(paper, (Highlight(paper, "pdf:d", HighlightKind.HIGHLIGHT, f"Fact {n} is this.",
                           key=HighlightKey(f"k{n}")),))
    for n in range(4)
]
model = Model(ServerSettings(sys.argv[1], "fake"), Folder(sys.argv[2]), load("cards", [shipped("prompts")]))
for result in model.draft(iter(tasks)):
    print(result.drafts[0].quote, flush=True)
print("requests", model.usage.requests, "cached", model.usage.cached, flush=True)
"""


def start(server, folder):
    command = [sys.executable, "-c", RUN, server.base_url, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_killed_run_goes_on_for_the_price_of_what_is_missing(tmp_path):
    third_arrived, let_go = threading.Event(), threading.Event()

    def stuck_at_the_third(request):
        if "Fact 2" in str(request["messages"]):
            third_arrived.set()
            let_go.wait(20)
        return fake.obliging(request)

    with fake.LlmServer() as server:
        server.otherwise = stuck_at_the_third
        with start(server, tmp_path) as first:
            assert third_arrived.wait(30)
            first.send_signal(signal.SIGKILL)
        let_go.set()
        assert len(server.asked) == 3
        with start(server, tmp_path) as second:
            out, _ = second.communicate(timeout=30)
    facts = [f"Fact {n} is this." for n in range(4)]
    assert out.splitlines() == [*facts, "requests 2 cached 2"]
    assert len(server.asked) == 5


def test_an_interrupted_run_keeps_the_reply_that_was_under_way(tmp_path):
    arrived, let_go = threading.Event(), threading.Event()

    def slow(request):
        arrived.set()
        let_go.wait(20)
        return fake.obliging(request)

    with fake.LlmServer() as server:
        server.otherwise = slow
        with start(server, tmp_path) as running:
            assert arrived.wait(30)
            running.send_signal(signal.SIGINT)
            threading.Timer(0.3, let_go.set).start()
            running.wait(timeout=30)
    assert len(server.asked) == 1
    assert len(list(tmp_path.iterdir())) == 1
