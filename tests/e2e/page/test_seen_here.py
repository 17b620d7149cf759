"""`S`: whether something was looked at before, asked on the page."""

from playwright.sync_api import expect

TITLE = "<img src=x onerror=alert(1)> Cells & cats"
NOTE = f"""---
title: "{TITLE}"
doi: 10.1000/182
---
Katze:::cat

The ==mitochondrion== makes <script>alert(2)</script> energy.
"""


def test_what_was_read_before_is_found_as_one_types(forge, vault, review):
    (vault / "Cells.md").write_text(NOTE, encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    page = review()
    page.keyboard.press("S")
    field = page.locator("#seen-query")
    expect(field).to_be_focused()
    page.keyboard.type("katz")
    expect(page.locator("#seen-list h3")).to_have_text(TITLE)
    expect(page.locator("#seen-list li b")).to_have_text(["Katze:::cat", "Katze"])
    expect(page.locator("#seen-told")).to_have_text("1 work")
    assert page.locator("#seen-list img, #seen-list script").count() == 0

    field.fill("https://doi.org/10.1000/182")
    expect(page.locator("#seen-list dd").first).to_have_text("identifier: doi 10.1000/182")
    links = page.locator("#seen-list .seen-links a")
    assert {link.get_attribute("href").partition(":")[0] for link in links.all()} == {
        "obsidian", "https",
    }  # fmt: skip

    field.fill("quantum chromodynamics")
    expect(page.locator("#seen-told")).to_contain_text("Nothing here matches")
    expect(page.locator("#seen-list li")).to_have_count(0)
    field.fill('" OR *')
    page.keyboard.press("Enter")
    expect(page.locator("#seen-told")).not_to_be_empty()

    page.keyboard.press("Escape")
    expect(page.locator("#seen")).to_be_hidden()
    page.keyboard.press("a")
    expect(page.locator("#told")).to_contain_text("ccepted")
