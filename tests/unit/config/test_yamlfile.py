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
        ("title: x\nbasket:\n  cuont: 1", "shop.yaml:3: basket.cuont: unknown key", "'count'"),
        ("title: x\nzzz: 1", "shop.yaml:2: zzz: unknown key", "known: basket, baskets, title"),
        ("basket: {}", "shop.yaml:1: 'title' is missing", ""),
        ("title: no", "shop.yaml:1: title: expected text, got true or false", "quotes"),
        ("title: 1:30", "shop.yaml:1: title: expected text, got a whole number", "quotes"),
        (
            "title: x\nbaskets:\n- count: 1\n- count: x",
            "shop.yaml:4: baskets[1].count: expected a whole number, got text",
            "",
        ),
        (
            "title: x\nbaskets:\n- count: 1\n-\n  fruit: paer",
            "shop.yaml:5: baskets[1].fruit: 'paer' is not possible here",
            "did you mean 'pear'?",
        ),
        (
            "title: x\nbasket: {size: atuo}",
            "shop.yaml:2: basket.size: 'atuo' is not possible here",
            "did you mean 'auto'?",
        ),
        (
            "title: x\nbasket: {names: y}",
            "shop.yaml:2: basket.names: expected a list, got text",
            "write a list",
        ),
        (
            "title: x\nbasket: {one_or_more: [a, 2]}",
            "shop.yaml:2: basket.one_or_more[1]: expected text, got a whole number",
            "quotes",
        ),
        (
            "title: x\nbasket:\n\n  weight: -1",
            "shop.yaml:4: basket.weight: expected a number at least 0.0",
            "",
        ),
        ("title: x\nbasket: {size: .nan}", "shop.yaml:2: basket.size: expected a number", ""),
        ("title: x\nbasket: []", "shop.yaml:2: basket: expected a mapping, got a list", ""),
        ("- title", "shop.yaml:1: expected a mapping, got a list", ""),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_line_and_key(text, message, hint):
    got, advice = complaint(text)

    assert got.startswith(message)
    assert hint in advice


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("title: x\nbasket:\n\tcount: 1", "shop.yaml:3: found character '\\t'", "not with tabs"),
        ("title: [a", "shop.yaml:1: expected ',' or ']'", "quotes"),
        ("title: x\ntitle: y", "shop.yaml:2: title: written twice, first in line 1", ""),
        (
            "basket:\n  free: {a: {b: 1,\n    b: 2}}",
            "shop.yaml:3: basket.free.a.b: written twice",
            "",
        ),
        ("title: x\n---\ntitle: y", "shop.yaml:2: but found another document", ""),
        ("title: &a x\nbasket: *a", "shop.yaml:2: basket: aliases (*name) are not supported", ""),
        ("<<: {title: x}", "shop.yaml:1: '<<': unknown key", "known"),
        ("title: x\n5: y", "shop.yaml:2: a key must be text", "quotes"),
        ("? [a]\n: y", "shop.yaml:1: a key must be text", "quotes"),
        (
            "title: !!python/object:os.system x",
            "shop.yaml:1: could not determine a constructor for the tag",
            "",
        ),
        ("title: x\nbasket: {count: !!int ''}", "shop.yaml:1: string index out of range", ""),
        ('title: "\\U00110000"', "shop.yaml:1: ", ""),
        ('title: "a\\0b"', "shop.yaml:1: title: contains the control character U+0000", ""),
        ('title: "\\ud800"', "shop.yaml:1: title: contains the control character U+D800", ""),
        ("title: x\nbasket: \x07", "shop.yaml:2: a character that YAML forbids", ""),
        ("[" * 90_000, "shop.yaml:1: nested too deeply", ""),
        ("- " * 90_000, "shop.yaml:1: nested too deeply", ""),
    ],
)
def test_text_that_is_no_plain_yaml_is_refused_with_its_line(text, message, hint):
    got, advice = complaint(text)

    assert got.startswith(message)
    assert hint in advice


def test_a_key_without_a_value_has_its_default():
    assert shop("title: x\nbasket:\n  count:\nbaskets:") == Shop("x")


def test_nothing_is_a_value_in_free_mappings():
    assert shop("title: x\nbasket: {free: {stop: null}}").basket.free == {"stop": None}


def test_dates_and_equal_signs_are_text():
    assert shop("title: 2024-99-99\nbasket: {names: [=, ==]}") == Shop(
        "2024-99-99", Basket(names=("=", "=="))
    )


def test_line_ends_and_byte_order_mark_do_not_matter(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_bytes("\ufefftitle: é\r\nbasket: {cnt: 1}\r\n".encode())

    data, where = read(path, "shop.yaml")

    assert data == {"title": "é", "basket": {"cnt": 1}}
    assert str(where.at("basket", "cnt")) == "shop.yaml:2: basket.cnt"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"title: x\nbasket: \xff", "shop.yaml:2: not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, content, message):
    path = tmp_path / "shop.yaml"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=message):
        read(path, "shop.yaml")


def test_a_place_that_is_not_in_the_file_has_the_line_of_the_nearest_key_above():
    _, where = parse("a:\n  b:\n    - c: 1\n", "x.yaml")

    assert str(where.at("a", "b", 0, "c")) == "x.yaml:3: a.b[0].c"
    assert str(where.at("a", "b", 0, "gone", 7)) == "x.yaml:3: a.b[0].gone[7]"
    assert str(where.at("zzz")) == "x.yaml:1: zzz"


def test_a_hostile_key_stays_on_one_line():
    message, _ = complaint('title: x\n"a` - at `$.b\\nline two": 1')

    assert "\n" not in message
    assert message.endswith("unknown key")
