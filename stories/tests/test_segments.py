"""How texts are cut into segments, at the edges where a division would be wrong."""

import pytest

from stories.segments import count_segments


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 80 + "a", 2),
        # 152 septets, then an escaped character that does not fit into the one that is left.
        ("a" * 152 + "€" + "a" * 151, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("é" * 160, 1),
        ("“" * 70, 1),
        ("“" * 71, 2),
        ("“" * 134, 2),
        ("“" * 135, 3),
        # A curly quote makes everything UCS-2, so the surrogate pair may not straddle unit 67.
        ("“" * 66 + "😀" + "“" * 65, 2),
        ("“" * 66 + "😀" + "“" * 66, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 67, 3),
        ("ç", 1),
        ("ç" * 71, 2),
        ("`" * 71, 2),
        ("\f" * 80, 1),
        ("\f" * 81, 2),
        ("line\r\n" * 26, 1),
    ],
)
def test_segments_are_cut_where_carriers_cut(body, segments):
    assert count_segments(body) == segments
