"""The column that most likely holds the texts, or none where a person has to say it."""

import pytest

from sentiment.data.tables import likely_text
from sentiment.data.tables.rows import BrokenRow

OPINIONS = ["The room was dirty and cold", "A lovely friendly hotel, really", "Rude staff and a broken lift again"]
IDS = ["1", "2", "3"]
NAMES = ["Kestrel Air", "Lumo Coffee", "Kestrel Air"]
JAPANESE = ["\u90e8\u5c4b\u304c\u3068\u3066\u3082\u5bd2\u304b\u3063\u305f\u3067\u3059\u306d\u672c\u5f53\u306b"] * 2 + [
    "\u6700\u9ad8\u3067\u3057\u305f"
]


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"id": IDS, "Full Text": OPINIONS}, "Full Text"),
        ({"id": IDS, "message": OPINIONS, "brand": NAMES}, "message"),
        ({"id": IDS, "Body": OPINIONS}, "Body"),
        ({"review": OPINIONS, "text": ["good", "bad", "fine"]}, None),  # a name says one, the words say another
        ({"text": ["good", "bad", "fine"], "id": IDS}, "text"),
        ({"id": IDS, "Kommentar": OPINIONS, "brand": NAMES}, "Kommentar"),  # by its words
        ({"id": IDS, "\u611f\u60f3": JAPANESE[:1] + OPINIONS[:2]}, "\u611f\u60f3"),
        ({"content": IDS, "opinion": OPINIONS}, "opinion"),  # the name is one of texts, the values are none
        ({"pros": OPINIONS, "cons": OPINIONS}, None),
        ({"message": OPINIONS, "body": OPINIONS}, None),
        ({"id": IDS, "brand": NAMES}, None),
        ({"id": IDS, "reason": [OPINIONS[0]] * 3}, None),  # repeats itself: a category
        ({"link": [f"https://example.com/a-b-c-d-{i}" for i in IDS], "id": IDS}, None),
        ({"17": IDS, "The food was really cold": OPINIONS}, None),  # the header is a row
    ],
)
def test_the_text_column_is_found_by_name_and_content_or_not_at_all(columns, found):
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    broken = BrokenRow(list(columns), "line 1: 9 values")
    assert likely_text(list(columns), [broken, *rows]) == found


def test_a_table_without_rows_has_no_likely_column():
    assert likely_text(["id", "text"], []) is None
