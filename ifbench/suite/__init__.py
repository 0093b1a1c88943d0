"""From YAML to cells."""

from ifbench.suite.faults import Fault, SuiteError
from ifbench.suite.find import find_suite
from ifbench.suite.overlay import read_assignment
from ifbench.suite.schema import json_schema
from ifbench.suite.suite import Suite, load_suite

__all__ = ["Fault", "Suite", "SuiteError", "find_suite", "json_schema", "load_suite", "read_assignment"]
