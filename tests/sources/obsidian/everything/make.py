"""A vault with all that Obsidian can write around a mark."""

from pathlib import Path

BODY = """\
---
title: All that is written
aliases: [Other name, "Third: name"]
tags: [optics, "history/of science", 2024]
deck: Reading::Optics
created: 2026-01-02
---
# Head with `code` and $x^2$ ^head

Colours: <mark class="hltr-yellow">a class</mark> is one. By style
<mark style="background: #FFB8EBA6;">a colour with alpha</mark> is another one. A
<mark>mark without</mark> is none.

> [!warning]- A title with ==a mark==
> A folded callout says nothing marked.
>
> > [!tip] Nested
> > Its ==inner words== count.

> [!note]
> A callout without marks is one highlight,
> with [[Lens|a lens]] in it.

- A list of ==two things==
- the second

^list-id

| Who | What |
|---|---|
| Snell | a ==law== |

^table-id

> A quote with ==words== in it.

^quote-id

Nothing in `#code` is a tag, nor is #1; #real/nested-tag and ==words== here. #end

```python
x == y  # ==not== a mark
```

An embed ![[shot.png|80]] beside ==words==, and ![alt|100x20](shot.png) another.

A note within: ![[Lens#Focus]] and ==this== stays a link.

A ==wikilink [[Lens#Focus|to a focus]]== and [a link](https://example.org/a_(b) "title"), [[Lens]].

Left %%==out==%% and <!-- ==this== --> of ==it==.

%%
==a whole block==
%%

Maths $a ==b== c$, in a mark ==$E = mc^2$ holds==, and
$$
x == y
$$

A footnote[^1] ==marked== and one inside^[with ==its own== mark].

[^1]: The ==text== of it.

- Parents
  1. of a number
     - [ ] hold a ==task== below
       with a second line

       and a ==second paragraph==.
- The kinds are:
  - ==one== kind

What follows has three kinds:

- ==First== of them
- second

<div align="center">
An HTML block with ==a mark== in it.
</div>

<details><summary>More</summary>

Inside ==the details== of it.

</details>

A no-break\u00a0space in ==a\u00a0mark== and a soft\u00adhy\u00adphen in ==ta\u00adble==.
Emoji ==\U0001f468\u200d\U0001f469\u200d\U0001f467 family== here.

\u05d4\u05de\u05d9\u05dc\u05d4 ==\u05d4\u05d7\u05e9\u05d5\u05d1\u05d4== \u05db\u05d0\u05df.

\u5149\u306f==\u7c92\u5b50==\u3067\u3042\u308a\u3001==\u6ce2==\u3067\u3082\u3042\u308b\u3002\u6b21\u306e\u6587\u3002

A block with an id ==here==. ^own-id
"""


def make(folder: Path) -> None:
    vault = folder / "vault"
    vault.mkdir(exist_ok=True)
    (vault / "shot.png").write_bytes(b"")
    (vault / "Lens.md").write_text("# Focus\nNothing.\n", encoding="utf-8")
    (vault / "Everything.md").write_bytes(
        b"\xef\xbb\xbf" + BODY.replace("\n", "\r\n").encode("utf-8")
    )
    (vault / "No cards.md").write_text("---\ncards: false\n---\nAn ==answer==.\n", encoding="utf-8")
