"""The clippings of Kindles that speak different languages, as they write them: BOM, CR LF."""

from pathlib import Path

ENTRIES = (
    (
        "\ufeffThe Loom of Memory (2nd Edition) (Roe, Ann;Poe, Ed)",
        "- Your Highlight on page 12 | location 170-172 | Added on Thursday, January 1, 2015 12:05:00 AM",
        "Retrieval strengthens memory.",
    ),
    (
        "The Loom of Memory (2nd Edition) (Roe, Ann;Poe, Ed)",
        "- Your Note on page 12 | location 172 | Added on Thursday, 1 January 2015 13:06:00",
        "What does retrieval do to memory?",
    ),
    (
        "The Loom of Memory (2nd Edition) (Roe, Ann;Poe, Ed)",
        "- Your Bookmark on page 13 | location 180 | Added on Thursday, January 1, 2015 1:07:00 PM",
        "",
    ),
    (
        "The Loom of Memory (2nd Edition) (Roe, Ann;Poe, Ed)",
        "- Highlight Loc. 2433-34  | Added on Monday, March 07, 2011, 10:05 PM",
        "Two\nparagraphs.",
    ),
    (
        "Die Linse",
        "- Ihre Markierung auf Seite 7 | bei Position 96-97 | Hinzugefügt am Freitag, 8. Mai 2020 17:23:15",
        "Eine Linse bündelt das Licht.",
    ),
    (
        "Die Linse",
        "- Ihre Notiz auf Seite xii | bei Position 20 | Hinzugefügt am Mittwoch, 9. Oktober 2019 11:13:06",
        "Eine Notiz für sich",
    ),
    (
        "La lumière (Émile Exemple)",
        "- Votre surlignement à l’emplacement 144-146 | Ajouté le mardi 5 mars 2024 09:12:45",
        "La lumière se propage en ligne droite.",
    ),
    (
        "La luz (Ejemplo, Eva)",
        "- Tu subrayado en la página 6 | posición 36-40 | Añadido el lunes, 30 de septiembre de 2019 18:00:39",
        "La luz viaja en línea recta.",
    ),
    (
        "La luce (Elia Esempio)",
        "- La tua evidenziazione a pagina 47 | posizione 712-714 | Aggiunto in data lunedì 20 novembre 2023 23:50:21",
        "La luce viaggia in linea retta.",
    ),
    (
        "A luz (Exemplo)",
        "- Seu destaque ou posição 333-334 | Adicionado: sábado, 16 de maio de 2015 13:16:48",
        "A luz viaja em linha reta.",
    ),
    (
        "光 (例子)",
        "- 您在第 47 页（位置 #708-710）的标注 | 添加于 2021年3月5日星期五 下午1:26:56",
        "光沿直线传播。",
    ),
    (
        "光 (例子)",
        "- 您在位置 #710 的笔记 | 添加于 2021年3月5日星期五 上午12:30:00",
        "光怎样传播？",
    ),
    (
        "光の本 (例 太郎)",
        "- 26ページ|位置No. 38-39のハイライト |作成日: 2017年8月28日月曜日 17:51:55",
        "光は直進する。",
    ),
    (
        "Kniha (Neznámý)",
        "- Vaše zvýraznění na straně 5 | pozice 60-61 | Přidáno v pondělí 1. ledna 2024 10:00:00",
        "A language this program does not know.",
    ),
    (
        "Bound (Publisher)",
        "- Your Highlight on page 90 | location 1400-1402 | Added on Friday, May 8, 2020 5:23:15 PM",
        " <You have reached the clipping limit for this item>",
    ),
    ("A line too few", "", ""),
)


def make(folder: Path) -> None:
    """Write `My Clippings.txt`."""
    text = "".join(
        f"{title}\n{line}\n\n{words}\n==========\n" for title, line, words in ENTRIES
    )
    (folder / "My Clippings.txt").write_bytes(text.replace("\n", "\r\n").encode())
