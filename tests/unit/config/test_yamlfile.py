"""Every mistake has an address: file, line, key."""

import enum
from typing import Annotated, Literal

import msgspec
import pytest

from ankiforge.config.yamlfile import parse, read, typed
from ankiforge.errors import ConfigError


class Fruit(enum.StrEnum):
    APPLE = "apple"
    PEAR = "pear"


class Basket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    count: int = 0
    weight: Annotated[float, msgspec.Meta(ge=0)] | None = None
    fruit: Fruit = Fruit.APPLE
    names: tuple[str, ...] = ()
    one_or_more: str | tuple[str, ...] = ()
    size: Annotated[float, msgspec.Meta(gt=0, le=9)] | Literal["auto"] = "auto"
    free: dict[str, object] = {}


class Shop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    basket: Basket = Basket()
    baskets: tuple[Basket, ...] = ()


def shop(text: str) -> Shop:
    data, where = parse(text, "shop.yaml")
    return typed(Shop, data, where)


def complaint(text: str) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        shop(text)
    assert caught.value.exit_code == 2
    return caught.value.message, caught.value.hint


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        # values that do not fit
        ("title: x\nbasket:\n  cuont: 1", "3: basket.cuont: unknown key", "'count'"),
        ("title: x\nzzz: 1", "2: zzz: unknown key", "known: basket, baskets, title"),
        ("basket: {}", "1: 'title' is missing", ""),
        ("title: no", "1: title: expected text, got true or false", "quotes"),
        ("title: 1:30", "1: title: expected text, got a whole number", "quotes"),
        ("title: 2024-01-01", "1: title: expected text, got a date", "quotes"),
        ("title: x\nbaskets:\n- count: x", "3: baskets[0].count: expected a whole number", ""),
        ("title: x\nbaskets:\n- {}\n- fruit: paer", "4: baskets[1].fruit: 'paer' is not", "'pear'"),
        ("title: x\nbasket: {size: atuo}", "2: basket.size: 'atuo' is not", "'auto'"),
        ("title: x\nbasket: {names: y}", "2: basket.names: expected a list, got text", "lists"),
        ("title: x\nbasket: {one_or_more: [a, 2]}", "2: basket.one_or_more[1]: expected", "quotes"),
        ("title: x\nbasket:\n\n  weight: -1", "4: basket.weight: expected a number >= 0", ""),
        ("title: x\nbasket: []", "2: basket: expected a mapping, got a list", ""),
        ("- title", "1: expected a mapping, got a list", ""),
        # text that is no plain YAML
        ("title: x\nbasket:\n\tcount: 1", "3: found character '\\t'", "not with tabs"),
        ("title: [a", "1: expected ',' or ']'", "quotes"),
        ("title: x\ntitle: y", "2: 'title' is written twice, first in line 1", ""),
        ("basket:\n  free: {a: {b: 1,\n    b: 2}}", "3: 'b' is written twice", ""),
        ("title: x\n---\ntitle: y", "2: but found another document", ""),
        ("title: &a x\nbasket: *a", "2: aliases (*name) are not supported", ""),
        ("title: x\n5: y", "1: expected text", ""),
        ("? [a]\n: y", "1: found unhashable key", ""),
        ("title: !!python/object:os.system x", "1: could not determine a constructor", ""),
        ("title: x\nbasket: {count: !!int ''}", "1: string index out of range", ""),
        ('title: "\\U00110000"', "1: ", ""),
        ('title: "a\\0b"', "1: contains the control character U+0000", ""),
        ('title: "\\ud800"', "1: contains the control character U+D800", ""),
        ("title: x\nbasket: \x07", "2: a character that YAML forbids", ""),
        ("[" * 90_000, "1: maximum recursion depth", ""),
        ("- " * 90_000, "1: maximum recursion depth", ""),
    ],
)
def test_a_mistake_is_named_with_line_and_key(text, message, hint):
    got, advice = complaint(text)

    assert got.startswith(f"shop.yaml:{message}")
    assert hint in advice


def test_nothing_is_a_value_in_free_mappings():
    assert shop("title: x\nbasket: {free: {stop: null}}").basket.free == {"stop": None}


def test_line_ends_and_byte_order_mark_do_not_matter(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_bytes("\ufefftitle: é\r\nbasket: {cnt: 1}\r\n".encode())

    data, where = read(path, "shop.yaml")

    assert data == {"title": "é", "basket": {"cnt": 1}}
    assert str(where.at("basket", "cnt")) == "shop.yaml:2: basket.cnt"


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_bytes(b"title: x\nbasket: \xff")

    with pytest.raises(ConfigError, match=r"shop.yaml:2: not UTF-8 text"):
        read(path, "shop.yaml")


def test_a_place_that_is_not_in_the_file_has_the_line_of_the_nearest_key_above():
    _, where = parse("a:\n  b:\n    - c: 1\n", "x.yaml")

    assert str(where.at("a", "b", 0, "c")) == "x.yaml:3: a.b[0].c"
    assert str(where.at("a", "b", 0, "gone", 7)) == "x.yaml:3: a.b[0].gone[7]"
    assert str(where.at("zzz")) == "x.yaml:1: zzz"
