"""What data sets have in common: where files are, which examples are taken, tables, text, images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ifbench.core.exports import exports

if TYPE_CHECKING:
    from ifbench.core.data.images import Scale as Scale
    from ifbench.core.data.images import Scaling as Scaling
    from ifbench.core.data.images import channels_first as channels_first
    from ifbench.core.data.images import inputs_of as inputs_of
    from ifbench.core.data.images import scale_of as scale_of
    from ifbench.core.data.images import standardise as standardise
    from ifbench.core.data.places import FOLDER as FOLDER
    from ifbench.core.data.places import data_root as data_root
    from ifbench.core.data.places import find as find
    from ifbench.core.data.places import not_found as not_found
    from ifbench.core.data.places import read_once as read_once
    from ifbench.core.data.places import under_root as under_root
    from ifbench.core.data.subset import Own as Own
    from ifbench.core.data.subset import Part as Part
    from ifbench.core.data.subset import Rows as Rows
    from ifbench.core.data.subset import Selection as Selection
    from ifbench.core.data.subset import Subset as Subset
    from ifbench.core.data.subset import by_share as by_share
    from ifbench.core.data.subset import choose as choose
    from ifbench.core.data.subset import choose_parts as choose_parts
    from ifbench.core.data.subset import class_numbers as class_numbers
    from ifbench.core.data.subset import how_many as how_many
    from ifbench.core.data.subset import split as split
    from ifbench.core.data.tables import Table as Table
    from ifbench.core.data.tables import class_names as class_names
    from ifbench.core.data.tables import classes_of as classes_of
    from ifbench.core.data.tables import read_table as read_table
    from ifbench.core.data.text import decode as decode
    from ifbench.core.data.text import encode as encode
    from ifbench.core.data.text import is_text as is_text
else:
    __getattr__, __dir__, __all__ = exports(__name__, __file__)
