"""Cards that keep failing, in a real browser: what is known of them, and one key for each way out."""

from tests.anki.studying import NEW, OLD, Desk, remark


def test_a_failing_card_is_left_or_redrawn_by_keys(forge, backend, fake, review, settled):
    with fake.LlmServer() as model:
        desk = Desk(forge, backend, fake, model)
        desk.studied(lapses=6)
        with desk.anki() as anki:
            remark(anki, desk.old, "which alphabet?")
        forge.ok("pull")

        page = review()
        page.click(".parts [data-view=work]")
        settled(page)
        assert page.inner_text("#kind") == "Needs work"
        known = page.inner_text("#why") + page.inner_text("#body")
        assert "orgotten 6 times in 14 answers" in known
        assert "which alphabet?" in known
        page.keyboard.press("l")
        settled(page)
        assert "No card in Anki keeps failing" in page.inner_text("#main")
        page.keyboard.press("u")
        settled(page)

        desk.draws(NEW)
        page.keyboard.press("r")
        page.keyboard.type("say which alphabet")
        page.keyboard.press("Enter")
        page.locator("#told", has_text="a new card waits under New cards").wait_for()
        settled(page)
        assert "say which alphabet" in desk.asked()
        page.click(".parts [data-view=pending]")
        settled(page)
        assert OLD in page.inner_text("#body")
        page.keyboard.press("a")
        settled(page)
        assert desk.card(OLD)["standing"] == "retired"
        assert desk.card(NEW)["verdict"] == "accepted"
