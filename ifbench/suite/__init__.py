"""From YAML to cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ifbench.core.exports import exports

if TYPE_CHECKING:
    from ifbench.suite.faults import Fault as Fault
    from ifbench.suite.faults import SuiteError as SuiteError
    from ifbench.suite.find import find_suite as find_suite
    from ifbench.suite.overlay import read_assignment as read_assignment
    from ifbench.suite.schema import json_schema as json_schema
    from ifbench.suite.suite import Suite as Suite
    from ifbench.suite.suite import load_suite as load_suite
else:
    __getattr__, __dir__, __all__ = exports(__name__, __file__)
