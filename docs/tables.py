"""Tables on a phone: there a row is a card (static/tables.css), and each cell of it says which column it is of."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform


class ColumnHeads(SphinxPostTransform):
    """Put the head of its column into each cell but the first of a row; wide pages do not show it."""

    default_priority = 900
    formats = ("html",)

    def run(self, **_) -> None:
        for group in self.document.findall(nodes.tgroup):
            [heads] = group.next_node(nodes.thead).children
            for row in group.next_node(nodes.tbody).children:
                for head, cell in list(zip(heads, row, strict=True))[1:]:
                    cell.insert(0, nodes.inline(text=head.astext(), classes=["column-head"]))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_post_transform(ColumnHeads)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
