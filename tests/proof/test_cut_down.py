"""Random histories of `benchmarks.histories` that once went wrong, cut down to the steps they need."""

from __future__ import annotations

import pytest

from benchmarks.histories import Step, failure, in_this_process

ALONE = ("second",)
SHARED = ("one collection for each",)
HISTORIES: dict[str, tuple[int, tuple[str, ...], list[Step]]] = {
    "ledger lost, note renamed, a letter of the answer changed": (
        7035, ALONE, [("lose_ledger", 0, 0), ("rename", 1, 27), ("number", 35, 53)],
    ),
    "cut and year corrected, ledger lost, the note renamed": (
        7210, ALONE,
        [("cut", 42, 32), ("year", 44, 58), ("lose_ledger", 0, 0), ("rename", 57, 47)],
    ),
    "split, cut and corrected around the loss of the ledger": (
        5233, ALONE,
        [
            ("split", 56, 46), ("cut", 6, 51), ("lose_ledger", 0, 0), ("year", 51, 29),
            ("drop", 14, 32),
        ],
    ),
    "ledger and journal lost, split and renamed, words that only Anki has were corrected": (
        5044, ALONE,
        [
            ("year", 1, 3), ("cut", 8, 52), ("split", 24, 0), ("rename", 32, 16),
            ("replace", 28, 23), ("lose_both", 53, 28),
        ],
    ),
    "the answer edited, and then the question, each by so little that the passage is the same": (
        5206, ALONE, [("number", 21, 41), ("run", 4, 42), ("year", 6, 11)],
    ),
    "a word replaced before the second machine reads it": (
        8044, (), [("typo", 49, 43), ("run", 31, 34)],
    ),
    "a mark of a PDF corrected before the second machine reads it": (
        8035, (), [("number", 44, 50), ("run", 56, 39)],
    ),
    "another name put in before the second machine reads it": (
        30062, (), [("name", 30, 47), ("run", 24, 39)],
    ),
    "moved before the second machine reads it, replaced before the first one does": (
        30028, (), [("cut", 22, 37), ("paste", 53, 50), ("run", 0, 19), ("replace", 37, 10)],
    ),
    "corrected before the second machine reads it, both files of the first one lost": (
        8011, (), [("year", 40, 46), ("run", 7, 49), ("lose_both", 11, 47)],
    ),
    "corrected and renamed before the second machine reads it": (
        40053, (), [("year", 45, 5), ("rename", 36, 33), ("run", 41, 49)],
    ),
    "words typed in Anki, which the second machine does not read": (
        8070, (),
        [
            ("unite", 8, 9), ("rename", 30, 15), ("lose_ledger", 36, 43), ("type", 52, 19),
            ("run", 12, 9),
        ],
    ),
    "another name put in before either machine reads it again": (
        70024, (), [("name", 46, 5), ("run", 14, 19), ("run", 2, 40)],
    ),
    "a note of the second machine imported before the journals met": (
        40001, (), [("number", 2, 37), ("run", 46, 39), ("load", 23, 59), ("run", 40, 55)],
    ),
    "cited and the year corrected, while passages of the note were cut and pasted": (
        81290, ALONE, [("cite", 39, 55), ("cut", 55, 26), ("year", 51, 57), ("paste", 56, 53)],
    ),
    "a letter of the answer corrected, the ledger of the first machine lost": (
        81152, (), [("lose_ledger", 24, 20), ("number", 10, 47), ("run", 39, 19)],
    ),
    "a letter of the answer corrected before the second machine reads it, then cut": (
        81344, (), [("number", 5, 32), ("drop", 48, 12), ("run", 33, 59), ("cut", 23, 53)],
    ),
    "a copy of what was rejected on the second machine and accepted on the first": (
        # one machine blocks the copy, the other accepted it before the rejection and keeps it
        40043, ("agree",), [("cut", 54, 39), ("run", 58, 54), ("copy", 44, 12), ("reject", 55, 9)],
    ),
    "both files of the first machine lost, the year corrected before the second one reads it": (
        910057, (), [("lose_both", 7, 7), ("run", 4, 27), ("year", 6, 2), ("run", 31, 9)],
    ),
    "words added to the answer before the second machine reads it": (
        930076, (), [("cite", 50, 47), ("run", 43, 5), ("run", 1, 14)],
    ),
    "another fact in place of one that the second machine knows from the journal": (
        300133, (), [("replace", 45, 55), ("unite", 20, 39), ("run", 30, 44)],
    ),
    "corrected, cut and pasted elsewhere before the second machine reads it": (
        300035, (),
        [
            ("number", 49, 32), ("drop", 22, 12), ("run", 36, 24), ("paste", 33, 0),
            ("run", 18, 28),
        ],
    ),
    "corrected, and taken over from Anki by a machine that had no journal": (
        960034, SHARED,
        [("insert", 13, 6), ("run", 19, 7), ("load", 27, 52), ("run", 41, 54)],
    ),
    "words typed in Anki and shipped with them, moved on the second machine": (
        40032, (),
        [
            ("rename", 27, 26), ("type", 7, 4), ("copy", 45, 39), ("run", 21, 44),
            ("run", 23, 38), ("lose_ledger", 13, 38), ("drop", 59, 29),
        ],
    ),
    "a passage that may be another one, and the ledger lost again before a person says so": (
        51051, ALONE, [("lose_ledger", 40, 33), ("replace", 7, 3)],
    ),
    "a number of a PDF's mark corrected, the ledger lost, and lost again": (
        51024, ALONE, [("number", 13, 30), ("lose_ledger", 33, 17)],
    ),
    "corrected and split with both files lost, then the ledger alone": (
        51050, ALONE,
        [("insert", 11, 39), ("split", 52, 4), ("number", 24, 37), ("lose_both", 51, 22)],
    ),
    "a card that only Anki had, of a passage that is another one, and the ledger lost": (
        51007, ALONE,
        [
            ("cut", 27, 30), ("lose_both", 15, 12), ("add", 42, 48), ("load", 55, 37),
            ("copy", 20, 44), ("paste", 52, 15), ("cut", 27, 13), ("replace", 37, 23),
        ],
    ),
    "a letter of a name corrected for the second machine, and a passage added beside it for the first": (
        950146, (),
        [("drop", 14, 18), ("add", 37, 27), ("number", 27, 15), ("run", 45, 34), ("add", 40, 9)],
    ),
    "another fact in the place of one that only Anki had, read by the second machine, too": (
        1100193, (), [("lose_both", 12, 53), ("name", 57, 6), ("run", 23, 35), ("run", 25, 39)],
    ),
    "a year corrected, which waits on a machine and is another fact where both files were lost": (
        960046, (), [("run", 4, 9), ("lose_both", 6, 32), ("rename", 21, 33), ("year", 2, 24)],
    ),
    "a letter corrected, which is another name where the ledger was lost": (
        980044, SHARED, [("run", 27, 24), ("add", 21, 0), ("lose_both", 33, 32), ("number", 47, 34)],
    ),
    "another fact that the second machine read, and the note of the old one in Anki alone": (
        930010, (), [("replace", 20, 16), ("lose_both", 8, 25), ("run", 6, 14)],
    ),
    "a correction that a person accepted, blocked on a machine that had not read the old words": (
        1230011, (),
        [
            ("number", 12, 12), ("run", 8, 55), ("unite", 39, 7), ("run", 4, 24),
            ("accept", 42, 57),
        ],
    ),
    "words inserted, and first read by a machine that knows the old ones from the journal": (
        970015, (), [("reprint", 1, 14), ("run", 21, 19), ("insert", 44, 39), ("run", 27, 13)],
    ),
    "rejected while a correction waited, which the second machine had not read": (
        1230006, (),
        [
            ("cut", 33, 13), ("run", 50, 54), ("number", 36, 11), ("run", 57, 12),
            ("reject", 35, 23),
        ],
    ),
    "copies of a corrected passage, which wait on one machine and are merged on the other": (
        1100143, (),
        [
            ("number", 50, 36), ("run", 42, 13), ("copy", 52, 23), ("copy", 27, 9),
            ("lose_both", 2, 53), ("run", 38, 9),
        ],
    ),
    "a note corrected and copied before either machine read it, each with a card of its own": (
        970065, (), [("year", 36, 49), ("copy", 7, 51), ("run", 44, 59), ("run", 6, 3)],
    ),
    "a note copied and then corrected, the ledger lost before either was read": (
        1110143, ALONE, [("copy", 32, 28), ("insert", 47, 54), ("lose_ledger", 1, 4)],
    ),
    "a citation that the second machine read alone, and the name replaced before the first did": (
        1100200, (), [("cite", 19, 31), ("run", 7, 4), ("name", 19, 36), ("run", 53, 37)],
    ),
    "the second machine shipped a correction before the first, which lost its ledger, read it": (
        1250056, (),
        [("number", 1, 48), ("lose_ledger", 30, 57), ("unite", 29, 4), ("run", 20, 24)],
    ),
    "a year corrected while one machine had neither file, and then the other no ledger": (
        1300086, (),
        [("lose_both", 12, 38), ("run", 50, 4), ("year", 30, 20), ("lose_ledger", 56, 59)],
    ),
    "a name replaced in a PDF while a machine that has its note in Anki had no ledger": (
        1300056, (),
        [("add", 57, 34), ("run", 34, 19), ("number", 15, 58), ("lose_ledger", 36, 45)],
    ),
    "words accepted on one machine, and rejected on the other under another key of a PDF": (
        1320042, (),
        [
            ("typo", 57, 34), ("run", 31, 50), ("run", 46, 14), ("reject", 58, 59),
            ("accept", 50, 35),
        ],
    ),
    "a note renamed and cited for the second machine, and corrected before the first, without a ledger, reads it": (
        1400070, (),
        [
            ("rename", 14, 47), ("lose_ledger", 9, 47), ("cite", 8, 53), ("run", 23, 39),
            ("year", 8, 10),
        ],
    ),
    "corrected where it was read first, and another word replaced before the first machine reads it": (
        1400040, (),
        [
            ("unite", 44, 7), ("number", 7, 6), ("cut", 24, 47), ("run", 56, 29),
            ("cut", 59, 50), ("typo", 45, 47),
        ],
    ),
    "a name replaced where a person had typed words in Anki, and read on the second machine": (
        1500169, (), [("type", 48, 27), ("run", 54, 9), ("name", 8, 20)],
    ),
    "a letter of the answer corrected, and the note renamed before the first machine reads it": (
        1500075, (),
        [
            ("number", 51, 15), ("cut", 4, 24), ("run", 19, 39), ("drop", 29, 36),
            ("rename", 17, 13),
        ],
    ),
    "a card edited on each of two machines": (
        1250029, (),
        [("rename", 13, 26), ("add", 28, 25), ("reword", 6, 20), ("run", 6, 49), ("reword", 54, 44)],
    ),
    "a citation that the second machine shipped, and a word replaced before the first read it": (
        930061, (),
        [("cut", 37, 8), ("run", 39, 14), ("cite", 16, 53), ("run", 30, 29), ("typo", 2, 18)],
    ),
    "a corrected number read first by the second machine, and by the first in a renamed note": (
        1100027, (),
        [
            ("number", 24, 59), ("run", 44, 24), ("shuffle", 32, 22), ("rename", 20, 7),
            ("run", 3, 30),
        ],
    ),
    "a card reworded on one machine, with another name on the other, which sees the same Anki": (
        940067, SHARED, [("name", 33, 31), ("reword", 42, 51), ("run", 47, 9)],
    ),
    "words typed in Anki, taken over without the journal, and the card edited on the first machine": (
        980031, SHARED, [("type", 30, 12), ("run", 17, 32), ("reword", 0, 30), ("run", 1, 4)],
    ),
    "corrected and copied, and both first read by a machine that knows the old words from the journal": (
        1800002, (), [("number", 41, 54), ("copy", 11, 36), ("run", 22, 40), ("run", 17, 29)],
    ),
    "rejected with the old answer, while the new one waited on the second machine": (
        1700005, (),
        [
            ("run", 27, 44), ("reject", 51, 46), ("number", 57, 49), ("run", 19, 39),
            ("reject", 40, 17),
        ],
    ),
    "a copy corrected, of which each machine had made the other one its card": (
        1810151, (),
        [
            ("copy", 28, 7), ("add", 47, 21), ("run", 5, 40), ("run", 58, 44),
            ("number", 52, 2),
        ],
    ),
    "the year of a passage and of its copy corrected, of which each machine had made one its card": (
        1700092, (),
        [
            ("split", 48, 12), ("cut", 26, 29), ("year", 36, 26), ("copy", 38, 11),
            ("run", 32, 32), ("lose_ledger", 1, 26), ("run", 19, 54),
        ],
    ),
    "a letter of the answer corrected in a note that changed around it, the ledger lost": (
        1410027, (),
        [
            ("lose_ledger", 22, 8), ("drop", 35, 33), ("cut", 26, 28), ("cut", 54, 58),
            ("number", 4, 48), ("run", 43, 59),
        ],
    ),
    "moved in its note and words added to the answer before the second machine reads it": (
        1700101, (), [("cut", 12, 33), ("paste", 1, 45), ("cite", 7, 35), ("run", 14, 59)],
    ),
    "a number corrected and imported by the second machine, both files of the first lost": (
        1810094, (), [("number", 21, 3), ("run", 47, 49), ("load", 50, 4), ("lose_both", 48, 8)],
    ),
    "moved to another note, of which Anki shows one key and the journal another": (
        1810164, (),
        [
            ("cut", 0, 45), ("run", 12, 34), ("lose_ledger", 29, 37), ("split", 36, 58),
            ("lose_journal", 58, 50),
        ],
    ),
    "another fact in a renamed note, of which one machine knows the first words, and one the second": (
        1100037, (),
        [
            ("rename", 47, 7), ("number", 40, 2), ("run", 1, 17), ("add", 20, 31),
            ("run", 28, 29), ("add", 55, 57), ("year", 12, 31), ("run", 34, 39),
        ],
    ),
    "a year replaced where a person had worded the card, which each machine has under its own key": (
        1850067, (), [("reword", 52, 10), ("cut", 50, 26), ("run", 0, 9), ("year", 19, 23)],
    ),
    "another fact in a PDF, for which each machine asks a question of its own": (
        1850012, (),
        [("run", 26, 14), ("replace", 42, 46), ("run", 46, 14), ("reprint", 17, 52)],
    ),
    "another passage cut where one that only Anki has was pasted with a citation": (
        1110003, ALONE,
        [
            ("cite", 52, 2), ("cut", 22, 57), ("lose_both", 20, 14), ("run", 3, 39),
            ("paste", 42, 8), ("cut", 47, 59),
        ],
    ),
    "a year corrected where it was read first, and another word replaced in a note that changed around it": (
        1820093, (),
        [
            ("drop", 51, 33), ("year", 25, 54), ("paste", 30, 35), ("run", 11, 39),
            ("paste", 16, 11), ("typo", 30, 3),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_that_once_went_wrong(name: str) -> None:
    seed, without, steps = HISTORIES[name]
    with in_this_process():
        assert not failure(seed, steps, without, shared=without == SHARED)
