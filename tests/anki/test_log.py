"""A card that vanished from Anki: the log says who took it, by the card's id."""

from ankiforge.config.log import LOG_FILE


def test_a_card_that_was_deleted_in_anki_is_in_the_log(desk):
    desk.write("Katze:::cat\n\nHund:::dog\n")
    desk.go()
    guid, other = desk.guid("Katze"), desk.guid("Hund")
    desk.delete()
    desk.run()
    text = (desk.hidden / LOG_FILE).read_text("utf-8")
    lines = [line.split(" ", 3)[3] for line in text.splitlines() if guid in line]
    kinds = [line.partition(" guid ")[0] for line in lines]
    first = ["accept", "fact", "shipped", "seen", "first seen in Anki:"]
    assert kinds == [*first, "retire", "deleted in Anki:"]
    assert "by person on " in lines[-2]
    assert f"deleted in Anki: guid {other}" not in text
    assert "read 1 notes in Anki, 0 new reviews" in text
    assert "packed 2 notes, 2 new, 0 updated" in text
